import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { invariant } from '../errors/invariant.ts';
import { SluiceError } from '../errors/sluice-error.ts';
import type { AbortableFile, PendingFile, RecoverableWriter } from './filesystem.ts';
import { objectTooLarge, pendingFileGone } from './storage-errors.ts';

/** All parts but the last have this size, as some servers demand. */
export const PART_BYTES = 8 * 1024 * 1024;
const PARTS_MAX = 10_000;
const BUFFER_BYTES_INITIAL = 64 * 1024;

/** What a pending file's handle holds, as JSON. */
export interface S3Upload {
  readonly uploadId: string;
  /** Stands in the object's metadata: tells a committed upload from another object of its name. */
  readonly token: string;
  /** ETags of the parts, from part 1 on. */
  readonly parts: readonly string[];
}

/** Or this: a small file that is stored as a whole when it is committed. */
export interface S3HeldFile {
  readonly token: string;
  readonly bytes: Uint8Array;
  readonly contentType: string | undefined;
}

/** An upload that has begun. */
export interface S3Uploader {
  readonly uploadId: string;
  /** Stores a part, numbered from 1; resolves with its ETag. */
  uploadPart(partNumber: number, bytes: Uint8Array): Promise<string>;
  abort(): Promise<void>;
}

export interface S3WriterOptions {
  readonly uri: string;
  readonly token: string;
  readonly contentType: string | undefined;
  /** A file of at most so many bytes is held instead, if no upload has begun by its end. */
  readonly heldBytesMax: number;
  readonly begin: () => Promise<S3Uploader>;
}

/**
 * A multipart upload: nobody sees anything of it until it is completed, and S3 keeps it until then.
 * A file smaller than a part is an upload of one part, an empty one of one empty part; a small one
 * may be held instead: one request in all, where an upload takes four.
 */
export class S3Writer implements RecoverableWriter {
  readonly uri: string;
  position = 0;
  readonly #options: S3WriterOptions;
  #uploader: S3Uploader | null = null;
  readonly #parts: string[] = [];
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES_INITIAL);
  #buffered = 0;
  #open = true;

  constructor(options: S3WriterOptions) {
    this.uri = options.uri;
    this.#options = options;
  }

  async begin(): Promise<S3Uploader> {
    this.#uploader ??= await this.#options.begin();
    return this.#uploader;
  }

  async write(bytes: Uint8Array): Promise<void> {
    invariant(this.#open, 'write to a closed writer', { uri: this.uri });
    let taken = 0;
    while (taken < bytes.length) {
      if (this.#buffered === PART_BYTES) await this.#flush();
      const count = Math.min(bytes.length - taken, PART_BYTES - this.#buffered);
      this.#reserve(this.#buffered + count);
      this.#buffer.set(bytes.subarray(taken, taken + count), this.#buffered);
      this.#buffered += count;
      this.position += count;
      taken += count;
    }
  }

  async closeForCommit(): Promise<PendingFile> {
    invariant(this.#open, 'closeForCommit of a closed writer', { uri: this.uri });
    this.#open = false;
    const { uri, position: size } = this;
    const { token, heldBytesMax, contentType } = this.#options;
    if (this.#uploader === null && size <= heldBytesMax) {
      const bytes = this.#buffer.subarray(0, this.#buffered);
      const held = deflateRawSync(bytes, { level: 1 }).toString('base64');
      this.#buffer = Buffer.alloc(0);
      return { uri, size, handle: JSON.stringify({ token, held, contentType }) };
    }
    if (this.#buffered > 0 || this.#parts.length === 0) await this.#flush();
    this.#buffer = Buffer.alloc(0);
    const { uploadId } = await this.begin();
    return { uri, size, handle: JSON.stringify({ uploadId, token, parts: this.#parts }) };
  }

  async abort(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#buffer = Buffer.alloc(0);
    await this.#uploader?.abort();
  }

  async #flush(): Promise<void> {
    const number = this.#parts.length + 1;
    if (number > PARTS_MAX) throw objectTooLarge(this.uri, null, PARTS_MAX * PART_BYTES);
    const uploader = await this.begin();
    // A part that failed can be sent again: the buffer is given up only after it is stored.
    this.#parts.push(await uploader.uploadPart(number, this.#buffer.subarray(0, this.#buffered)));
    this.#buffered = 0;
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(
      Math.min(PART_BYTES, Math.max(size, this.#buffer.length * 2)),
    );
    grown.set(this.#buffer.subarray(0, this.#buffered));
    this.#buffer = grown;
  }
}

/** Reads a handle back; it comes from a checkpoint, so its form is checked. */
export function parsePending(pending: PendingFile): S3Upload | S3HeldFile {
  const { token, held, contentType, uploadId, parts } = parseHandle(pending);
  if (!isText(token)) throw damaged(pending.uri);
  if (isText(held)) {
    const bytes = inflate(held, pending);
    return { token, bytes, contentType: isText(contentType) ? contentType : undefined };
  }
  if (!isText(uploadId) || !Array.isArray(parts) || !parts.every(isText)) {
    throw damaged(pending.uri);
  }
  return { token, uploadId, parts };
}

/** The handle of a listed upload has nothing else. Null: the file is held, there is no upload. */
export function parseUploadId(pending: AbortableFile): string | null {
  const { uploadId, held } = parseHandle(pending);
  if (isText(held)) return null;
  if (!isText(uploadId)) throw damaged(pending.uri);
  return uploadId;
}

export function formatUploadId(uploadId: string): string {
  return JSON.stringify({ uploadId });
}

interface UploadEntry {
  readonly Key?: string | undefined;
  readonly UploadId?: string | undefined;
}

/** The part of ListMultipartUploads' answer that counts. */
export interface UploadsAnswer {
  readonly Uploads?: readonly UploadEntry[] | undefined;
  readonly IsTruncated?: boolean | undefined;
}

/**
 * The uploads of a page, and the key (and upload) after which the next one begins. A page ends with
 * a whole key: the marker inside of one is refused by versitygw where its uploads' ids are not in
 * order; it is used only where all of a page has one key.
 */
export function pageOfUploads(answer: UploadsAnswer): {
  readonly uploads: readonly { readonly key: string; readonly id: string }[];
  readonly next: readonly string[] | null;
} {
  const uploads = (answer.Uploads ?? []).map(({ Key: key = '', UploadId: id = '' }) => {
    return { key, id };
  });
  const last = uploads.at(-1);
  if (answer.IsTruncated !== true || last === undefined) return { uploads, next: null };
  const whole = uploads.filter(({ key }) => key !== last.key);
  const lastWhole = whole.at(-1);
  if (lastWhole === undefined) return { uploads, next: [last.key, last.id] };
  return { uploads: whole, next: [lastWhole.key] };
}

function inflate(held: string, { uri, size }: PendingFile): Uint8Array {
  try {
    const bytes = inflateRawSync(Buffer.from(held, 'base64'), { maxOutputLength: size + 1 });
    if (bytes.length === size) return bytes;
  } catch {
    // Below.
  }
  throw damaged(uri);
}

function parseHandle({ uri, handle }: AbortableFile): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(handle);
  } catch {
    throw pendingFileGone(uri);
  }
  if (typeof value !== 'object' || value === null) throw damaged(uri);
  return value as Readonly<Record<string, unknown>>;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function damaged(uri: string): SluiceError {
  return new SluiceError('PROTOCOL_VIOLATION', `The handle of ${uri} is damaged.`, {
    domain: 'internal',
    context: { uri },
  });
}
