import type { BigIntStats } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import type { FileStatus } from './filesystem.ts';
import { fromFileError, hasErrorCode, throwIfCancelled } from './storage-errors.ts';
import { compareUris } from './uri.ts';

/** Directory entries that are held per level; a larger directory is read several times. */
const WINDOW_ENTRIES_MAX = 16_384;
/** `stat` calls in flight at once. */
const STATS_MAX = 32;
/** Nested folders; deeper ones are an error rather than a crash. */
const DEPTH_MAX = 256;

export interface LocalListingOptions {
  /** The folder's path, with a slash at its end. */
  readonly folder: string;
  /** Only paths (relative to the folder) after this one; `` for all. */
  readonly after: string;
  readonly windowEntriesMax?: number;
  /** Only files with this start of their names, hidden ones; all that are not hidden without it. */
  readonly hiddenPrefix?: string;
}

/** One directory on the way down. Keys are entry names; those of directories end with `/`. */
interface Level {
  /** Relative to the folder: `` or `a/b/`. */
  readonly path: string;
  /** Device and inode, to see a symbolic link that leads back up. */
  readonly identity: string;
  keys: readonly string[];
  index: number;
  /** The directory has entries after the last of `keys`. */
  more: boolean;
}

/**
 * One pass over a folder and all folders below it, in the order of the full paths: a directory
 * sorts as its name with a slash, so `a.txt` comes before `a/b`, as it does on S3. Memory is bounded
 * by a window of names per level: a directory with more entries is read again for the next window.
 * Symbolic links are followed, but for those that lead to a folder they lie in. One caller at a time.
 */
export class LocalListing {
  readonly #folder: string;
  readonly #after: string;
  readonly #windowEntriesMax: number;
  readonly #hiddenPrefix: string | null;
  readonly #levels: Level[] = [];
  #started = false;

  constructor(options: LocalListingOptions) {
    this.#folder = options.folder;
    this.#after = options.after;
    this.#windowEntriesMax = options.windowEntriesMax ?? WINDOW_ENTRIES_MAX;
    this.#hiddenPrefix = options.hiddenPrefix ?? null;
  }

  /** The next files, fewer than `limit` only at the end. */
  async next(limit: number, signal: AbortSignal | undefined): Promise<readonly FileStatus[]> {
    if (!this.#started) {
      this.#started = true;
      await this.#enter('');
    }
    const files: FileStatus[] = [];
    while (files.length < limit && this.#levels.length > 0) {
      throwIfCancelled(`file://${this.#folder}`, signal);
      const paths = await this.#takePaths(limit - files.length);
      for (let index = 0; index < paths.length; index += STATS_MAX) {
        const chunk = paths.slice(index, index + STATS_MAX);
        const statuses = await Promise.all(chunk.map((path) => this.#statFile(path)));
        for (const status of statuses) if (status !== null) files.push(status);
      }
    }
    return files;
  }

  /** Whether all was listed (a listing that is not done may still have no further file). */
  get done(): boolean {
    return this.#started && this.#levels.length === 0;
  }

  async #takePaths(limit: number): Promise<readonly string[]> {
    const paths: string[] = [];
    while (paths.length < limit) {
      const level = this.#levels.at(-1);
      if (level === undefined) break;
      const key = level.keys[level.index];
      if (key === undefined) {
        if (level.more) await this.#fill(level, level.keys.at(-1) ?? '');
        else this.#levels.pop();
        continue;
      }
      level.index += 1;
      if (key.endsWith('/')) await this.#enter(level.path + key);
      else paths.push(level.path + key);
    }
    // Exhausted levels are taken off at once, so that `done` is true after the last file.
    while (this.#isExhausted(this.#levels.at(-1))) this.#levels.pop();
    return paths;
  }

  #isExhausted(level: Level | undefined): boolean {
    return level !== undefined && level.index >= level.keys.length && !level.more;
  }

  async #enter(path: string): Promise<void> {
    const status = await stat(this.#folder + path, { bigint: true }).catch(nullIfGone);
    if (!status?.isDirectory()) return;
    const identity = `${status.dev}:${status.ino}`;
    if (this.#levels.some((level) => level.identity === identity)) return;
    if (this.#levels.length >= DEPTH_MAX) {
      throw fromFileError(new Error(`folders are nested more than ${DEPTH_MAX} deep`), path);
    }
    const level: Level = { path, identity, keys: [], index: 0, more: false };
    await this.#fill(level, '');
    this.#levels.push(level);
  }

  /** Takes the smallest keys after `afterKey` into the level's window. */
  async #fill(level: Level, afterKey: string): Promise<void> {
    const max = this.#windowEntriesMax;
    let keys: string[] = [];
    let ceiling: string | null = null;
    let more = false;
    for await (const key of this.#readKeys(level.path)) {
      if (afterKey !== '' && compareUris(key, afterKey) <= 0) continue;
      if (ceiling !== null && compareUris(key, ceiling) > 0) continue;
      keys.push(key);
      if (keys.length >= 2 * max) {
        keys = keys.sort(compareUris).slice(0, max);
        ceiling = keys.at(-1) ?? null;
        more = true;
      }
    }
    keys.sort(compareUris);
    level.more = more || keys.length > max;
    level.keys = keys.slice(0, max);
    level.index = 0;
  }

  /** The directory's entries that may hold or be files after the start, in no order. */
  async *#readKeys(path: string): AsyncGenerator<string> {
    const directory = await opendir(this.#folder + path, { bufferSize: 512 }).catch(nullIfGone);
    if (directory === null) return;
    for await (const entry of directory) {
      const wanted = this.#hiddenPrefix !== null && entry.name.startsWith(this.#hiddenPrefix);
      if (entry.name.startsWith('.') && !wanted) continue;
      let isDirectory = entry.isDirectory();
      if (!isDirectory && !entry.isFile()) {
        const target = await stat(this.#folder + path + entry.name).catch(nullIfGone);
        if (target === null) continue;
        isDirectory = target.isDirectory();
      }
      if (this.#hiddenPrefix !== null && wanted === isDirectory) continue;
      const key = isDirectory ? `${entry.name}/` : entry.name;
      const full = path + key;
      const isAfter = this.#after === '' || compareUris(full, this.#after) > 0;
      if (isAfter || (isDirectory && this.#after.startsWith(full))) yield key;
    }
  }

  async #statFile(path: string): Promise<FileStatus | null> {
    const status = await stat(this.#folder + path, { bigint: true }).catch(nullIfGone);
    return status?.isFile() ? localStatus(`file://${this.#folder}${path}`, status) : null;
  }
}

/** The status of a file from its `stat`. */
export function localStatus(uri: string, status: BigIntStats): FileStatus {
  return {
    uri,
    size: Number(status.size),
    etag: `${status.size.toString(16)}-${status.mtimeNs.toString(16)}`,
    modifiedAtMs: Number(status.mtimeNs / 1_000_000n),
  };
}

/** A file that vanished, or a link that leads nowhere or round in a circle, is left out. */
function nullIfGone(error: unknown): null {
  if (hasErrorCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return null;
  throw error;
}
