import type { CheckpointFailureReason } from '../../shared/checkpoint/checkpoint-failure-reason.ts';
import type { LatencyHistogram } from '../../shared/observability/latency-histogram.ts';

/** A job's checkpoints in numbers, since this job manager leads the job. */
export interface CheckpointFigures {
  readonly inProgress: number;
  readonly completed: number;
  readonly failed: ReadonlyMap<CheckpointFailureReason, number>;
  /** Of the completed ones, from the trigger to the registration. */
  readonly duration: LatencyHistogram;
  /** Of every subtask's part in a completed one. */
  readonly alignment: LatencyHistogram;
  /** What the completed ones stored themselves. */
  readonly bytes: number;
  readonly lastBytes: number;
  /** Since the last completed one; since there is something to take where there is none. */
  readonly ageMs: number;
}
