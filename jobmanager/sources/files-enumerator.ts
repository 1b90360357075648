import type { FileSplit } from '../../shared/connectors/splits.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileStatus, FileSystem } from '../../shared/filesystem/filesystem.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { compareUris } from '../../shared/filesystem/uri.ts';
import type { FilesSourceOptions } from '../../shared/pipeline/kinds/source-files.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { pause } from '../../shared/time/pause.ts';
import { TokenBucket } from '../../shared/time/token-bucket.ts';
import { FilesDiscovery, forEachPage } from './files-discovery.ts';
import type {
  EnumeratorProgress,
  SplitEnumerator,
  SplitEnumeratorContext,
  WithShared,
} from './split-enumerator.ts';
import { WatchListing } from './watch-listing.ts';

/** Listing pauses while this many discovered files wait for a reader. */
const PENDING_MAX = 4096;
/** Files handed to one reader before the next reader has its turn. */
const GRANT_MAX = 4;
/** A local file this young may still be written; it is looked at again meanwhile. */
const SETTLE_MS = 1000;
const SETTLE_LOOKS = 4;

export interface FilesEnumeratorDependencies {
  readonly fileSystems: FileSystemRegistry;
  readonly clock: Clock;
  /** Told about listings that failed and are tried again. */
  readonly onWarning?: (message: string) => void;
}

/** What a checkpoint keeps: at most about `PENDING_MAX` splits, and 8 bytes for each file seen. */
interface FilesEnumeratorState extends WithShared {
  /** What was seen: runs of hashes, most of which were in the checkpoint before. */
  readonly shared: readonly Uint8Array<ArrayBuffer>[];
  readonly pending: readonly FileSplit[];
  /** A bounded listing is ordered: where it goes on says what was found before. */
  readonly listedThrough: string | null;
  readonly complete: boolean;
  readonly stopped: boolean;
  readonly assigned: number;
  /** Handed out before the listing comes to them; absent: none. */
  readonly skipped?: readonly string[];
  /** Of a watch: the ranges that the next pass lists at the same time; absent: none. */
  readonly bounds?: readonly string[];
}

/**
 * Discovers files by listing, once or every `watch` interval, and hands them to the readers that
 * ask, round robin. Runs on the job manager's thread; memory is bounded by `PENDING_MAX` splits and
 * 8 bytes for each file seen.
 */
export class FilesEnumerator implements SplitEnumerator<FileSplit> {
  readonly #options: FilesSourceOptions;
  readonly #dependencies: FilesEnumeratorDependencies;
  readonly #discovery: FilesDiscovery;
  #listing = new WatchListing();
  readonly #rate: TokenBucket | null;
  readonly #abort = new AbortController();
  #context: SplitEnumeratorContext<FileSplit> | null = null;
  /** In order of discovery; `#pendingStart` avoids shifting a long array. */
  #pending: FileSplit[] = [];
  #pendingStart = 0;
  /** Subtask → splits it still waits for, in the order they asked. */
  readonly #waiting = new Map<number, number>();
  readonly #informed = new Set<number>();
  /** Of listings that wait for readers; at most one for each range. */
  #waitingListings: (() => void)[] = [];
  #rateTimer: (() => void) | null = null;
  #complete = false;
  #stopped = false;
  /** Of a bounded listing: up to here its files are pending or handed out. */
  #listedThrough: string | null = null;
  /** Of a bounded listing, beyond `#listedThrough`: handed out by another job manager. */
  #skipped = new Set<string>();
  #discovered = 0;
  #assigned = 0;

  constructor(options: FilesSourceOptions, dependencies: FilesEnumeratorDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#discovery = new FilesDiscovery(options);
    this.#rate =
      options.rateMax === undefined
        ? null
        : new TokenBucket({ clock: dependencies.clock, ratePerSecond: options.rateMax });
  }

  start(context: SplitEnumeratorContext<FileSplit>): void {
    this.#context = context;
    this.#discover().then(
      () => {
        this.#complete = true;
        this.#dispatch();
      },
      (error: unknown) => {
        if (!this.#abort.signal.aborted) context.fail(error);
      },
    );
  }

  handleSplitRequest(subtask: number, count: number): void {
    this.#waiting.set(subtask, (this.#waiting.get(subtask) ?? 0) + count);
    this.#dispatch();
  }

  addSplitsBack(splits: readonly FileSplit[], subtask: number): void {
    this.#waiting.delete(subtask);
    this.#informed.delete(subtask);
    this.#pending = [...splits, ...this.#pending.slice(this.#pendingStart)];
    this.#pendingStart = 0;
    this.#assigned -= splits.length;
    this.#dispatch();
  }

  stop(): void {
    this.#abort.abort();
    this.#resumeListings();
    this.#pending = [];
    this.#pendingStart = 0;
    this.#discovered = this.#assigned;
    this.#stopped = true;
    this.#complete = true;
    this.#dispatch();
  }

  snapshotState(): FilesEnumeratorState {
    return {
      shared: this.#discovery.snapshot(),
      pending: this.#pending.slice(this.#pendingStart),
      listedThrough: this.#listedThrough,
      complete: this.#complete,
      stopped: this.#stopped,
      assigned: this.#assigned,
      ...(this.#skipped.size === 0 ? {} : { skipped: [...this.#skipped] }),
      ...(this.#listing.bounds.length === 0 ? {} : { bounds: this.#listing.bounds }),
    };
  }

  /**
   * The pipeline may have become a watch since, or have ceased to be one: what either of them had
   * found before is not found again.
   */
  restoreState(state: unknown): void {
    const restored = state as FilesEnumeratorState;
    this.#discovery.restore(restored.shared);
    this.#listing = new WatchListing(restored.bounds);
    this.#pending = [...restored.pending];
    this.#pendingStart = 0;
    this.#listedThrough = restored.listedThrough;
    this.#stopped = restored.stopped;
    const isWatch = this.#options.watch !== undefined;
    this.#complete = restored.stopped || (restored.complete && !isWatch);
    this.#assigned = restored.assigned;
    this.#discovered = restored.assigned + restored.pending.length;
    this.#skipped = new Set(restored.skipped);
  }

  markAssigned(splits: readonly FileSplit[]): void {
    // A watch has seen them from now on.
    this.#discovery.take(splits);
    const etags = new Map(splits.map(({ uri, etag }) => [uri, etag]));
    const uris = new Set(etags.keys());
    this.#pending = this.#pending.filter(({ uri, etag }) => {
      const isAssigned = etags.get(uri) === etag;
      if (isAssigned) uris.delete(uri);
      return !isAssigned;
    });
    const through = this.#listedThrough;
    for (const uri of this.#options.watch === undefined && !this.#complete ? uris : []) {
      if (through === null || compareUris(uri, through) > 0) this.#skipped.add(uri);
    }
    this.#assigned += splits.length;
    this.#discovered = this.#assigned + this.#pending.length;
  }

  progress(): EnumeratorProgress {
    return {
      discovered: this.#discovered,
      assigned: this.#assigned,
      discoveryComplete: this.#complete,
    };
  }

  close(): void {
    this.#context = null;
    this.#abort.abort();
    this.#rateTimer?.();
    this.#resumeListings();
  }

  async #discover(): Promise<void> {
    const { clock } = this.#dependencies;
    const intervalMs = this.#options.watch;
    for (let round = 0; !this.#complete && !this.#abort.signal.aborted; round += 1) {
      const startedAtMs = clock.monotonicMs();
      await this.#listOnce(round);
      if (intervalMs === undefined) return;
      const elapsedMs = clock.monotonicMs() - startedAtMs;
      await pause(clock, Math.max(0, intervalMs - elapsedMs), this.#abort.signal);
    }
  }

  async #listOnce(round: number): Promise<void> {
    const { path: rootUri } = this.#options;
    const { signal } = this.#abort;
    const fileSystem = this.#dependencies.fileSystems.forUri(rootUri);
    try {
      if (round === 0) await this.#requireFolder(fileSystem);
      const isWatch = this.#options.watch !== undefined;
      if (isWatch) {
        await this.#listAgain(fileSystem);
        this.#listedThrough = null;
        return;
      }
      const range = { signal, startAfter: this.#listedThrough, until: null };
      await forEachPage(fileSystem, rootUri, range, async (files, listedThrough) => {
        this.#enqueue(files);
        this.#listedThrough = listedThrough;
        await this.#untilRoom();
      });
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      // The first listing shows whether the source is right at all; later ones may fail in passing.
      if (round === 0 || !isTransient(error)) throw error;
      this.#dependencies.onWarning?.(
        `listing ${this.#options.path} failed and is tried again: ${(error as Error).message}`,
      );
    }
  }

  async #listAgain(fileSystem: FileSystem): Promise<void> {
    const { path: rootUri } = this.#options;
    const isLocal = rootUri.startsWith('file:');
    // A local listing costs no time on the way, and goes through the folders whatever the range.
    const listing = isLocal ? new WatchListing() : this.#listing;
    await listing.pass({
      fileSystem,
      rootUri,
      signal: this.#abort.signal,
      onPage: async (files) => {
        const settled = await this.#settled(files);
        // Other ranges may have filled it meanwhile.
        await this.#untilRoom();
        this.#enqueue(settled);
        await this.#untilRoom();
      },
    });
  }

  /** A listing of a folder that does not exist is empty: what the user mistyped must not pass. */
  async #requireFolder(fileSystem: FileSystem): Promise<void> {
    const { path } = this.#options;
    if (await fileSystem.isFolder(path)) return;
    if ((await fileSystem.stat(path)) !== null) return;
    throw new SluiceError('FILE_NOT_FOUND', `there is no folder ${path} to read from`, {
      domain: 'user',
      context: { uri: path },
      hint: "look at the source's path; relative ones start at the pipeline's file",
    });
  }

  /**
   * A local file may be listed while it is written. It is taken when it is a second old, or has kept
   * its size and time for so long (a time may lie in the future). One that goes on changing is left
   * to the next listing: the others do not wait for it.
   */
  async #settled(files: readonly FileStatus[]): Promise<readonly FileStatus[]> {
    const { clock, fileSystems } = this.#dependencies;
    if (!this.#options.path.startsWith('file:')) return files;
    const unseen = this.#discovery.unseen(files);
    const isOld = (file: FileStatus): boolean => file.modifiedAtMs <= clock.nowMs() - SETTLE_MS;
    const settled = unseen.filter(isOld);
    let young = unseen.filter((file) => !isOld(file));
    const listed = new Map(young.map((file) => [file.uri, file.etag]));
    for (let look = 0; look < SETTLE_LOOKS && young.length > 0; look += 1) {
      await pause(clock, SETTLE_MS / SETTLE_LOOKS, this.#abort.signal);
      if (this.#abort.signal.aborted) return settled;
      const found = await Promise.all(
        young.map((file) => fileSystems.forUri(file.uri).stat(file.uri)),
      );
      const present = found.filter((file) => file !== null);
      settled.push(...present.filter(isOld));
      young = present.filter((file) => !isOld(file));
    }
    return [...settled, ...young.filter((file) => listed.get(file.uri) === file.etag)];
  }

  #enqueue(files: readonly FileStatus[]): void {
    if (this.#abort.signal.aborted) return;
    const found = this.#discovery
      .take(files)
      .filter((file) => !this.#isListed(file) && !this.#skipped.delete(file.uri));
    this.#discovered += found.length;
    for (const { uri, etag, size, modifiedAtMs } of found) {
      this.#pending.push({ uri, etag, size, modifiedAtMs });
    }
    this.#dispatch();
  }

  /** Only for a watch that goes on from a bounded listing: what that one had found is seen. */
  #isListed({ uri }: FileStatus): boolean {
    const through = this.#options.watch === undefined ? null : this.#listedThrough;
    return through !== null && compareUris(uri, through) <= 0;
  }

  async #untilRoom(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted && this.#pending.length - this.#pendingStart >= PENDING_MAX) {
      await new Promise<void>((resolve) => {
        this.#waitingListings.push(resolve);
      });
    }
  }

  #dispatch(): void {
    const context = this.#context;
    if (context === null) return;
    while (this.#pendingStart < this.#pending.length && this.#waiting.size > 0) {
      const [subtask, wanted] = this.#waiting.entries().next().value ?? [0, 0];
      const available = Math.min(wanted, GRANT_MAX, this.#pending.length - this.#pendingStart);
      const granted = this.#rate === null ? available : this.#rate.take(available);
      if (granted === 0) {
        this.#dispatchLater();
        break;
      }
      const splits = this.#pending.slice(this.#pendingStart, this.#pendingStart + granted);
      this.#pendingStart += granted;
      this.#assigned += granted;
      // Behind the others, so that several readers share few files evenly.
      this.#waiting.delete(subtask);
      if (wanted > granted) this.#waiting.set(subtask, wanted - granted);
      context.assignSplits(subtask, splits);
    }
    this.#compact();
    if (this.#complete && this.#pending.length === 0) this.#informReaders(context);
  }

  #compact(): void {
    if (this.#pendingStart === this.#pending.length || this.#pendingStart >= PENDING_MAX) {
      this.#pending = this.#pending.slice(this.#pendingStart);
      this.#pendingStart = 0;
    }
    if (this.#pending.length - this.#pendingStart < PENDING_MAX / 2) {
      this.#resumeListings();
    }
  }

  #resumeListings(): void {
    for (const resume of this.#waitingListings.splice(0)) resume();
  }

  #dispatchLater(): void {
    if (this.#rateTimer !== null || this.#rate === null) return;
    this.#rateTimer = this.#dependencies.clock.setTimer(Math.max(1, this.#rate.waitMs()), () => {
      this.#rateTimer = null;
      this.#dispatch();
    });
  }

  #informReaders(context: SplitEnumeratorContext<FileSplit>): void {
    for (let subtask = 0; subtask < context.parallelism; subtask += 1) {
      if (this.#informed.has(subtask)) continue;
      this.#informed.add(subtask);
      context.signalNoMoreSplits(subtask);
    }
  }
}

function isTransient(error: unknown): boolean {
  return error instanceof SluiceError && error.retry === 'backoff';
}
