/**
 * What can be wrong with one image, said so that whoever reads the dead letters knows what to do.
 * All of them are the record's fault: the record is rejected, the job goes on.
 */
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { ImageFormat } from './image-format.ts';

const MEGAPIXEL = 1e6;

/** The content is no image, or one of a format that this node does not take. */
export function formatError(message: string, hint?: string): SluiceError {
  return new SluiceError('IMAGE_FORMAT', message, {
    domain: 'user',
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The content says that it is an image of this format, but it cannot be decoded. */
export function corruptError(format: ImageFormat, reason: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'IMAGE_CORRUPT',
    `the ${format.toUpperCase()} image is corrupt: ${reason}`,
    {
      domain: 'user',
      context: { format },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

export function tooManyBytesError(bytes: number, bytesMax: number): SluiceError {
  return new SluiceError(
    'IMAGE_TOO_LARGE',
    `the file has ${bytes} bytes; the limit is ${bytesMax} bytes`,
    {
      domain: 'user',
      context: { bytes, bytesMax },
      hint: 'Raise `bytesMax` of this node (and of the source) to accept it.',
    },
  );
}

export function tooManyPixelsError(
  format: ImageFormat,
  width: number,
  height: number,
  pixelsMax: number,
): SluiceError {
  const megapixels = (width * height) / MEGAPIXEL;
  return new SluiceError(
    'IMAGE_TOO_LARGE',
    `the ${format.toUpperCase()} image has ${width} × ${height} pixels ` +
      `(${megapixels.toFixed(1)} megapixels); the limit is ${pixelsMax} pixels ` +
      `(${(pixelsMax / MEGAPIXEL).toFixed(1)} megapixels)`,
    {
      domain: 'user',
      context: { format, width, height, pixelsMax },
      hint: 'Raise `pixelsMax` of this node to accept it.',
    },
  );
}

const TRUNCATED = /premature end|unexpected end|not enough data|read error|end of stream|eof/i;
const LIMIT = /exceeds pixel limit/i;
const TIMEOUT = /timeout/i;

/** Makes a libvips error one of ours; what it said stays as the cause. */
export function decodeError(format: ImageFormat, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const said = error instanceof Error ? error.message : String(error);
  const [line = ''] = said.split('\n');
  const reason = line.replace(/^Input buffer (has corrupt header|contains [^:]*):?\s*/i, '');
  if (LIMIT.test(said)) {
    return corruptError(format, 'it has more pixels than its header says', error);
  }
  if (TIMEOUT.test(said)) return corruptError(format, 'decoding it took too long', error);
  if (TRUNCATED.test(said)) {
    return corruptError(format, `the data ends too early or is damaged (${reason})`, error);
  }
  return corruptError(format, reason === '' ? 'its header cannot be read' : reason, error);
}
