import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { S3Error } from './s3-error.ts';

export interface DecodedBody {
  readonly bytes: Buffer;
  /** Lower-case names, as `x-amz-checksum-crc32`. */
  readonly trailers: ReadonlyMap<string, string>;
}

/** Decodes `Content-Encoding: aws-chunked`: `size;chunk-signature=…\r\n`, data, …, trailers. */
export function decodeAwsChunked(encoded: Buffer): DecodedBody {
  const chunks: Buffer[] = [];
  let position = 0;
  const line = (): string => {
    const end = encoded.indexOf('\r\n', position);
    if (end < 0) throw new S3Error(400, 'IncompleteBody', 'a chunk has no end');
    const text = encoded.toString('latin1', position, end);
    position = end + 2;
    return text;
  };
  for (;;) {
    const size = Number.parseInt(line().split(';')[0] ?? '', 16);
    if (!Number.isInteger(size)) throw new S3Error(400, 'InvalidRequest', 'no chunk size');
    if (size === 0) break;
    if (position + size + 2 > encoded.length) {
      throw new S3Error(400, 'IncompleteBody', 'a chunk is cut short');
    }
    chunks.push(encoded.subarray(position, position + size));
    position += size;
    if (line() !== '') throw new S3Error(400, 'InvalidRequest', 'a chunk is longer than it says');
  }
  const trailers = new Map<string, string>();
  while (position < encoded.length) {
    const text = line();
    if (text === '') break;
    const colon = text.indexOf(':');
    trailers.set(text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim());
  }
  return { bytes: Buffer.concat(chunks), trailers };
}

/** Throws where one of the checksums that came with the body does not fit it. */
export function verifyChecksums(bytes: Buffer, values: ReadonlyMap<string, string>): void {
  const expect = (name: string, code: string, actual: () => string): void => {
    const given = values.get(name);
    if (given !== undefined && given !== actual()) {
      throw new S3Error(400, code, `${name} does not fit the body`);
    }
  };
  const hash = (algorithm: string): string => createHash(algorithm).update(bytes).digest('base64');
  expect('content-md5', 'BadDigest', () => hash('md5'));
  expect('x-amz-checksum-sha1', 'BadDigest', () => hash('sha1'));
  expect('x-amz-checksum-sha256', 'BadDigest', () => hash('sha256'));
  expect('x-amz-checksum-crc32', 'BadDigest', () => {
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(bytes));
    return sum.toString('base64');
  });
  const signed = values.get('x-amz-content-sha256') ?? '';
  const isDigest = /^[0-9a-f]{64}$/.test(signed);
  if (isDigest && signed !== createHash('sha256').update(bytes).digest('hex')) {
    throw new S3Error(400, 'XAmzContentSHA256Mismatch', 'the body is not the one signed');
  }
}
