import { metadataUri } from '../../shared/checkpoint/checkpoint-paths.ts';
import type { SubtaskSnapshot } from '../../shared/checkpoint/snapshot.ts';
import {
  metadataHandles,
  objectUris,
  snapshotHandles,
} from '../../shared/checkpoint/snapshot-handles.ts';
import type { StateHandle } from '../../shared/checkpoint/state-handle.ts';
import { relativePath } from '../../shared/filesystem/uri.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { CheckpointStorage } from './checkpoint-storage.ts';
import type { CompletedCheckpoint } from './completed-checkpoint.ts';

export interface CheckpointCleanerOptions {
  readonly jobId: string;
  readonly storage: CheckpointStorage;
  readonly logger: Logger;
  /** What must stay restorable, at this moment. */
  readonly retained: () => readonly CompletedCheckpoint[];
}

/** Folders and shared objects that wait; what is beyond stays for the sweep of the next start. */
export const CLEANUP_PENDING_MAX = 10_000;

/**
 * Removes what no retained checkpoint needs, in the background, one file after the other; what fails
 * is logged and tried again with the next clean-up. The rule: a file of the job's own checkpoints
 * folder goes if its checkpoint was subsumed or aborted and no retained `_metadata` refers to it.
 * (The references are the reference counts: they are computed from what is retained, so that they
 * cannot drift.) Whatever lies elsewhere (savepoints, other jobs' state) is never touched.
 *
 * Shared objects are spared once: a task that has not heard yet that a checkpoint is complete still
 * builds the next one on what it knows. It relies on tasks that build on nothing but what a completed
 * checkpoint of theirs referred to; so what two of them in a row do without is never referred to again.
 */
export class CheckpointCleaner {
  readonly #options: CheckpointCleanerOptions;
  /** URIs of the job's own checkpoint folders. */
  readonly #folders = new Set<string>();
  /** Shared objects, by URI: a checkpoint after this one must have completed without it. */
  readonly #shared = new Map<string, number>();
  #running: Promise<void> | null = null;
  #closed = false;

  constructor(options: CheckpointCleanerOptions) {
    this.#options = options;
  }

  /** These have left the retained ones. */
  subsumed(checkpoints: readonly CompletedCheckpoint[]): void {
    for (const { checkpointId, uri, metadata } of checkpoints) {
      if (this.#isOwnFolder(uri)) this.#addFolder(uri);
      const latest = this.#options.retained().at(-1);
      const sparedUntil = Math.max(checkpointId, latest?.checkpointId ?? 0);
      this.#addShared(objectUris(metadataHandles(metadata)), sparedUntil);
    }
    this.#start();
  }

  /** The checkpoint will never complete, or lies elsewhere; with what it stored, as far as known. */
  discard(
    checkpointId: number,
    snapshots: readonly SubtaskSnapshot[],
    handles: readonly StateHandle[] = [],
  ): void {
    const { storage, jobId } = this.#options;
    this.#addFolder(storage.paths.checkpoint(jobId, checkpointId));
    for (const snapshot of snapshots) {
      this.#addShared(objectUris(snapshotHandles(snapshot)), checkpointId);
    }
    this.#addShared(objectUris(handles), checkpointId);
    this.#start();
  }

  /**
   * After a start: removes the checkpoints that earlier job managers left behind, those below
   * `belowId` that are not retained, and what nobody refers to any more.
   */
  async sweep(belowId: number): Promise<void> {
    const { storage, jobId, logger } = this.#options;
    const base = storage.paths.checkpoints(jobId);
    try {
      for await (const uri of storage.files(base)) {
        const id = /^chk-(\d+)\//.exec(relativePath(base, uri) ?? '')?.[1];
        if (id === undefined) this.#addShared([uri], belowId);
        if (id === undefined || Number(id) >= belowId) continue;
        const folder = storage.paths.checkpoint(jobId, Number(id));
        if (!this.#isRetained(folder)) this.#addFolder(folder);
      }
    } catch (error) {
      logger.warn({ jobId, error }, 'old checkpoints could not be listed');
    }
    this.#start();
  }

  /** Resolves when nothing is being removed. */
  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  /** Nothing is removed any more: the job may be another job manager's by now. */
  close(): void {
    this.#closed = true;
  }

  #start(): void {
    if (this.#running !== null || this.#closed) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
    });
  }

  async #run(): Promise<void> {
    // What is added meanwhile is met by this very loop; what failed waits for the next start.
    for (const folder of this.#folders) {
      if (this.#isRetained(folder)) this.#folders.delete(folder);
      else if (await this.#removeFolder(folder)) this.#folders.delete(folder);
    }
    for (const [uri, sparedUntil] of this.#shared) {
      const latest = this.#options.retained().at(-1);
      if (latest === undefined || latest.checkpointId <= sparedUntil) continue;
      if (this.#referenced().has(uri)) this.#shared.delete(uri);
      else if (await this.#remove(uri)) this.#shared.delete(uri);
    }
  }

  /** True where nothing is left of it. */
  async #removeFolder(folder: string): Promise<boolean> {
    const { storage, jobId, logger } = this.#options;
    // First what makes it look restorable.
    if (!(await this.#remove(metadataUri(folder)))) return false;
    let complete = true;
    try {
      for await (const uri of storage.files(folder)) {
        const gone = !this.#referenced().has(uri) && (await this.#remove(uri));
        complete &&= gone;
      }
    } catch (error) {
      logger.warn({ jobId, folder, error }, 'a checkpoint could not be listed for its removal');
      return false;
    }
    return complete;
  }

  async #remove(uri: string): Promise<boolean> {
    if (this.#closed) return false;
    try {
      await this.#options.storage.delete(uri);
      return true;
    } catch (error) {
      const { jobId, logger } = this.#options;
      logger.warn({ jobId, uri, error }, 'a file of an old checkpoint could not be removed');
      return false;
    }
  }

  #addFolder(folder: string): void {
    if (this.#folders.size < CLEANUP_PENDING_MAX) this.#folders.add(folder);
  }

  #addShared(uris: Iterable<string>, sparedUntil: number): void {
    const { storage, jobId } = this.#options;
    const shared = storage.paths.shared(jobId);
    for (const uri of uris) {
      if (relativePath(shared, uri) === null) continue;
      if (this.#shared.size >= CLEANUP_PENDING_MAX && !this.#shared.has(uri)) continue;
      this.#shared.set(uri, Math.max(sparedUntil, this.#shared.get(uri) ?? 0));
    }
  }

  #isRetained(folder: string): boolean {
    return this.#options.retained().some(({ uri }) => uri === folder);
  }

  #isOwnFolder(folder: string): boolean {
    const { storage, jobId } = this.#options;
    return relativePath(storage.paths.checkpoints(jobId), folder) !== null;
  }

  #referenced(): Set<string> {
    const handles = this.#options.retained().flatMap(({ metadata }) => metadataHandles(metadata));
    return objectUris(handles);
  }
}
