import type { JobState } from '../../shared/job-graph/states.ts';
import type { SubtaskMetrics } from '../../shared/observability/subtask-metrics.ts';
import type { CheckpointMeasurement } from '../job-master/checkpoint-port.ts';
import type { JobRun } from '../job-master/job-run.ts';
import type { JobMetrics, OperatorTotals } from './job-metrics.ts';

/** A job's numbers for the metrics endpoint. */
export interface JobMeasurement {
  readonly id: string;
  readonly name: string;
  readonly state: JobState;
  /** It ends by itself. */
  readonly bounded: boolean;
  readonly operators: readonly OperatorTotals[];
  readonly restarts: number;
  /** How often it was started again to use other slots. */
  readonly rescales: number;
  readonly recordsRejected: number;
  readonly submittedAtMs: number;
  readonly endedAtMs: number | null;
  readonly sources: readonly SourceMeasurement[];
  /** Those that run. */
  readonly subtasks: readonly SubtaskMeasurement[];
  /** Null where none are taken, or none were under this leader. */
  readonly checkpoints: CheckpointMeasurement | null;
}

export interface SourceMeasurement {
  readonly operatorId: string;
  /** Splits: of `source: files`, a file each. */
  readonly discovered: number;
  /** Found, and not given to a reader yet. */
  readonly waiting: number;
}

export interface SubtaskMeasurement {
  readonly vertexId: string;
  readonly subtask: number;
  readonly taskManagerId: string;
  readonly metrics: SubtaskMetrics;
}

export function measureJob(run: JobRun): JobMeasurement {
  const { master, metrics, jobGraph, recovery } = run;
  const operators = metrics.operatorTotals();
  return {
    id: run.jobId,
    name: jobGraph.name,
    state: master.state,
    bounded: jobGraph.bounded,
    operators,
    restarts: master.restarts,
    rescales: master.rescaling.count,
    recordsRejected: metrics.recordsRejected(operators),
    submittedAtMs: run.submittedAtMs,
    endedAtMs: run.endedAtMs,
    sources: run.sources.map((source) => {
      const { discovered, assigned } = source.progress();
      // What an ended job has left over, nobody waits for.
      const waiting = master.ended ? 0 : discovered - assigned;
      return { operatorId: source.operatorId, discovered, waiting };
    }),
    subtasks: master.ended ? [] : measureSubtasks(run),
    checkpoints: recovery === null ? null : recovery.checkpoints.measurement(),
  };
}

function measureSubtasks({ master, metrics }: JobRun): SubtaskMeasurement[] {
  const executions = master.graph?.executions() ?? [];
  return executions.flatMap(({ attemptId, vertex, subtask, slot }) => {
    const latest = metrics.latest(attemptId);
    if (latest === null) return [];
    const { taskManagerId } = slot;
    return [{ vertexId: vertex.id, subtask, taskManagerId, metrics: latest }];
  });
}

/** Of a job that ended under an earlier leader: its record has no numbers. */
export function unmeasured(
  job: Pick<JobMeasurement, 'id' | 'name' | 'state' | 'bounded' | 'submittedAtMs' | 'endedAtMs'>,
  metrics: JobMetrics,
): JobMeasurement {
  return {
    ...job,
    operators: metrics.operatorTotals(),
    restarts: 0,
    rescales: 0,
    recordsRejected: 0,
    sources: [],
    subtasks: [],
    checkpoints: null,
  };
}
