import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, link, open, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Clock } from '../time/clock.ts';
import {
  type AbortableFile,
  type CallOptions,
  type DeleteOptions,
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
} from './filesystem.ts';
import { LocalListing, localStatus } from './local-listing.ts';
import { withLocalLock } from './local-lock.ts';
import {
  finalNameOf,
  formatPendingHandle,
  PENDING_PREFIX,
  parsePendingHandle,
  TEMPORARY_PREFIX,
} from './local-pending.ts';
import { createBeside, LocalWriter, syncFolder } from './local-writer.ts';
import { removeEmptyFolders } from './remove-empty-folders.ts';
import {
  cancelled,
  fromCreateError,
  fromFileError,
  hasErrorCode,
  objectChanged,
  objectTooLarge,
  pendingFileGone,
  preconditionFailed,
  storageNotFound,
  throwIfCancelled,
} from './storage-errors.ts';
import { compareUris, folderUri, parseUri } from './uri.ts';

/** A listing that stands at its last page's end, waiting for the call that goes on from there. */
interface Cursor {
  readonly folder: string;
  readonly startAfter: string;
  readonly listing: LocalListing;
  readonly keptAtMs: number;
}

/** After this time a listing starts anew rather than go on with names read before. */
const CURSOR_AGE_MAX_MS = 5_000;
const CURSORS_MAX = 16;

export interface LocalFileSystemOptions {
  readonly clock: Clock;
  /** For tests: directory entries held in memory per level. */
  readonly windowEntriesMax?: number;
}

/**
 * `file://`: the disk of this machine, or what is mounted on it. A put is a hidden temporary file,
 * synced and renamed; a pending file is a hidden file in its final folder. Any thread may have its
 * own; processes may share the files.
 */
export class LocalFileSystem implements FileSystem {
  readonly scheme = 'file';
  readonly #clock: Clock;
  readonly #windowEntriesMax: number | undefined;
  #cursors: Cursor[] = [];

  constructor(options: LocalFileSystemOptions) {
    this.#clock = options.clock;
    this.#windowEntriesMax = options.windowEntriesMax;
  }

  async isFolder(uri: string): Promise<boolean> {
    try {
      return (await stat(pathOf(uri))).isDirectory();
    } catch (error) {
      if (hasErrorCode(error, 'ENOENT', 'ENOTDIR')) return false;
      throw fromFileError(error, uri);
    }
  }

  async list(prefixUri: string, options: ListOptions = {}): Promise<ListPage> {
    throwIfCancelled(prefixUri, options.signal);
    const folder = pathOf(folderUri(prefixUri));
    const limit = Math.min(options.limit ?? LIST_LIMIT_MAX, LIST_LIMIT_MAX);
    const startAfter = options.startAfter ?? '';
    try {
      const listing = this.#takeCursor(folder, startAfter) ?? this.#newListing(folder, startAfter);
      const files = listing === null ? [] : await listing.next(limit, options.signal);
      const last = files.at(-1);
      if (listing === null || last === undefined) {
        return { files: await this.#listFile(prefixUri, startAfter), next: null };
      }
      if (listing.done) return { files, next: null };
      this.#keepCursor({ folder, startAfter: last.uri, listing, keptAtMs: this.#clock.nowMs() });
      return { files, next: last.uri };
    } catch (error) {
      throw fromFileError(error, prefixUri);
    }
  }

  async stat(uri: string, options: CallOptions = {}): Promise<FileStatus | null> {
    throwIfCancelled(uri, options.signal);
    try {
      const status = await statIfPresent(pathOf(uri));
      return status?.isFile() ? localStatus(uri, status) : null;
    } catch (error) {
      throw fromFileError(error, uri);
    }
  }

  async read(uri: string, options: ReadOptions = {}): Promise<FileContent> {
    throwIfCancelled(uri, options.signal);
    let handle: FileHandle | null = null;
    try {
      // Without O_NONBLOCK, opening a named pipe would wait for a writer.
      handle = await open(pathOf(uri), constants.O_RDONLY | constants.O_NONBLOCK);
      return await readOpened(uri, handle, options);
    } catch (error) {
      throw fromFileError(error, uri);
    } finally {
      await handle?.close();
    }
  }

  async put(uri: string, bytes: Uint8Array, options: PutOptions = {}): Promise<FileStatus> {
    throwIfCancelled(uri, options.signal);
    const path = pathOf(uri);
    let temporary: string | null = null;
    try {
      const created = await createBeside(path, TEMPORARY_PREFIX).catch((error: unknown) => {
        throw fromCreateError(error, uri);
      });
      temporary = created.path;
      try {
        await created.handle.writeFile(bytes);
        await created.handle.sync();
      } finally {
        await created.handle.close();
      }
      const status = await this.#publish(uri, temporary, options);
      temporary = null;
      this.#cursors = [];
      await syncFolder(dirname(path));
      return status;
    } catch (error) {
      throw fromFileError(error, uri);
    } finally {
      if (temporary !== null) await unlink(temporary).catch(() => {});
    }
  }

  async delete(uri: string, options: DeleteOptions = {}): Promise<void> {
    throwIfCancelled(uri, options.signal);
    this.#cursors = [];
    const { pruneBelow } = options;
    try {
      await unlink(pathOf(uri));
    } catch (error) {
      if (!hasErrorCode(error, 'ENOENT', 'ENOTDIR')) throw fromFileError(error, uri);
    }
    if (pruneBelow !== undefined)
      await removeEmptyFolders(dirname(pathOf(uri)), pathOf(pruneBelow));
  }

  async openWriter(uri: string, options: CallOptions = {}): Promise<RecoverableWriter> {
    throwIfCancelled(uri, options.signal);
    try {
      const created = await createBeside(pathOf(uri), PENDING_PREFIX);
      return new LocalWriter(uri, created.handle, created.path);
    } catch (error) {
      throw fromCreateError(error, uri);
    }
  }

  async commit(pending: PendingFile, options: CallOptions = {}): Promise<void> {
    throwIfCancelled(pending.uri, options.signal);
    const path = pathOf(pending.uri);
    this.#cursors = [];
    try {
      try {
        // From here the file is visible.
        await rename(pendingPathOf(pending), path);
      } catch (error) {
        if (!hasErrorCode(error, 'ENOENT')) throw error;
        if (!(await isCommitted(pending))) throw pendingFileGone(pending.uri);
      }
      // Also after another's rename: that process may have died before it was durable.
      await syncFolder(dirname(path));
    } catch (error) {
      throw fromFileError(error, pending.uri);
    }
  }

  async abort(pending: AbortableFile, options: CallOptions = {}): Promise<void> {
    throwIfCancelled(pending.uri, options.signal);
    try {
      await unlink(pendingPathOf(pending));
    } catch (error) {
      if (!hasErrorCode(error, 'ENOENT', 'ENOTDIR')) throw fromFileError(error, pending.uri);
    }
  }

  async listPending(prefixUri: string, options: ListPendingOptions = {}): Promise<PendingPage> {
    throwIfCancelled(prefixUri, options.signal);
    const { after = '', except = [] } = options;
    const limit = Math.min(options.limit ?? LIST_LIMIT_MAX, LIST_LIMIT_MAX);
    const folder = pathOf(folderUri(prefixUri));
    const left = new Set(except.map(pendingPathOf));
    try {
      const listing = this.#newListing(folder, after, PENDING_PREFIX);
      const found = listing === null ? [] : await listing.next(limit, options.signal);
      const files = found.flatMap(({ uri }) => (left.has(pathOf(uri)) ? [] : asAbortable(uri)));
      const next = listing === null || listing.done ? null : (found.at(-1)?.uri ?? null);
      return { files, next };
    } catch (error) {
      throw fromFileError(error, prefixUri);
    }
  }

  silentForMs(): number {
    return 0;
  }

  async close(): Promise<void> {
    this.#cursors = [];
  }

  /** Moves the temporary file to its place, if the condition holds. */
  async #publish(uri: string, temporary: string, options: PutOptions): Promise<FileStatus> {
    const path = pathOf(uri);
    if (options.ifAbsent === true) {
      try {
        await link(temporary, path);
      } catch (error) {
        if (hasErrorCode(error, 'EEXIST')) throw preconditionFailed(uri, 'ifAbsent');
        throw error;
      }
      const status = localStatus(uri, await stat(temporary, { bigint: true }));
      await unlink(temporary);
      return status;
    }
    if (options.ifMatch === undefined) return replace(uri, temporary);
    const lockPath = `${dirname(path)}/.lock-${basename(path)}`;
    return withLocalLock(lockPath, this.#clock, async () => {
      const present = await this.stat(uri);
      if (present?.etag !== options.ifMatch) throw preconditionFailed(uri, 'ifMatch');
      return replace(uri, temporary);
    });
  }

  async #listFile(prefixUri: string, startAfter: string): Promise<readonly FileStatus[]> {
    if (prefixUri.endsWith('/') || compareUris(prefixUri, startAfter) <= 0) return [];
    const status = await this.stat(prefixUri);
    return status === null ? [] : [status];
  }

  /** Null where nothing below the folder can come after `startAfter`. */
  #newListing(
    folder: string,
    startAfter: string,
    hiddenPrefix: string | null = null,
  ): LocalListing | null {
    const base = `file://${folder}`;
    const within = startAfter.startsWith(base);
    if (!within && startAfter !== '' && compareUris(startAfter, base) > 0) return null;
    const after = within ? startAfter.slice(base.length) : '';
    const windowEntriesMax = this.#windowEntriesMax;
    return new LocalListing({
      folder,
      after,
      ...(windowEntriesMax === undefined ? {} : { windowEntriesMax }),
      ...(hiddenPrefix === null ? {} : { hiddenPrefix }),
    });
  }

  #takeCursor(folder: string, startAfter: string): LocalListing | null {
    const oldestMs = this.#clock.nowMs() - CURSOR_AGE_MAX_MS;
    const found = this.#cursors.find(
      (cursor) =>
        cursor.folder === folder && cursor.startAfter === startAfter && cursor.keptAtMs >= oldestMs,
    );
    this.#cursors = this.#cursors.filter((cursor) => cursor !== found);
    return found?.listing ?? null;
  }

  #keepCursor(cursor: Cursor): void {
    this.#cursors = [...this.#cursors.slice(1 - CURSORS_MAX), cursor];
  }
}

/** Puts the temporary file in the place of the old one, with a later time than the old one's. */
async function replace(uri: string, temporary: string): Promise<FileStatus> {
  const path = pathOf(uri);
  const old = await statIfPresent(path);
  let status = await stat(temporary, { bigint: true });
  if (old !== null && status.mtimeNs <= old.mtimeNs) {
    // Two versions within one tick of the file system's clock must not have the same etag.
    const handle = await open(temporary, 'r+');
    try {
      const laterSeconds = Number(old.mtimeNs / 1_000n + 10n) / 1e6;
      await handle.utimes(laterSeconds, laterSeconds);
      status = await handle.stat({ bigint: true });
    } finally {
      await handle.close();
    }
  }
  await rename(temporary, path);
  return localStatus(uri, status);
}

async function readOpened(
  uri: string,
  handle: FileHandle,
  options: ReadOptions,
): Promise<FileContent> {
  const before = await handle.stat({ bigint: true });
  if (!before.isFile()) throw storageNotFound(uri, new Error('it is no regular file'));
  const status = localStatus(uri, before);
  if (options.ifMatch !== undefined && options.ifMatch !== status.etag) throw objectChanged(uri);
  const start = Math.min(options.offset ?? 0, status.size);
  const length = Math.min(options.length ?? status.size, status.size - start);
  if (options.sizeMax !== undefined && length > options.sizeMax) {
    throw objectTooLarge(uri, length, options.sizeMax);
  }
  // Not from Buffer's shared pool: the bytes may be transferred to another thread.
  const bytes = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    if (options.signal?.aborted === true) throw cancelled(uri);
    const { bytesRead } = await handle.read(bytes, filled, length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  const after = localStatus(uri, await handle.stat({ bigint: true }));
  if (filled < length || after.etag !== status.etag) throw objectChanged(uri);
  return { bytes, status };
}

async function statIfPresent(path: string): Promise<BigIntStats | null> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}

function pathOf(uri: string): string {
  return parseUri(uri).path;
}

function pendingPathOf(pending: AbortableFile): string {
  const folder = dirname(pathOf(pending.uri));
  return `${folder === '/' ? '' : folder}/${parsePendingHandle(pending).name}`;
}

function asAbortable(pendingUri: string): readonly AbortableFile[] {
  const path = pathOf(pendingUri);
  const name = basename(path);
  const finalName = finalNameOf(name);
  if (finalName === null) return [];
  const uri = `file://${path.slice(0, -name.length)}${finalName}`;
  return [{ uri, handle: formatPendingHandle({ name }) }];
}

/** Whether the final file has the content of the pending one, not only its size. */
async function isCommitted(pending: PendingFile): Promise<boolean> {
  const { sha256 } = parsePendingHandle(pending);
  const path = pathOf(pending.uri);
  const status = await statIfPresent(path);
  if (sha256 === undefined || status?.isFile() !== true) return false;
  if (Number(status.size) !== pending.size) return false;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex') === sha256;
}
