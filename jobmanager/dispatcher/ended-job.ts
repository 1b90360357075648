import { type PlanNode, planNodes } from '../../shared/job-graph/job-plan.ts';
import type {
  CheckpointInfo,
  JobCheckpointsDetail,
  JobDetail,
} from '../../shared/rest/rest-types.ts';
import type { JobRecord } from '../job-store/job-record.ts';
import { type JobMeasurement, unmeasured } from '../metrics/job-measurement.ts';
import { JobMetrics } from '../metrics/job-metrics.ts';

/** What is kept of a job that has ended. */
export interface EndedJob {
  readonly detail: JobDetail;
  readonly measurement: JobMeasurement;
  readonly plan: readonly PlanNode[];
  readonly checkpoints: JobCheckpointsDetail;
}

export const NO_CHECKPOINTS: JobCheckpointsDetail = {
  settings: null,
  counts: { completed: 0, failed: 0, inProgress: 0 },
  latest: null,
  inProgress: null,
  history: [],
};

/** Of a job that ended under an earlier leader: its record has no numbers. */
export function endedJob(record: JobRecord): EndedJob {
  const { jobId, jobGraph, state, submittedAtMs, failure } = record;
  const endedAtMs = record.endedAtMs ?? submittedAtMs;
  const metrics = new JobMetrics(jobGraph);
  const detail: JobDetail = {
    id: jobId,
    name: jobGraph.name,
    state,
    submittedAt: new Date(submittedAtMs).toISOString(),
    endedAt: new Date(endedAtMs).toISOString(),
    durationMs: Math.max(0, endedAtMs - submittedAtMs),
    tasks: {},
    bounded: jobGraph.bounded,
    failure,
    restarts: 0,
    rescales: 0,
    lastRescale: null,
    exceptions: [],
    checkpoints: null,
    progress: metrics.progress({ sources: new Map(), ended: true, wallMs: endedAtMs }),
    vertices: [],
  };
  const { name, bounded } = jobGraph;
  const job = { id: jobId, name, state, bounded, submittedAtMs, endedAtMs };
  const measurement = unmeasured(job, metrics);
  return { detail, measurement, plan: planNodes(jobGraph), checkpoints: checkpointsOf(record) };
}

/** Of a job that FAILED: what another one can start from. Its record does not tell what it took. */
function checkpointsOf({ state, jobGraph, checkpoints }: JobRecord): JobCheckpointsDetail {
  const last = checkpoints.at(-1);
  if (state !== 'FAILED' || last === undefined) return NO_CHECKPOINTS;
  const { checkpointId: id, purpose, completedAtMs, uri: path } = last;
  const latest: CheckpointInfo = {
    id,
    purpose,
    status: 'COMPLETED',
    triggeredAt: new Date(completedAtMs).toISOString(),
    durationMs: 0,
    bytes: 0,
    failure: null,
    path,
  };
  const counts = { completed: 1, failed: 0, inProgress: 0 };
  const settings = jobGraph.checkpoints ?? null;
  return { ...NO_CHECKPOINTS, settings, counts, latest, history: [latest] };
}
