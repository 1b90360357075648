/**
 * The last step to a tensor: turns the crop upright and puts the channels in order, in one copy. Pure.
 */
import type { ColorOrder } from '../../shared/record/image-tensor.ts';
import { swapsAxes } from './exif-orientation.ts';

export interface StoredPixels {
  /** RGB, rows from the top. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * Gives `height × width × channels` of the upright image in an ArrayBuffer of its own. Always a
 * copy: memory of the image library cannot be transferred to another thread.
 */
export function orientPixels(
  stored: StoredPixels,
  orientation: number,
  color: ColorOrder,
): Uint8Array<ArrayBuffer> {
  if (orientation === 1 && color === 'RGB') return new Uint8Array(stored.data);
  const width = swapsAxes(orientation) ? stored.height : stored.width;
  const height = swapsAxes(orientation) ? stored.width : stored.height;
  const { origin, stepX, stepY } = walk(stored, orientation);
  const channels = color === 'GREY' ? 1 : 3;
  const target = new Uint8Array(width * height * channels);
  let to = 0;
  for (let y = 0; y < height; y += 1) {
    let from = origin + y * stepY;
    for (let x = 0; x < width; x += 1, from += stepX, to += channels) {
      const red = stored.data[from] as number;
      const green = stored.data[from + 1] as number;
      const blue = stored.data[from + 2] as number;
      if (color === 'GREY') {
        target[to] = luma(red, green, blue);
      } else {
        target[to] = color === 'RGB' ? red : blue;
        target[to + 1] = green;
        target[to + 2] = color === 'RGB' ? blue : red;
      }
    }
  }
  return target;
}

/** Rec. 601 in 16-bit fixed point, as Pillow's `L`; grey stays exactly what it was. */
function luma(red: number, green: number, blue: number): number {
  return (red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16;
}

/** Where the upright image's first pixel is stored, and how far its right and lower neighbours are. */
function walk(
  stored: StoredPixels,
  orientation: number,
): { origin: number; stepX: number; stepY: number } {
  const x = 3;
  const y = stored.width * 3;
  const right = (stored.width - 1) * x;
  const bottom = (stored.height - 1) * y;
  switch (orientation) {
    case 2:
      return { origin: right, stepX: -x, stepY: y };
    case 3:
      return { origin: right + bottom, stepX: -x, stepY: -y };
    case 4:
      return { origin: bottom, stepX: x, stepY: -y };
    case 5:
      return { origin: 0, stepX: y, stepY: x };
    case 6:
      return { origin: bottom, stepX: -y, stepY: x };
    case 7:
      return { origin: right + bottom, stepX: -y, stepY: -x };
    case 8:
      return { origin: right, stepX: y, stepY: -x };
    default:
      return { origin: 0, stepX: x, stepY: y };
  }
}
