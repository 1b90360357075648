import picomatch from 'picomatch';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileStatus, FileSystem } from '../../shared/filesystem/filesystem.ts';
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

  snapshot(): Uint8Array {
    return this.#seen?.toBytes() ?? new Uint8Array(0);
  }

  /** Bounded discovery remembers what it is given: the state may be that of a watch. */
  restore(bytes: Uint8Array): void {
    if (this.#seen !== null || bytes.length > 0) this.#seen = SeenSet.fromBytes(bytes);
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

/**
 * Calls back with each page of a listing behind `startAfter` (null: all of it), one after the other,
 * and with where the listing would go on behind the page; `onPage` may wait (back-pressure).
 */
export async function forEachPage(
  fileSystem: FileSystem,
  rootUri: string,
  signal: AbortSignal,
  onPage: (files: readonly FileStatus[], listedThrough: string | null) => Promise<void>,
  startAfter: string | null = null,
): Promise<void> {
  let listedThrough = startAfter;
  let isLast = false;
  while (!isLast && !signal.aborted) {
    const page: Awaited<ReturnType<FileSystem['list']>> = await fileSystem.list(rootUri, {
      signal,
      ...(listedThrough === null ? {} : { startAfter: listedThrough }),
    });
    isLast = page.next === null;
    listedThrough = page.next ?? page.files.at(-1)?.uri ?? listedThrough;
    await onPage(page.files, listedThrough);
  }
}
