import type { JobVertex } from '../../shared/job-graph/job-graph.ts';
import type { ExecutionState } from '../../shared/job-graph/states.ts';
import type {
  CheckpointsSummary,
  JobCheckpointsDetail,
  JobDetail,
  JobSummary,
  OperatorDetail,
  SubtaskDetail,
  VertexDetail,
} from '../../shared/rest/rest-types.ts';
import type { Execution } from '../execution-graph/execution-graph.ts';
import type { JobRun } from '../job-master/job-run.ts';
import type { OperatorTotals } from '../metrics/job-metrics.ts';
import { NO_CHECKPOINTS } from './ended-job.ts';

/** What GET /v1/jobs says about one job. */
export function jobSummary(run: JobRun, nowMs: number): JobSummary {
  const endMs = run.endedAtMs ?? nowMs;
  return {
    id: run.jobId,
    name: run.jobGraph.name,
    state: run.master.state,
    submittedAt: new Date(run.submittedAtMs).toISOString(),
    endedAt: run.endedAtMs === null ? null : new Date(run.endedAtMs).toISOString(),
    durationMs: Math.max(0, endMs - run.submittedAtMs),
    tasks: run.master.graph?.counts() ?? ({} satisfies Partial<Record<ExecutionState, number>>),
  };
}

/** What GET /v1/jobs/:id says. */
export function jobDetail(run: JobRun, nowMs: number): JobDetail {
  const { master, metrics, jobGraph } = run;
  const totals = metrics.operatorTotals();
  const { waitingReason } = master;
  return {
    ...jobSummary(run, nowMs),
    bounded: jobGraph.bounded,
    ...(waitingReason === null ? {} : { waitingReason }),
    failure: master.failure,
    restarts: master.restarts,
    rescales: master.rescaling.count,
    lastRescale: master.rescaling.last,
    exceptions: master.exceptions,
    checkpoints: checkpointsSummary(run),
    progress: metrics.progress({
      sources: new Map(run.sources.map((source) => [source.operatorId, source.progress()])),
      ended: master.ended,
      wallMs: nowMs,
    }),
    vertices: jobGraph.vertices.map((vertex) => vertexDetail(run, vertex, totals)),
  };
}

/** What GET /v1/jobs says about one of which the detail is known. */
export function summaryOf(detail: JobDetail): JobSummary {
  const { id, name, state, submittedAt, endedAt, durationMs, tasks } = detail;
  return { id, name, state, submittedAt, endedAt, durationMs, tasks };
}

/** What GET /v1/jobs/:id/checkpoints says. */
export function checkpointsDetail({ recovery }: JobRun): JobCheckpointsDetail {
  return recovery?.checkpoints.detail() ?? NO_CHECKPOINTS;
}

function checkpointsSummary({ recovery }: JobRun): CheckpointsSummary | null {
  if (recovery === null) return null;
  const { counts, latest } = recovery.checkpoints.detail();
  return { counts, latest };
}

function vertexDetail(
  run: JobRun,
  vertex: JobVertex,
  totals: readonly OperatorTotals[],
): VertexDetail {
  const executions = run.master.graph?.ofVertex(vertex.id) ?? [];
  const { device } = vertex.resources;
  const fellBack = device === 'gpu' && executions.some(({ slot }) => slot.device === 'cpu');
  return {
    id: vertex.id,
    name: vertex.name,
    device: fellBack ? 'cpu' : device,
    parallelism: executions.length,
    operators: totals
      .filter(({ operator }) => vertex.operators.includes(operator))
      .map(operatorDetail),
    subtasks: executions.map((execution) => subtaskDetail(run, execution)),
  };
}

function operatorDetail(totals: OperatorTotals): OperatorDetail {
  const { operator, recordsIn, recordsOut, recordsRejected, inFlight, stageLatency } = totals;
  return {
    id: operator.id,
    kind: operator.kind,
    recordsIn,
    recordsOut,
    recordsRejected,
    inFlight,
    latencyP50Ms: stageLatency.quantileMs(0.5),
    latencyP99Ms: stageLatency.quantileMs(0.99),
  };
}

function subtaskDetail(run: JobRun, execution: Execution): SubtaskDetail {
  const latest = run.metrics.latest(execution.attemptId);
  const rates = run.metrics.rates(execution.attemptId);
  return {
    index: execution.subtask,
    attempt: execution.attempt,
    state: execution.state,
    taskManagerId: execution.slot.taskManagerId,
    recordsIn: latest?.recordsIn ?? 0,
    recordsOut: latest?.recordsOut ?? 0,
    recordsPerSecond: rates?.recordsPerSecond ?? 0,
    busy: rates?.busy ?? 0,
    idle: rates?.idle ?? 1,
    backPressured: rates?.backPressured ?? 0,
    buffersInQueued: latest?.buffersInQueued ?? 0,
    buffersOutQueued: latest?.buffersOutQueued ?? 0,
  };
}
