import { createHash, randomUUID } from 'node:crypto';
import { compareUris } from '../../../shared/filesystem/uri.ts';
import { S3Error } from './s3-error.ts';

/** S3 refuses smaller parts, but for the last one. */
const PART_BYTES_MIN = 5 * 1024 * 1024;

export interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly modifiedAtMs: number;
  /** Headers given at the put that come back: content type, `x-amz-meta-…`, encryption. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly parts: Map<number, { readonly bytes: Buffer; readonly etag: string }>;
}

export interface Conditions {
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

/** One bucket's objects and uploads, with S3's rules; all methods are synchronous. */
export class Bucket {
  readonly #objects = new Map<string, StoredObject>();
  /** All keys in order of their UTF-8 bytes. */
  readonly #keys: string[] = [];
  readonly uploads = new Map<string, Upload>();

  get size(): number {
    return this.#keys.length;
  }

  find(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  get(key: string): StoredObject {
    const found = this.#objects.get(key);
    if (found === undefined) throw new S3Error(404, 'NoSuchKey');
    return found;
  }

  put(
    key: string,
    bytes: Buffer,
    headers: ReadonlyMap<string, string> = new Map(),
    etag: string = md5(bytes),
  ): StoredObject {
    if (!this.#objects.has(key)) this.#keys.splice(this.#indexAfter(key), 0, key);
    // Last-Modified has whole seconds, as on S3.
    const modifiedAtMs = Math.floor(Date.now() / 1000) * 1000;
    const object = { bytes, etag, modifiedAtMs, headers };
    this.#objects.set(key, object);
    return object;
  }

  delete(key: string): void {
    if (this.#objects.delete(key)) this.#keys.splice(this.#indexAfter(key) - 1, 1);
  }

  /** Conditional writes: 412, or 404 for `If-Match` on nothing. */
  checkWrite(key: string, { ifMatch, ifNoneMatch }: Conditions): void {
    const present = this.#objects.get(key);
    if (ifNoneMatch === '*' && present !== undefined) throw new S3Error(412, 'PreconditionFailed');
    if (ifMatch === undefined) return;
    if (present === undefined) throw new S3Error(404, 'NoSuchKey');
    if (ifMatch !== present.etag) throw new S3Error(412, 'PreconditionFailed');
  }

  /** Keys with the prefix, after the given one, in order. */
  *keysAfter(prefix: string, after: string): Generator<string> {
    const from = compareUris(after, prefix) >= 0 ? this.#indexAfter(after) : this.#indexOf(prefix);
    for (let index = from; index < this.#keys.length; index++) {
      const key = this.#keys[index] ?? '';
      if (!key.startsWith(prefix)) return;
      yield key;
    }
  }

  createUpload(key: string, headers: ReadonlyMap<string, string>): Upload {
    const upload: Upload = { id: randomUUID(), key, headers, parts: new Map() };
    this.uploads.set(upload.id, upload);
    return upload;
  }

  upload(id: string, key: string): Upload {
    const found = this.uploads.get(id);
    if (found === undefined || found.key !== key) throw new S3Error(404, 'NoSuchUpload');
    return found;
  }

  complete(upload: Upload, listed: readonly { partNumber: number; etag: string }[]): StoredObject {
    if (listed.length === 0) throw new S3Error(400, 'MalformedXML');
    const chunks: Buffer[] = [];
    const digests: Buffer[] = [];
    const numbers = listed.map(({ partNumber }) => partNumber);
    if (numbers.some((number, index) => index > 0 && number <= (numbers[index - 1] ?? 0))) {
      throw new S3Error(400, 'InvalidPartOrder');
    }
    for (const [index, { partNumber, etag }] of listed.entries()) {
      const part = upload.parts.get(partNumber);
      if (part === undefined || part.etag !== etag) throw new S3Error(400, 'InvalidPart');
      if (index < listed.length - 1 && part.bytes.length < PART_BYTES_MIN) {
        throw new S3Error(400, 'EntityTooSmall');
      }
      chunks.push(part.bytes);
      digests.push(Buffer.from(part.etag, 'hex'));
    }
    const etag = `${md5(Buffer.concat(digests))}-${listed.length}`;
    this.uploads.delete(upload.id);
    return this.put(upload.key, Buffer.concat(chunks), upload.headers, etag);
  }

  /** Index of the first key that is not before `key`. */
  #indexOf(key: string): number {
    return this.#search((other) => compareUris(other, key) < 0);
  }

  /** Index of the first key after `key`. */
  #indexAfter(key: string): number {
    return this.#search((other) => compareUris(other, key) <= 0);
  }

  #search(isBefore: (key: string) => boolean): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(this.#keys[middle] ?? '')) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}
