import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { SluiceError } from '../errors/sluice-error.ts';
import type { FileContent, ReadOptions } from './filesystem.ts';
import type { S3Attempt } from './s3-connection.ts';
import { describeFailure } from './s3-errors.ts';
import { objectChanged, objectTooLarge } from './storage-errors.ts';

/** The part of Node's `IncomingMessage` that is used. */
type Body = AsyncIterable<Uint8Array> & { destroy(): void };

export interface S3ReadRequest {
  readonly uri: string;
  readonly location: { readonly Bucket: string; readonly Key: string };
  readonly options: ReadOptions;
}

/**
 * One try to read an object or a range of it. The bytes are handed out only if all arrived that the
 * headers promised; what is too long is refused before its body is read. Null where the range
 * begins beyond the end.
 */
export async function readS3Object(
  attempt: S3Attempt,
  request: S3ReadRequest,
): Promise<FileContent | null> {
  const { uri, options } = request;
  const answer = await get(attempt, request);
  if (answer === null) return null;
  const body = answer.Body as unknown as Body;
  const length = answer.ContentLength;
  try {
    attempt.alive();
    const sizeMax = options.sizeMax ?? Number.MAX_SAFE_INTEGER;
    if (length === undefined) throw truncated(uri, 'its length is not told');
    if (length > sizeMax) throw objectTooLarge(uri, length, sizeMax);
    const bytes = await readExactly(body, { length, uri, attempt });
    const etag = (answer.ETag ?? '').replaceAll('"', '');
    const size = totalSize(answer, length);
    const modifiedAtMs = answer.LastModified?.getTime() ?? 0;
    return { bytes, status: { uri, size, etag, modifiedAtMs } };
  } finally {
    // Ends the connection where the body was not read to its end; does nothing otherwise.
    body.destroy();
  }
}

async function get(
  { sdk, client, signal }: S3Attempt,
  { uri, location, options }: S3ReadRequest,
): Promise<GetObjectCommandOutput | null> {
  const range = rangeOf(options);
  const command = new sdk.GetObjectCommand({
    ...location,
    ...(range === null ? {} : { Range: range }),
    ...(options.ifMatch === undefined ? {} : { IfMatch: `"${options.ifMatch}"` }),
  });
  try {
    return await client.send(command, { abortSignal: signal });
  } catch (error) {
    const { status } = describeFailure(error);
    if (status === 412) throw objectChanged(uri);
    if (status === 416) return null;
    throw error;
  }
}

async function readExactly(
  body: Body,
  { length, uri, attempt }: Readonly<{ length: number; uri: string; attempt: S3Attempt }>,
): Promise<Uint8Array> {
  // The SDK's signal ends with the headers; the body is ours to end.
  const stop = (): void => body.destroy();
  attempt.signal.addEventListener('abort', stop);
  // Not from Buffer's shared pool: the bytes may be transferred to another thread.
  const bytes = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  try {
    for await (const chunk of body) {
      attempt.alive();
      if (filled + chunk.length > length) throw truncated(uri, 'it is longer than announced');
      bytes.set(chunk, filled);
      filled += chunk.length;
    }
  } finally {
    attempt.signal.removeEventListener('abort', stop);
  }
  if (filled < length) throw truncated(uri, `${filled} of ${length} bytes came`);
  return bytes;
}

function rangeOf({ offset, length }: ReadOptions): string | null {
  if (offset === undefined && length === undefined) return null;
  const start = offset ?? 0;
  if (start === 0 && length === undefined) return null;
  return length === undefined ? `bytes=${start}-` : `bytes=${start}-${start + length - 1}`;
}

/** `Content-Range: bytes 0-9/1234` tells the whole size. */
function totalSize(answer: GetObjectCommandOutput, length: number): number {
  const total = /\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1];
  return total === undefined ? length : Number(total);
}

function truncated(uri: string, reason: string): SluiceError {
  return new SluiceError('STORAGE_UNAVAILABLE', `${uri} did not arrive whole: ${reason}.`, {
    domain: 'external',
    retry: 'backoff',
    context: { uri },
  });
}
