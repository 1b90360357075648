import { SluiceError, serializeError } from '../../shared/errors/sluice-error.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { CheckpointStorage } from '../checkpoint/checkpoint-storage.ts';
import type { JobRun } from '../job-master/job-run.ts';
import type { JobRecord, NewJob, RecordedExecution } from './job-record.ts';
import type { JobStore } from './job-store.ts';

export interface JobJournalOptions {
  readonly store: JobStore;
  /** Where the jobs' checkpoints lie. */
  readonly storage: CheckpointStorage;
  readonly logger: Logger;
}

/**
 * Writes what becomes of the jobs of one leader's term into their records, in the background: a record
 * that is behind by a moment makes its successor restart a part of the job, and no more. Once a record
 * says that its job is over, for good, the job's checkpoints go.
 */
export class StoredJobJournal {
  readonly #options: JobJournalOptions;
  readonly #pending = new Set<Promise<void>>();

  constructor(options: JobJournalOptions) {
    this.#options = options;
  }

  async created(job: NewJob): Promise<void> {
    await this.#options.store.create(job);
  }

  changed(run: JobRun): void {
    const { jobId } = run;
    const change = changeOf(run);
    const writing = this.#options.store.update(jobId, (record) => ({ ...record, ...change }));
    const what = "the job's record could not be written";
    this.#inBackground(jobId, what, async () => this.#removeCheckpoints(await writing));
  }

  /** They ended under earlier leaders, which may have died before they removed anything. */
  remembered(records: readonly JobRecord[]): void {
    const what = 'the checkpoints of ended jobs could not be removed';
    this.#inBackground(null, what, async () => {
      for (const record of records) await this.#removeCheckpoints(record);
    });
  }

  forgotten(jobId: string): void {
    const what = 'the record of an ended job could not be removed';
    const { store } = this.#options;
    this.#inBackground(jobId, what, async () => {
      // A checkpoint may have been on its way when the others were removed.
      const record = await store.load(jobId);
      if (record !== null) await this.#removeCheckpoints(record);
      await store.remove(jobId);
    });
  }

  /** Resolves once everything so far is durable, or refused. */
  async flush(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /**
   * Only after the record says that nobody goes on from them. Those of a job that FAILED stay: somebody
   * may mend what made it fail, and start again from there.
   */
  async #removeCheckpoints({ jobId, state }: JobRecord): Promise<void> {
    if (state !== 'FINISHED' && state !== 'CANCELED') return;
    const { store, storage } = this.#options;
    if (store.isNeeded(storage.paths.checkpoints(jobId))) return;
    await storage.deleteCheckpoints(jobId);
  }

  #inBackground(jobId: string | null, failure: string, work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => {
        // A deposed leader learns it elsewhere too.
        if (error instanceof SluiceError && error.code === 'LEADERSHIP_LOST') return;
        this.#options.logger.error({ jobId, error: serializeError(error) }, failure);
      })
      .finally(() => this.#pending.delete(running));
    this.#pending.add(running);
  }
}

type RecordedChange = Pick<JobRecord, 'state' | 'stopping' | 'execution' | 'endedAtMs' | 'failure'>;

function changeOf({ master, endedAtMs }: JobRun): RecordedChange {
  return {
    state: master.state,
    stopping: master.stopping,
    execution: executionOf(master.graph),
    endedAtMs,
    failure: master.failure,
  };
}

function executionOf(graph: JobRun['master']['graph']): RecordedExecution | null {
  if (graph === null) return null;
  return {
    attempts: graph.executions().map(({ vertex, subtask, attempt, slot }) => {
      const { free: _, ...place } = slot;
      return { vertexId: vertex.id, subtask, attempt, slot: place };
    }),
  };
}
