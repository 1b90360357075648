import { randomUUID } from 'node:crypto';
import { SluiceError } from '../errors/sluice-error.ts';
import {
  type AbortableFile,
  type CallOptions,
  type FileContent,
  type FileStatus,
  type FileSystem,
  LIST_LIMIT_MAX,
  type ListOptions,
  type ListPage,
  type ListPendingOptions,
  type PendingFile,
  type PendingPage,
  type PutOptions,
  type ReadOptions,
  type RecoverableWriter,
  type WriterOptions,
} from './filesystem.ts';
import type { S3Options } from './filesystem-options.ts';
import { readS3Object } from './s3-body.ts';
import { type S3Attempt, S3Connection, type S3Dependencies } from './s3-connection.ts';
import { describeFailure, isObjectMissing } from './s3-errors.ts';
import { listS3Page, PageTurns } from './s3-listing.ts';
import {
  formatUploadId,
  pageOfUploads,
  parsePending,
  parseUploadId,
  type S3HeldFile,
  type S3Upload,
  type S3Uploader,
  S3Writer,
} from './s3-writer.ts';
import {
  objectChanged,
  pendingFileGone,
  preconditionFailed,
  storageNotFound,
} from './storage-errors.ts';
import { compareUris, folderUri, formatUri, parseUri } from './uri.ts';

/** User metadata that says which write an object comes from. */
const TOKEN_KEY = 'sluice-write';
/** A commit that does not find its object asks again so often, in case another is just making it. */
const CONFIRMATIONS_MAX = 2;

interface Location {
  readonly Bucket: string;
  readonly Key: string;
}

interface HeadAnswer {
  readonly status: FileStatus;
  readonly token: string | undefined;
}

/**
 * `s3://bucket/key`: Amazon S3 and servers that speak its protocol. A call that got no answer may
 * have been carried out: conditional puts and commits carry a token in the object's metadata, by
 * which the repeated call recognises its own work. Any thread may have its own.
 */
export class S3FileSystem implements FileSystem {
  readonly scheme = 's3';
  readonly #connection: S3Connection;
  readonly #dependencies: S3Dependencies;
  readonly #encryption: S3EncryptionInput;
  readonly #pageTurns = new PageTurns();

  constructor(options: S3Options, dependencies: S3Dependencies) {
    this.#connection = new S3Connection(options, dependencies);
    this.#dependencies = dependencies;
    this.#encryption = encryptionOf(options);
  }

  isFolder(): Promise<boolean> {
    return Promise.resolve(true);
  }

  async list(prefixUri: string, options: ListOptions = {}): Promise<ListPage> {
    const folder = folderUri(prefixUri);
    const limit = Math.min(options.limit ?? LIST_LIMIT_MAX, LIST_LIMIT_MAX);
    let startAfter = options.startAfter ?? '';
    // More than one round only where a page held nothing but folder markers.
    for (;;) {
      const page = await this.#listPage(folder, { ...options, limit, startAfter });
      if (page.files.length > 0) return page;
      if (page.next === null) break;
      startAfter = page.next;
    }
    if (prefixUri.endsWith('/') || compareUris(prefixUri, startAfter) <= 0) {
      return { files: [], next: null };
    }
    const status = await this.stat(prefixUri, options);
    return { files: status === null ? [] : [status], next: null };
  }

  async stat(uri: string, options: CallOptions = {}): Promise<FileStatus | null> {
    if (parseUri(uri).path === '') return null;
    return (await this.#head(uri, options.signal))?.status ?? null;
  }

  async read(uri: string, options: ReadOptions = {}): Promise<FileContent> {
    const location = locate(uri);
    if (options.length === 0) return this.#readNothing(uri, options);
    const request = { uri, operation: 'GetObject', signal: options.signal };
    const content = await this.#connection.call(request, (attempt) =>
      readS3Object(attempt, { uri, location, options }),
    );
    return content ?? this.#readNothing(uri, options);
  }

  async put(uri: string, bytes: Uint8Array, options: PutOptions = {}): Promise<FileStatus> {
    const location = locate(uri);
    const condition = conditionOf(options);
    const token = condition === null ? null : randomUUID();
    const { signal, deadlineMs } = options;
    const request = { uri, operation: 'PutObject', signal, deadlineMs };
    return this.#connection.call(request, async (attempt) => {
      const command = new attempt.sdk.PutObjectCommand({
        ...location,
        ...this.#encryption,
        Body: bytes,
        ContentLength: bytes.length,
        ...(options.contentType === undefined ? {} : { ContentType: options.contentType }),
        ...(options.ifAbsent === true ? { IfNoneMatch: '*' } : {}),
        ...(options.ifMatch === undefined ? {} : { IfMatch: `"${options.ifMatch}"` }),
        ...(token === null ? {} : { Metadata: { [TOKEN_KEY]: token } }),
      });
      try {
        const answer = await attempt.client.send(command, { abortSignal: attempt.signal });
        const etag = unquote(answer.ETag);
        // A put is not told its Last-Modified; ours is near enough for people to read.
        return { uri, size: bytes.length, etag, modifiedAtMs: this.#dependencies.clock.nowMs() };
      } catch (error) {
        if (condition === null || !isConditionFailure(error)) throw error;
        const own = attempt.number > 0 ? await this.#head(uri, options.signal) : null;
        if (own !== null && own.token === token) return own.status;
        throw preconditionFailed(uri, condition);
      }
    });
  }

  async delete(uri: string, options: CallOptions = {}): Promise<void> {
    const location = locate(uri);
    await this.#send(uri, 'DeleteObject', options.signal, async ({ sdk, client, signal }) => {
      const command = new sdk.DeleteObjectCommand(location);
      await client.send(command, { abortSignal: signal }).catch(ignoreNames('NoSuchKey'));
    });
  }

  async openWriter(uri: string, options: WriterOptions = {}): Promise<RecoverableWriter> {
    const { heldBytesMax = 0, contentType } = options;
    const token = randomUUID();
    const begin = (): Promise<S3Uploader> => this.#beginUpload(uri, token, options);
    const writer = new S3Writer({ uri, token, contentType, heldBytesMax, begin });
    if (heldBytesMax === 0) await writer.begin();
    return writer;
  }

  async commit(pending: PendingFile, options: CallOptions = {}): Promise<void> {
    const file = parsePending(pending);
    if ('bytes' in file) await this.#commitHeld(pending.uri, file, options.signal);
    else await this.#commitUpload(pending.uri, file, options.signal);
  }

  async abort(pending: AbortableFile, options: CallOptions = {}): Promise<void> {
    const uploadId = parseUploadId(pending);
    if (uploadId !== null) await this.#abortUpload(pending.uri, uploadId, options.signal);
  }

  async listPending(prefixUri: string, options: ListPendingOptions = {}): Promise<PendingPage> {
    const folder = folderUri(prefixUri);
    const { authority: bucket, path: prefix } = parseUri(folder);
    const { after = '[]', except = [], signal: userSignal } = options;
    const [keyMarker, uploadMarker] = JSON.parse(after) as readonly string[];
    const operation = 'ListMultipartUploads';
    const answer = await this.#send(folder, operation, userSignal, ({ sdk, client, signal }) => {
      const command = new sdk.ListMultipartUploadsCommand({
        Bucket: bucket,
        Prefix: prefix,
        MaxUploads: Math.min(options.limit ?? LIST_LIMIT_MAX, LIST_LIMIT_MAX),
        ...(keyMarker === undefined ? {} : { KeyMarker: keyMarker }),
        ...(uploadMarker === undefined ? {} : { UploadIdMarker: uploadMarker }),
      });
      return client.send(command, { abortSignal: signal });
    });
    const left = new Set(except.map(parseUploadId));
    const { uploads, next } = pageOfUploads(answer);
    const files = uploads
      .filter(({ id }) => !left.has(id))
      .map(({ key, id }) => {
        const uri = formatUri({ scheme: 's3', authority: bucket, path: key });
        return { uri, handle: formatUploadId(id) };
      });
    return { files, next: next === null ? null : JSON.stringify(next) };
  }

  silentForMs(): number {
    return this.#connection.silentForMs();
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #beginUpload(uri: string, token: string, options: WriterOptions): Promise<S3Uploader> {
    const location = locate(uri);
    const operation = 'CreateMultipartUpload';
    const created = await this.#send(uri, operation, options.signal, ({ sdk, client, signal }) => {
      const command = new sdk.CreateMultipartUploadCommand({
        ...location,
        ...this.#encryption,
        Metadata: { [TOKEN_KEY]: token },
        ...(options.contentType === undefined ? {} : { ContentType: options.contentType }),
      });
      return client.send(command, { abortSignal: signal });
    });
    const uploadId = created.UploadId ?? '';
    const gone = (error: unknown): never => {
      throw isUploadGone(error) ? pendingFileGone(uri) : error;
    };
    return {
      uploadId,
      uploadPart: (partNumber, bytes) =>
        this.#send(uri, 'UploadPart', options.signal, async ({ sdk, client, signal }) => {
          const command = new sdk.UploadPartCommand({
            ...location,
            UploadId: uploadId,
            PartNumber: partNumber,
            Body: bytes,
            ContentLength: bytes.length,
          });
          const sent = client.send(command, { abortSignal: signal });
          return unquote((await sent.catch(gone)).ETag);
        }),
      abort: () => this.#abortUpload(uri, uploadId, undefined),
    };
  }

  /** Where something lies there already, only its token tells whether it is this file. */
  async #commitHeld(
    uri: string,
    { token, bytes, contentType }: S3HeldFile,
    userSignal: AbortSignal | undefined,
  ): Promise<void> {
    const location = locate(uri);
    await this.#send(uri, 'PutObject', userSignal, async ({ sdk, client, signal, number }) => {
      const command = new sdk.PutObjectCommand({
        ...location,
        ...this.#encryption,
        Body: bytes,
        ContentLength: bytes.length,
        IfNoneMatch: '*',
        Metadata: { [TOKEN_KEY]: token },
        ...(contentType === undefined ? {} : { ContentType: contentType }),
      });
      try {
        // From here the file is visible.
        await client.send(command, { abortSignal: signal });
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
        const present = await this.#head(uri, userSignal);
        if (present?.token === token) return;
        if (number < CONFIRMATIONS_MAX) throw notConfirmed(uri, this.#connection.server);
        throw pendingFileGone(uri);
      }
    });
  }

  async #commitUpload(
    uri: string,
    { uploadId, token, parts }: S3Upload,
    userSignal: AbortSignal | undefined,
  ): Promise<void> {
    const location = locate(uri);
    const operation = 'CompleteMultipartUpload';
    await this.#send(uri, operation, userSignal, async ({ sdk, client, signal, number }) => {
      const command = new sdk.CompleteMultipartUploadCommand({
        ...location,
        UploadId: uploadId,
        MultipartUpload: {
          Parts: parts.map((etag, index) => ({ ETag: `"${etag}"`, PartNumber: index + 1 })),
        },
      });
      // From here the file is visible.
      await client.send(command, { abortSignal: signal }).catch((error: unknown) => {
        if (!isUploadGone(error)) throw error;
      });
      // An upload that is gone was completed before, or aborted. versitygw answers 200 to both,
      // where the name is taken: only the token tells that what lies there is ours.
      const present = await this.#head(uri, userSignal);
      if (present?.token === token) return;
      // versitygw shows an object that is just being completed without its metadata.
      if (number < CONFIRMATIONS_MAX) throw notConfirmed(uri, this.#connection.server);
      throw pendingFileGone(uri);
    });
  }

  async #listPage(
    folder: string,
    options: ListOptions & { readonly limit: number; readonly startAfter: string },
  ): Promise<ListPage> {
    const { authority: bucket, path: prefix } = parseUri(folder);
    const { limit, startAfter, signal: userSignal } = options;
    const root = formatUri({ scheme: 's3', authority: bucket, path: '' });
    const within = startAfter.startsWith(root);
    if (!within && compareUris(startAfter, folder) > 0) return { files: [], next: null };
    const startKey = within ? startAfter.slice(root.length) : '';
    const input = {
      Bucket: bucket,
      Prefix: prefix,
      MaxKeys: limit,
      ...(startKey === '' ? {} : { StartAfter: startKey }),
    };
    const answer = await this.#send(folder, 'ListObjectsV2', userSignal, (attempt) =>
      listS3Page(attempt, input, this.#pageTurns),
    );
    const files: FileStatus[] = [];
    let last = startAfter;
    for (const { key, size, etag, modifiedAtMs } of answer.objects) {
      const uri = root + key;
      // A server without this order (a directory bucket) would be listed for ever, or in part.
      if (compareUris(uri, last) <= 0) throw notInOrder(folder, this.#connection.server);
      last = uri;
      if (key.endsWith('/')) continue;
      files.push({ uri, size, etag, modifiedAtMs });
    }
    return { files, next: answer.isTruncated && last !== startAfter ? last : null };
  }

  async #head(uri: string, userSignal: AbortSignal | undefined): Promise<HeadAnswer | null> {
    const location = locate(uri);
    return this.#send(uri, 'HeadObject', userSignal, async ({ sdk, client, signal }) => {
      const command = new sdk.HeadObjectCommand(location);
      try {
        const answer = await client.send(command, { abortSignal: signal });
        const { ContentLength: size = 0, ETag, LastModified, Metadata } = answer;
        const modifiedAtMs = LastModified?.getTime() ?? 0;
        const status = { uri, size, etag: unquote(ETag), modifiedAtMs };
        return { status, token: Metadata?.[TOKEN_KEY] };
      } catch (error) {
        if (isObjectMissing(describeFailure(error))) return null;
        throw error;
      }
    });
  }

  /** An empty range, which S3 cannot express. */
  async #readNothing(uri: string, options: ReadOptions): Promise<FileContent> {
    const head = await this.#head(uri, options.signal);
    if (head === null) throw storageNotFound(uri);
    const { status } = head;
    if (options.ifMatch !== undefined && options.ifMatch !== status.etag) throw objectChanged(uri);
    return { bytes: new Uint8Array(0), status };
  }

  async #abortUpload(
    uri: string,
    uploadId: string,
    userSignal: AbortSignal | undefined,
  ): Promise<void> {
    const location = locate(uri);
    await this.#send(uri, 'AbortMultipartUpload', userSignal, async ({ sdk, client, signal }) => {
      const command = new sdk.AbortMultipartUploadCommand({ ...location, UploadId: uploadId });
      await client.send(command, { abortSignal: signal }).catch((error: unknown) => {
        if (!isUploadGone(error)) throw error;
      });
    });
  }

  #send<T>(
    uri: string,
    operation: string,
    signal: AbortSignal | undefined,
    send: (attempt: S3Attempt) => Promise<T>,
  ): Promise<T> {
    return this.#connection.call({ uri, operation, signal }, send);
  }
}

/** What each new object is asked to be encrypted with. */
interface S3EncryptionInput {
  readonly ServerSideEncryption?: 'AES256' | 'aws:kms';
  readonly SSEKMSKeyId?: string;
}

function encryptionOf({ encryption = 'none', kmsKeyId }: S3Options): S3EncryptionInput {
  if (encryption === 'none') return {};
  return {
    ServerSideEncryption: encryption,
    ...(kmsKeyId === undefined ? {} : { SSEKMSKeyId: kmsKeyId }),
  };
}

function locate(uri: string): Location {
  const { authority, path } = parseUri(uri);
  if (path === '') {
    throw new SluiceError('ARGUMENT_INVALID', `${uri} is a bucket, not a file in one.`, {
      domain: 'user',
      context: { uri },
    });
  }
  return { Bucket: authority, Key: path };
}

function conditionOf(options: PutOptions): 'ifAbsent' | 'ifMatch' | null {
  if (options.ifAbsent === true) return 'ifAbsent';
  return options.ifMatch === undefined ? null : 'ifMatch';
}

/** 412, or for `If-Match` on an object that is gone, 404. */
function isConditionFailure(error: unknown): boolean {
  const failure = describeFailure(error);
  return failure.status === 412 || isObjectMissing(failure);
}

function isUploadGone(error: unknown): boolean {
  return describeFailure(error).name === 'NoSuchUpload';
}

function ignoreNames(...names: readonly string[]): (error: unknown) => void {
  return (error) => {
    if (!names.includes(describeFailure(error).name)) throw error;
  };
}

function notInOrder(uri: string, server: string): SluiceError {
  return new SluiceError('STORAGE_UNAVAILABLE', `${server} does not list ${uri} in order.`, {
    domain: 'user',
    context: { uri },
    hint: 'Directory buckets cannot be used; use a general-purpose bucket.',
  });
}

function notConfirmed(uri: string, server: string): SluiceError {
  return new SluiceError('STORAGE_UNAVAILABLE', `${server} does not show the commit of ${uri}.`, {
    domain: 'external',
    retry: 'backoff',
    context: { uri },
  });
}

function unquote(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '');
}
