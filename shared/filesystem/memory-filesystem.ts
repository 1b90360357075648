import { createHash, randomUUID } from 'node:crypto';
import type { Clock } from '../time/clock.ts';
import type {
  AbortableFile,
  CallOptions,
  FileContent,
  FileStatus,
  FileSystem,
  ListOptions,
  ListPage,
  ListPendingOptions,
  PendingFile,
  PendingPage,
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
  /** Of the pending file that became this one. */
  readonly handle: string | null;
}

interface StoredPending {
  readonly uri: string;
  /** Null while it is being written. */
  bytes: Uint8Array | null;
}

/** What several `MemoryFileSystem`s of one thread share, as processes share a bucket. */
export class MemoryStore {
  readonly files = new Map<string, StoredFile>();
  readonly pending = new Map<string, StoredPending>();
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
    const { uri, handle } = pending;
    const bytes = this.#store.pending.get(handle)?.bytes ?? null;
    if (bytes !== null) {
      this.#save(uri, bytes, handle);
      this.#store.pending.delete(handle);
    } else if (this.#store.files.get(uri)?.handle !== handle) throw pendingFileGone(uri);
  }

  async abort(pending: AbortableFile): Promise<void> {
    this.#store.pending.delete(pending.handle);
  }

  async listPending(prefixUri: string, options: ListPendingOptions = {}): Promise<PendingPage> {
    throwIfCancelled(prefixUri, options.signal);
    const folder = folderUri(prefixUri);
    const { after = '', except = [] } = options;
    const limit = Math.min(options.limit ?? LIST_LIMIT_MAX, LIST_LIMIT_MAX);
    const left = new Set(except.map(({ handle }) => handle));
    const found = [...this.#store.pending]
      .filter(([handle, { uri }]) => uri.startsWith(folder) && handle > after && !left.has(handle))
      .map(([handle, { uri }]) => ({ uri, handle }))
      .sort((one, other) => (one.handle < other.handle ? -1 : 1));
    const files = found.slice(0, limit);
    return { files, next: found.length > limit ? (files.at(-1)?.handle ?? null) : null };
  }

  silentForMs(): number {
    return 0;
  }

  async close(): Promise<void> {}

  #save(uri: string, bytes: Uint8Array, handle: string | null = null): FileStatus {
    parseUri(uri);
    const etag = createHash('md5').update(bytes).digest('hex');
    const status = { uri, size: bytes.length, etag, modifiedAtMs: this.#clock.nowMs() };
    this.#store.files.set(uri, { bytes, status, handle });
    return status;
  }
}

class MemoryWriter implements RecoverableWriter {
  readonly uri: string;
  position = 0;
  readonly #pending: Map<string, StoredPending>;
  readonly #handle = randomUUID();
  readonly #chunks: Uint8Array[] = [];
  #open = true;

  constructor(uri: string, store: MemoryStore) {
    this.uri = uri;
    this.#pending = store.pending;
    this.#pending.set(this.#handle, { uri, bytes: null });
  }

  async write(bytes: Uint8Array): Promise<void> {
    // A Buffer's own `slice` would not copy.
    this.#chunks.push(new Uint8Array(bytes));
    this.position += bytes.length;
  }

  async closeForCommit(): Promise<PendingFile> {
    this.#open = false;
    const pending = this.#pending.get(this.#handle);
    // Somebody else may have aborted it: the commit tells.
    if (pending !== undefined) pending.bytes = new Uint8Array(Buffer.concat(this.#chunks));
    return { uri: this.uri, handle: this.#handle, size: this.position };
  }

  async abort(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#chunks.length = 0;
    this.#pending.delete(this.#handle);
  }
}
