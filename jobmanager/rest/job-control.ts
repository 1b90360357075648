import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import type { JobState } from '../../shared/job-graph/states.ts';
import type {
  JobCheckpointsDetail,
  JobDetail,
  JobPlan,
  JobSummary,
} from '../../shared/rest/rest-types.ts';

export interface SubmitOptions {
  /** The folder of a savepoint or a checkpoint, a URI. */
  readonly restoreFrom?: string;
  readonly allowDroppedState?: boolean;
}

export interface SavepointTarget {
  /** A URI; null: `savepoints` of the job manager's storage. */
  readonly directory: string | null;
}

/**
 * What REST asks of the dispatcher. Every method that takes a job's id takes its first characters
 * too, and throws (or rejects with) JOB_NOT_FOUND where there is none.
 */
export interface JobControl {
  /** Gives the job's id. */
  submit(jobGraph: JobGraph, options: SubmitOptions): string | Promise<string>;
  /** The unfinished job of this graph; null: none is unfinished. Throws JOB_STATE where others are. */
  resumable(jobGraph: JobGraph): string | null;
  list(): JobSummary[];
  detail(jobId: string): JobDetail;
  plan(jobId: string): JobPlan;
  checkpoints(jobId: string): JobCheckpointsDetail;
  cancel(jobId: string): JobDetail;
  /** Stop with drain. */
  stop(jobId: string): JobDetail;
  /** Resolves with the URI of its folder once it is complete. */
  savepoint(jobId: string, target: SavepointTarget): Promise<string>;
  /** Resolves once the job has ended. */
  stopWithSavepoint(jobId: string, target: SavepointTarget): Promise<string>;
  stateCounts(): Partial<Record<JobState, number>>;
}
