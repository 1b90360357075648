/**
 * Where the pixels of a tensor come from. The rules are those of the usual evaluation transforms:
 * the shorter side is resized to `resize`, keeping the shape, then the centre is cropped. An image
 * that would be smaller than the crop is enlarged until it covers it.
 *
 * The result speaks of the image as stored, before its EXIF orientation is applied, so that the
 * library decodes from top to bottom and only the small crop is turned. Pure.
 */
import { swapsAxes } from './exif-orientation.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Rectangle extends Size {
  readonly left: number;
  readonly top: number;
}

export interface CropGeometry {
  /** Cut this out before resizing; null: nothing to cut. Only of very long, thin images. */
  readonly before: Rectangle | null;
  /** Resize to exactly this; equal to the size there is where nothing is to be resized. */
  readonly resized: Size;
  /** The crop, in the resized image. */
  readonly crop: Rectangle;
}

export interface CropRequest {
  /** Length of the shorter side after resizing; null: no resize. */
  readonly resize: number | null;
  readonly cropWidth: number;
  readonly cropHeight: number;
}

/** An image that is longer than this many times its breadth is cut before it is enlarged. */
const ASPECT_MAX = 16;

/** `stored` is the size as stored; `orientation` the EXIF one, 1 to 8. */
export function cropGeometry(
  stored: Size,
  orientation: number,
  request: CropRequest,
): CropGeometry {
  const swapped = swapsAxes(orientation);
  // The request in the axes of the stored image.
  const cropWidth = swapped ? request.cropHeight : request.cropWidth;
  const cropHeight = swapped ? request.cropWidth : request.cropHeight;
  const shorter = Math.min(stored.width, stored.height);
  const wanted = request.resize === null ? 1 : request.resize / shorter;
  const scale = Math.max(wanted, cropWidth / stored.width, cropHeight / stored.height);
  const before = cutLongImage(stored, scale, { width: cropWidth, height: cropHeight });
  const source = before ?? stored;
  const resized = {
    width: Math.max(cropWidth, Math.round(source.width * scale)),
    height: Math.max(cropHeight, Math.round(source.height * scale)),
  };
  const { flipX, flipY } = storedFlips(orientation);
  return {
    before,
    resized,
    crop: {
      left: centred(resized.width, cropWidth, flipX),
      top: centred(resized.height, cropHeight, flipY),
      width: cropWidth,
      height: cropHeight,
    },
  };
}

/**
 * Enlarging 1 × 100 000 pixels until the shorter side fits would give billions of pixels, nearly all
 * of them cropped away afterwards.
 */
function cutLongImage(stored: Size, scale: number, crop: Size): Rectangle | null {
  const { width, height } = stored;
  if (Math.max(width, height) <= ASPECT_MAX * Math.min(width, height)) return null;
  // Two pixels more on each side: what the filter looks at.
  const keptWidth = Math.min(width, Math.ceil(crop.width / scale) + 4);
  const keptHeight = Math.min(height, Math.ceil(crop.height / scale) + 4);
  return {
    left: Math.floor((width - keptWidth) / 2),
    top: Math.floor((height - keptHeight) / 2),
    width: keptWidth,
    height: keptHeight,
  };
}

/** An odd remainder goes to the far side of the upright image, hence to the near one of a flipped. */
function centred(length: number, kept: number, flipped: boolean): number {
  const before = Math.floor((length - kept) / 2);
  return flipped ? length - kept - before : before;
}

/** Whether the stored axis runs against the upright image's. */
function storedFlips(orientation: number): { flipX: boolean; flipY: boolean } {
  return {
    flipX: [2, 3, 7, 8].includes(orientation),
    flipY: [3, 4, 6, 7].includes(orientation),
  };
}
