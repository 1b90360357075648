import type { CheckpointPaths } from '../shared/checkpoint/checkpoint-paths.ts';
import type { JobManagerOptions } from '../shared/config/job-manager-options.ts';
import { SluiceError, serializeError } from '../shared/errors/sluice-error.ts';
import type { FileSystemRegistry } from '../shared/filesystem/filesystem-registry.ts';
import type { Logger } from '../shared/observability/logger.ts';
import { type Clock, sleep } from '../shared/time/clock.ts';
import { CheckpointRecovery } from './checkpoint/checkpoint-recovery.ts';
import {
  type CompletedCheckpoint,
  firstCheckpointIdAfterTakeover,
} from './checkpoint/completed-checkpoint.ts';
import { Dispatcher } from './dispatcher/dispatcher.ts';
import { StoredJobJournal } from './job-store/job-journal.ts';
import { hasEnded, type JobRecord } from './job-store/job-record.ts';
import { JobStore } from './job-store/job-store.ts';
import type { Leadership } from './leader-election/leadership.ts';
import type { Ids } from './random-ids.ts';
import { ResourceManager } from './resource-manager/resource-manager.ts';
import { enumeratorFactory } from './sources/create-enumerator.ts';

export interface TermOptions {
  readonly settings: Omit<JobManagerOptions, 'storage'>;
  readonly jobManagerId: string;
  readonly version: string;
  readonly fileSystems: FileSystemRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ids: Ids;
  /** Null: no storage, and so no other job manager, no checkpoints, no restarts. */
  readonly storage: {
    readonly uri: string;
    readonly paths: CheckpointPaths;
    readonly leadership: Leadership;
  } | null;
}

/** A storage that failed while jobs were taken over is asked again after so long. */
const RETRY_MS = 500;

/**
 * All that a job manager does while it leads, for one term: made when the term begins, thrown away when
 * it ends. Nothing of it is kept over into the next term, which reads the jobs from their records.
 */
export class JobManagerTerm {
  readonly resourceManager: ResourceManager;
  readonly dispatcher: Dispatcher;
  /** Of the leader's lease; 0 without storage. */
  readonly epoch: number;
  readonly #options: TermOptions;
  readonly #store: JobStore | null;
  readonly #journal: StoredJobJournal | null;
  readonly #recoveries: CheckpointRecovery | null;
  #over = false;

  constructor(options: TermOptions) {
    this.#options = options;
    const { settings, jobManagerId, version, fileSystems, clock, logger, ids, storage } = options;
    const store =
      storage === null
        ? null
        : new JobStore({ ...storage, clock, fileSystem: fileSystems.forUri(storage.uri) });
    this.#store = store;
    this.#recoveries =
      store === null || storage === null
        ? null
        : new CheckpointRecovery({
            fileSystems,
            storage: storage.uri,
            clock,
            logger,
            registryOf: (jobId) => store.registry(jobId),
          });
    const checkpoints = this.#recoveries?.storage ?? null;
    this.#journal =
      store === null || checkpoints === null
        ? null
        : new StoredJobJournal({ store, storage: checkpoints, logger });
    this.epoch = store?.epoch ?? 0;
    const { epoch } = this;
    const shared = { ...settings, jobManagerId, version, epoch, clock, logger };
    this.resourceManager = new ResourceManager(shared);
    this.dispatcher = new Dispatcher({
      ...shared,
      resourceManager: this.resourceManager,
      createEnumerator: enumeratorFactory({ fileSystems, clock, logger }),
      recoveries: this.#recoveries,
      journal: this.#journal,
      newJobId: ids.newJobId,
    });
    this.resourceManager.start(this.dispatcher);
  }

  /**
   * Fences and takes over the jobs of earlier leaders; task managers may come once it resolves. Tries
   * until the term is over; gives false where it is.
   */
  async takeOver(): Promise<boolean> {
    const { clock, logger } = this.#options;
    let done: ReadonlySet<string> = new Set();
    while (!this.#over && this.#store !== null) {
      try {
        done = await this.#takeOverJobs(this.#store, done);
        break;
      } catch (error) {
        if (this.#over) return false;
        logger.warn({ error: serializeError(error) }, 'the jobs cannot be taken over yet');
        await sleep(clock, RETRY_MS);
      }
    }
    return !this.#over;
  }

  /** Without storage: cancels every job and resolves when all have ended. */
  async cancelJobs(): Promise<void> {
    await this.dispatcher.shutdown();
  }

  /** With storage: resolves once the records say all there is to say. */
  async flush(): Promise<void> {
    await this.#journal?.flush();
  }

  /** Nothing is written or said in this term's name any more. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#store?.close();
    // First: what the jobs' ends would say to task managers must not reach them.
    this.resourceManager.stop();
    this.dispatcher.abandon();
  }

  /** Gives the ids that need not be taken over again. */
  async #takeOverJobs(store: JobStore, before: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const done = new Set(before);
    const ended: JobRecord[] = [];
    for (const jobId of await store.list()) {
      if (done.has(jobId)) continue;
      const record = await this.#takeOverJob(store, jobId);
      if (this.#over) return done;
      if (record === null) continue;
      if (hasEnded(record)) ended.push(record);
      else if (await this.#goOn(record)) done.add(jobId);
    }
    await this.#rememberEnded(store, ended);
    return done;
  }

  async #takeOverJob(store: JobStore, jobId: string): Promise<JobRecord | null> {
    try {
      return await store.takeOver(jobId);
    } catch (error) {
      if (!(error instanceof SluiceError) || error.code !== 'STATE_CORRUPT') throw error;
      // Nobody can go on with it; the other jobs must not wait for that.
      this.#options.logger.error({ jobId, error: serializeError(error) }, 'the job is left alone');
      return null;
    }
  }

  async #goOn(record: JobRecord): Promise<boolean> {
    const { jobId, checkpoints } = record;
    const retained: CompletedCheckpoint[] = [];
    for (const { uri, purpose } of checkpoints) {
      const read = await this.#recoveries?.storage.readCheckpoint(uri);
      if (read !== undefined) retained.push({ ...read, purpose });
    }
    if (this.#over) return false;
    const recovery = (firstCheckpointId: number) =>
      this.#recoveries?.recovered(jobId, retained, firstCheckpointId) ?? null;
    const { dispatcher } = this;
    if (record.execution === null) dispatcher.resume(record, recovery(firstIdOf(record)));
    else dispatcher.adopt({ record, recovery });
    return true;
  }

  /** The last ones are listed, older ones forgotten. */
  async #rememberEnded(store: JobStore, records: readonly JobRecord[]): Promise<void> {
    const inOrder = records.toSorted((a, b) => (a.endedAtMs ?? 0) - (b.endedAtMs ?? 0));
    const { endedJobsMax } = this.#options.settings;
    const kept = endedJobsMax === 0 ? [] : inOrder.slice(-endedJobsMax);
    this.#journal?.remembered(inOrder);
    for (const record of kept) this.dispatcher.remember(record);
    for (const { jobId } of inOrder.slice(0, inOrder.length - kept.length)) {
      await store.remove(jobId);
    }
  }
}

function firstIdOf({ nextCheckpointId }: JobRecord): number {
  return firstCheckpointIdAfterTakeover(nextCheckpointId);
}
