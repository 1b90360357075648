import { createHash, randomUUID } from 'node:crypto';
import type { Clock } from '../time/clock.ts';
import type {
  CallOptions,
  FileContent,
  FileStatus,
  FileSystem,
  ListOptions,
  ListPage,
  PendingFile,
  PutOptions,
  ReadOptions,
  RecoverableWriter,
} from './filesystem.ts';
import { LIST_LIMIT_MAX } from './filesystem.ts';
import {
  objectChanged,
  objectTooLarge,
  pendingFileGone,
  preconditionFailed,
  storageNotFound,
  throwIfCancelled,
} from './storage-errors.ts';
import { compareUris, folderUri, parseUri } from './uri.ts';

interface StoredFile {
  readonly bytes: Uint8Array;
  readonly status: FileStatus;
}

/** What several `MemoryFileSystem`s of one thread share, as processes share a bucket. */
export class MemoryStore {
  readonly files = new Map<string, StoredFile>();
  readonly pending = new Map<string, Uint8Array>();
}

/**
 * `memory://name/path`: files in this thread's memory, for tests. Every method answers in a later
 * microtask but does its work in one step, so calls are atomic.
 */
export class MemoryFileSystem implements FileSystem {
  readonly scheme = 'memory';
  readonly #store: MemoryStore;
  readonly #clock: Clock;

  constructor(store: MemoryStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  isFolder(): Promise<boolean> {
    return Promise.resolve(true);
  }

  async list(prefixUri: string, options: ListOptions = {}): Promise<ListPage> {
    throwIfCancelled(prefixUri, options.signal);
    const folder = folderUri(prefixUri);
    const limit = Math.min(options.limit ?? LIST_LIMIT_MAX, LIST_LIMIT_MAX);
    const after = options.startAfter ?? '';
    const uris = [...this.#store.files.keys()]
      .filter((uri) => uri.startsWith(folder) && !uri.endsWith('/') && compareUris(uri, after) > 0)
      .sort(compareUris);
    if (
      uris.length === 0 &&
      this.#store.files.has(prefixUri) &&
      compareUris(prefixUri, after) > 0
    ) {
      uris.push(prefixUri);
    }
    const files = uris.slice(0, limit).flatMap((uri) => this.#store.files.get(uri)?.status ?? []);
    return { files, next: uris.length > limit ? (files.at(-1)?.uri ?? null) : null };
  }

  async stat(uri: string, options: CallOptions = {}): Promise<FileStatus | null> {
    throwIfCancelled(uri, options.signal);
    parseUri(uri);
    return this.#store.files.get(uri)?.status ?? null;
  }

  async read(uri: string, options: ReadOptions = {}): Promise<FileContent> {
    throwIfCancelled(uri, options.signal);
    const file = this.#store.files.get(uri);
    if (file === undefined) throw storageNotFound(uri);
    if (options.ifMatch !== undefined && options.ifMatch !== file.status.etag) {
      throw objectChanged(uri);
    }
    const start = options.offset ?? 0;
    const bytes = file.bytes.slice(start, start + (options.length ?? file.bytes.length));
    if (options.sizeMax !== undefined && bytes.length > options.sizeMax) {
      throw objectTooLarge(uri, bytes.length, options.sizeMax);
    }
    return { bytes, status: file.status };
  }

  async put(uri: string, bytes: Uint8Array, options: PutOptions = {}): Promise<FileStatus> {
    throwIfCancelled(uri, options.signal);
    const present = this.#store.files.get(uri)?.status.etag;
    if (options.ifAbsent === true && present !== undefined) {
      throw preconditionFailed(uri, 'ifAbsent');
    }
    if (options.ifMatch !== undefined && options.ifMatch !== present) {
      throw preconditionFailed(uri, 'ifMatch');
    }
    return this.#save(uri, new Uint8Array(bytes));
  }

  async delete(uri: string, options: CallOptions = {}): Promise<void> {
    throwIfCancelled(uri, options.signal);
    this.#store.files.delete(uri);
  }

  async openWriter(uri: string, options: CallOptions = {}): Promise<RecoverableWriter> {
    throwIfCancelled(uri, options.signal);
    parseUri(uri);
    return new MemoryWriter(uri, this.#store);
  }

  async commit(pending: PendingFile, options: CallOptions = {}): Promise<void> {
    throwIfCancelled(pending.uri, options.signal);
    const bytes = this.#store.pending.get(pending.handle);
    if (bytes !== undefined) {
      this.#save(pending.uri, bytes);
      this.#store.pending.delete(pending.handle);
      return;
    }
    const present = this.#store.files.get(pending.uri);
    if (present?.status.size !== pending.size) throw pendingFileGone(pending.uri);
  }

  async abort(pending: PendingFile): Promise<void> {
    this.#store.pending.delete(pending.handle);
  }

  async close(): Promise<void> {}

  #save(uri: string, bytes: Uint8Array): FileStatus {
    parseUri(uri);
    const etag = createHash('md5').update(bytes).digest('hex');
    const status = { uri, size: bytes.length, etag, modifiedAtMs: this.#clock.nowMs() };
    this.#store.files.set(uri, { bytes, status });
    return status;
  }
}

class MemoryWriter implements RecoverableWriter {
  readonly uri: string;
  position = 0;
  readonly #store: MemoryStore;
  readonly #chunks: Uint8Array[] = [];

  constructor(uri: string, store: MemoryStore) {
    this.uri = uri;
    this.#store = store;
  }

  async write(bytes: Uint8Array): Promise<void> {
    // A Buffer's own `slice` would not copy.
    this.#chunks.push(new Uint8Array(bytes));
    this.position += bytes.length;
  }

  async closeForCommit(): Promise<PendingFile> {
    const handle = randomUUID();
    this.#store.pending.set(handle, new Uint8Array(Buffer.concat(this.#chunks)));
    return { uri: this.uri, handle, size: this.position };
  }

  async abort(): Promise<void> {
    this.#chunks.length = 0;
  }
}
