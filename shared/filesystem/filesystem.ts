/**
 * The one port to everything that stores: sources, sinks, models, checkpoints. Adapters: `file://`,
 * `s3://`, `memory://`. All URIs are absolute, with forward slashes, their path percent-decoded
 * (an S3 key `a b/ü.jpg` is `s3://bucket/a b/ü.jpg`); `uri.ts` is the only place that takes one apart.
 *
 * Every method rejects with a `SluiceError` whose code is one of STORAGE_NOT_FOUND, STORAGE_DENIED,
 * STORAGE_CREDENTIALS, STORAGE_UNAVAILABLE (retry: backoff, after the adapter's own retries),
 * PRECONDITION_FAILED, OBJECT_CHANGED, OBJECT_TOO_LARGE, CANCELLED; `context.uri` names the object.
 */
export interface FileSystem {
  /** `file`, `s3` or `memory`. */
  readonly scheme: string;

  /**
   * One page of the files below the folder `prefixUri` (`a/b` means `a/b/…`, never `a/bc`; where it
   * is a file, that file), in ascending order of URI by code point (`compareUris`). A folder that
   * does not exist is empty. Left out: folder markers (`…/`), and on `file://` hidden names (`.…`).
   * A pass that follows `next` sees what was there when it began; files that come and go meanwhile
   * may or may not be in it.
   */
  list(prefixUri: string, options?: ListOptions): Promise<ListPage>;

  /**
   * Whether files can be listed below this URI. Where folders do not exist by themselves (S3), every
   * prefix is one.
   */
  isFolder(uri: string, options?: CallOptions): Promise<boolean>;

  /** Size, etag and modification time, or null where there is no such file. */
  stat(uri: string, options?: CallOptions): Promise<FileStatus | null>;

  /** The whole file, or a range of it; the part of the range beyond the end is left out. */
  read(uri: string, options?: ReadOptions): Promise<FileContent>;

  /** Writes a whole file atomically: readers see the old one or the new one. */
  put(uri: string, bytes: Uint8Array, options?: PutOptions): Promise<FileStatus>;

  /** Removes a file; resolves also when there was none. */
  delete(uri: string, options?: DeleteOptions): Promise<void>;

  /**
   * Starts a file that stays invisible until it is committed: a hidden pending file on `file://`,
   * a multipart upload on `s3://`.
   */
  openWriter(uri: string, options?: WriterOptions): Promise<RecoverableWriter>;

  /**
   * Makes a pending file visible under its final URI. Idempotent: a committable that was committed
   * before (by this process or an earlier attempt) resolves. Where it is gone and its final URI
   * holds nothing, or something else, also of the same size, the commit rejects with
   * STORAGE_NOT_FOUND; what lies there stays.
   */
  commit(pending: PendingFile, options?: CallOptions): Promise<void>;

  /**
   * Discards a pending file; resolves also when it is gone, and leaves what was committed. Nothing
   * stops a caller from aborting somebody else's file, also one that is being written: its owner
   * then gets STORAGE_NOT_FOUND from `write`, `closeForCommit` or, at the latest, `commit`, and the
   * final URI shows nothing. On S3 a part on its way at that moment may stay, invisible, until the
   * upload is listed and aborted again.
   */
  abort(pending: AbortableFile, options?: CallOptions): Promise<void>;

  /**
   * One page of the pending files whose final URIs lie below the folder `prefixUri`: closed or still
   * being written, by whomever. They may be incomplete, so they can be aborted but not committed.
   * A page may be empty though another follows. Not found: on `file://` those whose names have more
   * than 209 bytes, and on servers that list uploads by their full key only (MinIO) any.
   */
  listPending(prefixUri: string, options?: ListPendingOptions): Promise<PendingPage>;

  /** For how long the other side has answered nothing that was asked, milliseconds; 0: it answers. */
  silentForMs(): number;

  /** Closes connections. */
  close(): Promise<void>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface DeleteOptions extends CallOptions {
  /** Folders below this one that the file leaves empty go with it; only disks have such. */
  readonly pruneBelow?: string;
}

/** Entries of one page, at most. */
export const LIST_LIMIT_MAX = 1000;

export interface ListOptions extends CallOptions {
  /** Only URIs strictly greater than this one (`start-after`). */
  readonly startAfter?: string;
  /** At most this many entries in the page; default and upper bound `LIST_LIMIT_MAX`. */
  readonly limit?: number;
}

export interface ListPage {
  readonly files: readonly FileStatus[];
  /** Pass as `startAfter` for the next page (which may turn out empty); null after the last one. */
  readonly next: string | null;
}

export interface FileStatus {
  readonly uri: string;
  readonly size: number;
  /**
   * Changes whenever the content does: S3's ETag without quotes; for `file://` size and mtime
   * (nanoseconds) in hexadecimal.
   */
  readonly etag: string;
  readonly modifiedAtMs: number;
}

export interface ReadOptions extends CallOptions {
  readonly offset?: number;
  readonly length?: number;
  /** Rejects with OBJECT_TOO_LARGE, before or while reading, where the content is longer. */
  readonly sizeMax?: number;
  /** Rejects with OBJECT_CHANGED where the file has another etag by now. */
  readonly ifMatch?: string;
}

export interface FileContent {
  /** Alone in its ArrayBuffer, so that it can be transferred to another thread. */
  readonly bytes: Uint8Array;
  /** Of the version that was read. */
  readonly status: FileStatus;
}

export interface PutOptions extends CallOptions {
  /** Rejects with PRECONDITION_FAILED where the file exists (create-if-absent). */
  readonly ifAbsent?: boolean;
  /** Rejects with PRECONDITION_FAILED where the file's etag is another (compare-and-swap). */
  readonly ifMatch?: string;
  readonly contentType?: string;
  /**
   * Rejects with STORAGE_UNAVAILABLE when it is not done, retries included, by then; whether the file
   * was written is not known. Only where a network lies between. Default: the adapter's patience.
   */
  readonly deadlineMs?: number;
}

export interface WriterOptions extends CallOptions {
  readonly contentType?: string;
  /**
   * A file of at most so many bytes need not be stored before its commit: where that saves requests
   * (S3), its content lies, compressed, in the handle. For those who store handles safely and whose
   * names are unique: such a file is in no `listPending`, leaves nothing behind, and its commit
   * replaces no other file (STORAGE_NOT_FOUND). Default 0: never.
   */
  readonly heldBytesMax?: number;
}

export interface RecoverableWriter {
  readonly uri: string;
  /** Bytes accepted so far. */
  readonly position: number;
  /**
   * Appends. The caller keeps the returned promise's order by awaiting it before the next write;
   * memory is bounded by one part (8 MiB on S3) beside `bytes`.
   */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Makes everything written so far durable and closes the writer. The result is plain data: it can
   * lie in a checkpoint and be committed by another process.
   */
  closeForCommit(): Promise<PendingFile>;
  /** Gives up; nothing stays behind. */
  abort(): Promise<void>;
}

/** What it takes to discard a pending file. */
export interface AbortableFile {
  /** Where it would become visible. */
  readonly uri: string;
  /** The adapter's own: a hidden file's name and digest, or an upload's id and parts. */
  readonly handle: string;
}

/** A file that is written but not visible yet. Serializable. */
export interface PendingFile extends AbortableFile {
  readonly size: number;
}

export interface ListPendingOptions extends CallOptions {
  /** The page before's `next`. */
  readonly after?: string;
  /** At most this many entries in the page; default and upper bound `LIST_LIMIT_MAX`. */
  readonly limit?: number;
  /** These are left out, also where `uri` is the same for several. */
  readonly except?: readonly PendingFile[];
}

export interface PendingPage {
  readonly files: readonly AbortableFile[];
  /** Pass as `after` for the next page; null after the last one. Opaque. */
  readonly next: string | null;
}
