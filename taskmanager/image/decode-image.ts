/**
 * Bytes of an image → pixels. The two things that are wanted of an image, a tensor and a thumbnail,
 * with one policy:
 *
 * - truncated or corrupt data is rejected, not patched up;
 * - the EXIF orientation is applied; of an animation or of several pages the first one is taken;
 * - CMYK, grey, palettes, 16 bits and other colour spaces become 8-bit sRGB;
 * - transparent pixels are put on white, as a page would show them.
 *
 * The work happens in libuv's pool; BMP is unpacked on the calling thread first.
 */
import type { Sharp, SharpOptions } from 'sharp';
import type { Preprocessing } from '../../shared/model/model-spec.ts';
import type { ImageTensor } from '../../shared/record/image-tensor.ts';
import { decodeBmp } from './bmp-decoder.ts';
import { type CropGeometry, cropGeometry } from './crop-geometry.ts';
import { DecodeBudget } from './decode-budget.ts';
import { decodeError } from './image-error.ts';
import type { ImageFormat } from './image-format.ts';
import { type ImageHeader, type ImageLimits, readImageHeader } from './image-header.ts';
import { orientPixels } from './orient-pixels.ts';
import { DECODE_TIMEOUT_SECONDS, sharp } from './sharp-runtime.ts';

/** Four bytes a pixel at most, so about 200 MB for all that one thread decodes at a time. */
const PIXELS_IN_FLIGHT_MAX = 50_000_000;

const budget = new DecodeBudget(PIXELS_IN_FLIGHT_MAX);

const BACKGROUND = '#ffffff';

/** What is known of an image besides its pixels; of the upright image. */
export interface ImageFacts {
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
}

export interface DecodedImage extends ImageFacts {
  readonly tensor: ImageTensor;
}

/** Rejects with IMAGE_FORMAT, IMAGE_TOO_LARGE or IMAGE_CORRUPT. */
export async function decodeImageTensor(
  bytes: Uint8Array,
  preprocessing: Preprocessing,
  limits: ImageLimits,
): Promise<DecodedImage> {
  const header = await readImageHeader(bytes, limits);
  const stored = { width: header.storedWidth, height: header.storedHeight };
  const geometry = cropGeometry(stored, header.orientation, preprocessing);
  const data = await budget.run(stored.width * stored.height, async () => {
    try {
      const rgb = await decodeCrop(bytes, header, geometry, limits);
      return orientPixels(rgb, header.orientation, preprocessing.color);
    } catch (error) {
      throw decodeError(header.format, error);
    }
  });
  const { scale, mean, std, layout, type, color } = preprocessing;
  return {
    format: header.format,
    width: header.width,
    height: header.height,
    tensor: {
      data,
      height: preprocessing.cropHeight,
      width: preprocessing.cropWidth,
      channels: color === 'GREY' ? 1 : 3,
      color,
      normalization: { scale, mean, std, layout, type },
    },
  };
}

/** The crop as stored, not yet upright; RGB. */
async function decodeCrop(
  bytes: Uint8Array,
  header: ImageHeader,
  geometry: CropGeometry,
  limits: ImageLimits,
): Promise<{ data: Uint8Array; width: number; height: number }> {
  const { before, resized, crop } = geometry;
  const pipeline = openImage(bytes, header, limits);
  if (before !== null) pipeline.extract(before);
  // Triangle filter: what "antialiased bilinear" is elsewhere, and what models were trained with.
  pipeline.resize({ ...resized, fit: 'fill', kernel: 'linear' });
  // The library reads lazily: it would not notice what is missing below the crop.
  const rows = header.complete ? crop : { ...crop, top: 0, height: resized.height };
  const data = await pipeline
    .extract(rows)
    .flatten({ background: BACKGROUND })
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  const rowBytes = crop.width * 3;
  const first = header.complete ? 0 : crop.top * rowBytes;
  return {
    data: data.subarray(first, first + crop.height * rowBytes),
    width: crop.width,
    height: crop.height,
  };
}

function openImage(bytes: Uint8Array, header: ImageHeader, limits: ImageLimits): Sharp {
  const options: SharpOptions = {
    failOn: 'error',
    limitInputPixels: limits.pixelsMax,
    ignoreIcc: header.ignoreColorProfile,
  };
  if (header.bmp === null)
    return sharp(bytes, options).timeout({ seconds: DECODE_TIMEOUT_SECONDS });
  const { data, width, height, channels } = decodeBmp(bytes, header.bmp);
  return sharp(data, { ...options, raw: { width, height, channels } });
}

export interface ThumbnailRequest {
  readonly width: number;
  readonly height: number;
  readonly fit: 'cover' | 'contain' | 'inside';
  readonly format: 'jpeg' | 'png' | 'webp' | 'avif';
  readonly quality: number;
}

/** Gives the encoded thumbnail. Rejects as {@link decodeImageTensor} does. */
export async function makeThumbnail(
  bytes: Uint8Array,
  request: ThumbnailRequest,
  limits: ImageLimits,
): Promise<Uint8Array> {
  const header = await readImageHeader(bytes, limits);
  return budget.run(header.width * header.height, async () => {
    try {
      const pipeline = openImage(bytes, header, limits)
        .autoOrient()
        .resize({
          width: request.width,
          height: request.height,
          fit: request.fit,
          background: BACKGROUND,
          withoutEnlargement: request.fit === 'inside',
        })
        .flatten({ background: BACKGROUND })
        .toColourspace('srgb');
      return await encode(pipeline, request);
    } catch (error) {
      throw decodeError(header.format, error);
    }
  });
}

function encode(pipeline: Sharp, request: ThumbnailRequest): Promise<Uint8Array> {
  const { format, quality } = request;
  switch (format) {
    case 'jpeg':
      return pipeline.jpeg({ quality }).toBuffer();
    case 'png':
      return pipeline.png().toBuffer();
    case 'webp':
      return pipeline.webp({ quality }).toBuffer();
    case 'avif':
      return pipeline.avif({ quality }).toBuffer();
    default:
      return format satisfies never;
  }
}
