import type { RestartSettings } from '../../shared/checkpoint/checkpoint-settings.ts';
import type { JobGraph } from '../../shared/job-graph/job-graph.ts';

export interface JobMasterOptions {
  readonly jobId: string;
  readonly jobGraph: JobGraph;
  readonly resourceTimeoutMs: number;
  readonly failureGraceMs: number;
  readonly cancellationTimeoutMs: number;
  /** Null or absent: nothing to recover from, so that the first failure ends the job. */
  readonly restart?: RestartSettings | null;
}
