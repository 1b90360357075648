import { SluiceError, serializeError } from '../../shared/errors/sluice-error.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { JobRun } from '../job-master/job-run.ts';
import type { JobRecord, NewJob, RecordedExecution } from './job-record.ts';
import type { JobStore } from './job-store.ts';

/**
 * Writes what becomes of the jobs of one leader's term into their records, in the background: a record
 * that is behind by a moment makes its successor restart a part of the job, and no more.
 */
export class StoredJobJournal {
  readonly #store: JobStore;
  readonly #logger: Logger;
  readonly #pending = new Set<Promise<void>>();

  constructor(store: JobStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  async created(job: NewJob): Promise<void> {
    await this.#store.create(job);
  }

  changed(run: JobRun): void {
    const { jobId } = run;
    const change = changeOf(run);
    const writing = this.#store
      .update(jobId, (record) => ({ ...record, ...change }))
      .then(
        () => {},
        (error: unknown) => {
          // A deposed leader learns it elsewhere too.
          if (error instanceof SluiceError && error.code === 'LEADERSHIP_LOST') return;
          const fields = { jobId, error: serializeError(error) };
          this.#logger.error(fields, "the job's record could not be written");
        },
      )
      .finally(() => this.#pending.delete(writing));
    this.#pending.add(writing);
  }

  /** Resolves once everything so far is durable, or refused. */
  async flush(): Promise<void> {
    await Promise.all(this.#pending);
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
