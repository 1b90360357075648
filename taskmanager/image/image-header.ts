/**
 * What the first bytes say about an image, checked against the limits before anything is decoded.
 * What they say is not trusted: the decoders get the same limits.
 */
import { type BmpHeader, readBmpHeader } from './bmp-header.ts';
import { swapsAxes } from './exif-orientation.ts';
import {
  corruptError,
  decodeError,
  formatError,
  tooManyBytesError,
  tooManyPixelsError,
} from './image-error.ts';
import { describeContent, detectFormat, type ImageFormat } from './image-format.ts';
import { type JpegHeader, readJpegHeader } from './jpeg-header.ts';
import { sharp } from './sharp-runtime.ts';

export interface ImageLimits {
  readonly bytesMax: number;
  readonly pixelsMax: number;
  /** Accepted formats. */
  readonly formats: readonly ImageFormat[];
}

export interface ImageHeader {
  readonly format: ImageFormat;
  /** As stored, before the orientation is applied. */
  readonly storedWidth: number;
  readonly storedHeight: number;
  /** 1 to 8, as in EXIF. */
  readonly orientation: number;
  /** Of the upright image. */
  readonly width: number;
  readonly height: number;
  /** The embedded colour profile changes nothing. */
  readonly ignoreColorProfile: boolean;
  /** The data are known to reach the end of the image, so the last rows need no decoding. */
  readonly complete: boolean;
  /** Null but for BMP. */
  readonly bmp: BmpHeader | null;
}

/** Rejects with IMAGE_FORMAT, IMAGE_TOO_LARGE or IMAGE_CORRUPT. */
export async function readImageHeader(
  bytes: Uint8Array,
  limits: ImageLimits,
): Promise<ImageHeader> {
  if (bytes.length > limits.bytesMax) throw tooManyBytesError(bytes.length, limits.bytesMax);
  const format = detectFormat(bytes);
  if (format === null) {
    throw formatError(
      `not an image of a known format: ${describeContent(bytes)}`,
      `Known are ${limits.formats.join(', ')}; restrict the source's \`glob\` to leave it out.`,
    );
  }
  if (!limits.formats.includes(format)) {
    throw formatError(
      `the content is ${format.toUpperCase()}; accepted are ${limits.formats.join(', ')}`,
      `Add \`${format}\` to \`formats\` of this node to accept it.`,
    );
  }
  const header = await readHeaderOf(format, bytes);
  if (header.width * header.height > limits.pixelsMax) {
    throw tooManyPixelsError(format, header.width, header.height, limits.pixelsMax);
  }
  return header;
}

async function readHeaderOf(format: ImageFormat, bytes: Uint8Array): Promise<ImageHeader> {
  if (format === 'bmp') return fromBmp(readBmpHeader(bytes));
  const jpeg = format === 'jpeg' ? readJpegHeader(bytes) : null;
  if (jpeg !== null) return fromJpeg(jpeg);
  return readHeaderWithLibrary(format, bytes);
}

function fromBmp(bmp: BmpHeader): ImageHeader {
  const size = { storedWidth: bmp.width, storedHeight: bmp.height };
  return upright({ format: 'bmp', ...size, orientation: 1, bmp, complete: true });
}

function fromJpeg(jpeg: JpegHeader): ImageHeader {
  if (!jpeg.complete) {
    throw corruptError('jpeg', 'the data end too early (no end-of-image marker)');
  }
  return upright({
    format: 'jpeg',
    storedWidth: jpeg.width,
    storedHeight: jpeg.height,
    orientation: jpeg.orientation,
    ignoreColorProfile: jpeg.colorProfile === 'srgb',
    complete: true,
  });
}

async function readHeaderWithLibrary(format: ImageFormat, bytes: Uint8Array): Promise<ImageHeader> {
  try {
    // Without a limit: the one of the caller is checked with a better message.
    const metadata = await sharp(bytes, { failOn: 'error', limitInputPixels: false }).metadata();
    return upright({
      format,
      storedWidth: metadata.width,
      storedHeight: metadata.height,
      orientation: metadata.orientation ?? 1,
    });
  } catch (error) {
    throw decodeError(format, error);
  }
}

type StoredHeader = Pick<ImageHeader, 'format' | 'storedWidth' | 'storedHeight' | 'orientation'> &
  Partial<ImageHeader>;

function upright(stored: StoredHeader): ImageHeader {
  const swapped = swapsAxes(stored.orientation);
  return {
    ignoreColorProfile: false,
    complete: false,
    bmp: null,
    ...stored,
    width: swapped ? stored.storedHeight : stored.storedWidth,
    height: swapped ? stored.storedWidth : stored.storedHeight,
  };
}
