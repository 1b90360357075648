import picomatch from 'picomatch';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileStatus, FileSystem } from '../../shared/filesystem/filesystem.ts';
import { compareUris } from '../../shared/filesystem/uri.ts';
import type { FilesSourceOptions } from '../../shared/pipeline/kinds/source-files.ts';
import { SeenSet } from './seen-set.ts';

/**
 * What a listing means for a files source: which of the listed files match, and which of them are
 * new. Bounded discovery remembers nothing (a listing is ordered and names a file once); watching
 * remembers 8 bytes a file.
 */
export class FilesDiscovery {
  readonly #options: FilesSourceOptions;
  readonly #matches: (relativePath: string) => boolean;
  #seen: SeenSet | null;

  constructor(options: FilesSourceOptions) {
    this.#options = options;
    const globs = typeof options.glob === 'string' ? [options.glob] : options.glob;
    this.#matches = picomatch(globs, { dot: false, flags: 's' });
    this.#seen = options.watch === undefined ? null : new SeenSet();
  }

  /** The files of the listing that match and were not seen before, which from now on are seen. */
  take(files: readonly FileStatus[]): FileStatus[] {
    return files.filter((file) => this.#isWanted(file) && this.#isNew(file));
  }

  /** The files of the listing that `take` would take. */
  unseen(files: readonly FileStatus[]): FileStatus[] {
    return files.filter(
      (file) => this.#isWanted(file) && this.#seen?.has(this.#version(file)) !== true,
    );
  }

  get seenCount(): number {
    return this.#seen?.size ?? 0;
  }

  /** What was seen; arrays that never change (see {@link SeenSet.snapshot}). */
  snapshot(): readonly Uint8Array<ArrayBuffer>[] {
    return this.#seen?.snapshot() ?? [];
  }

  /** Bounded discovery remembers what it is given: the state may be that of a watch. */
  restore(snapshot: readonly Uint8Array<ArrayBuffer>[]): void {
    if (this.#seen !== null || snapshot.length > 0) this.#seen = SeenSet.restore(snapshot);
  }

  #isWanted(file: FileStatus): boolean {
    const root = this.#options.path;
    if (file.uri === root) return true;
    const start = root.endsWith('/') ? root.length : root.length + 1;
    const relativePath = file.uri.slice(start);
    return relativePath !== '' && !relativePath.endsWith('/') && this.#matches(relativePath);
  }

  #version({ uri, etag }: FileStatus): string {
    return this.#options.overwrites === 'process' ? `${uri}\n${etag}` : uri;
  }

  #isNew(file: FileStatus): boolean {
    if (this.#seen === null) return true;
    const isNew = this.#seen.add(this.#version(file));
    if (this.#seen.size > this.#options.seenMax) {
      throw new SluiceError(
        'RESOURCE_UNAVAILABLE',
        `the watch of ${this.#options.path} has seen more than ${this.#options.seenMax} files`,
        {
          domain: 'user',
          context: { uri: this.#options.path },
          hint: 'raise seenMax (8 bytes a file), or watch a narrower prefix',
        },
      );
    }
    return isNew;
  }
}

/** The names behind `startAfter`, up to and with `until`; null: from the first, to the last. */
export interface ListingRange {
  readonly signal: AbortSignal;
  readonly startAfter: string | null;
  readonly until: string | null;
}

/**
 * Calls back with each page of the range, one after the other, and with where the listing would go on
 * behind the page; `onPage` may wait (back-pressure).
 */
export async function forEachPage(
  fileSystem: FileSystem,
  rootUri: string,
  { signal, startAfter, until }: ListingRange,
  onPage: (files: readonly FileStatus[], listedThrough: string | null) => Promise<void>,
): Promise<void> {
  let listedThrough = startAfter;
  let isLast = false;
  while (!isLast && !signal.aborted) {
    const page: Awaited<ReturnType<FileSystem['list']>> = await fileSystem.list(rootUri, {
      signal,
      ...(listedThrough === null ? {} : { startAfter: listedThrough }),
    });
    const isWithin = (uri: string): boolean => until === null || compareUris(uri, until) <= 0;
    const files = isWithin(page.files.at(-1)?.uri ?? '')
      ? page.files
      : page.files.filter(({ uri }) => isWithin(uri));
    const isCut = files.length < page.files.length;
    listedThrough = (isCut ? null : page.next) ?? files.at(-1)?.uri ?? listedThrough;
    isLast = isCut || page.next === null || listedThrough === until;
    await onPage(files, listedThrough);
  }
}
