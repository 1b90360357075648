import type { FileStatus, FileSystem } from '../../shared/filesystem/filesystem.ts';
import { forEachPage, type ListingRange } from './files-discovery.ts';

/** Listed at a time; more would gain little, and make the store refuse requests. */
const RANGES_MAX = 16;
/** A range below that is not worth a request of its own. */
const RANGE_PAGES_MIN = 4;

export interface WatchListingOptions {
  readonly fileSystem: FileSystem;
  readonly rootUri: string;
  readonly signal: AbortSignal;
  /** May wait, which holds up its range only. */
  readonly onPage: (files: readonly FileStatus[]) => Promise<void>;
}

/**
 * Lists a watched prefix again and again. A listing goes from page to page, and S3 takes 100 ms for
 * each thousand names; so every pass remembers names that cut the prefix into ranges of about the same
 * length, and the next one, also after a restart, lists these at the same time. The last of them lies
 * behind the last name: what is new among names that ascend with time is found with one request.
 */
export class WatchListing {
  /** In order; at most `RANGES_MAX`. */
  #bounds: readonly string[];

  constructor(bounds: readonly string[] = []) {
    this.#bounds = bounds;
  }

  get bounds(): readonly string[] {
    return this.#bounds;
  }

  /** Resolves, or rejects with the first failure, when no range goes on. */
  async pass(options: WatchListingOptions): Promise<void> {
    const failed = new AbortController();
    const signal = AbortSignal.any([options.signal, failed.signal]);
    const starts = [null, ...this.#bounds];
    let failure: { readonly error: unknown } | null = null;
    const ends = await Promise.all(
      starts.map(async (startAfter, index) => {
        const range = { signal, startAfter, until: this.#bounds[index] ?? null };
        try {
          return await listRange(options, range);
        } catch (error) {
          failure ??= { error };
          failed.abort();
          return [];
        }
      }),
    );
    // What the others reject with is that they were aborted.
    if (failure !== null) throw (failure as { readonly error: unknown }).error;
    if (!signal.aborted) this.#bounds = boundsOf(ends.flat());
  }
}

/** Where the pages of the range ended. */
async function listRange(
  { fileSystem, rootUri, onPage }: WatchListingOptions,
  range: ListingRange,
): Promise<string[]> {
  const ends: string[] = [];
  await forEachPage(fileSystem, rootUri, range, async (files, listedThrough) => {
    if (files.length > 0 && listedThrough !== null) ends.push(listedThrough);
    await onPage(files);
  });
  return ends;
}

/** `ends`: of all pages, in order. The last bound is the last name there is. */
function boundsOf(ends: readonly string[]): string[] {
  const ranges = Math.min(RANGES_MAX - 1, Math.floor(ends.length / RANGE_PAGES_MIN));
  return Array.from({ length: ranges }, (_, index) => {
    const last = Math.ceil(((index + 1) * ends.length) / ranges) - 1;
    return ends[last] ?? '';
  });
}
