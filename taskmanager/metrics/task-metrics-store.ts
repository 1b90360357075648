import type { TaskDeployment } from '../../shared/job-graph/task-deployment.ts';
import { LatencyHistogram } from '../../shared/observability/latency-histogram.ts';
import type {
  OperatorMetricsReport,
  SubtaskMetrics,
} from '../../shared/observability/subtask-metrics.ts';
import {
  type ThreadMetrics,
  ThreadMetricsStore,
} from '../../shared/observability/thread-metrics.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { TaskObserver } from '../task-executor/task-executor.ts';

/** One operator of one job, over its subtasks here, those that have ended included. */
export interface OperatorTotals {
  readonly jobId: string;
  readonly jobName: string;
  readonly operatorId: string;
  readonly kind: string;
  recordsIn: number;
  recordsOut: number;
  recordsRejected: number;
  bytesIn: number;
  bytesOut: number;
  inFlight: number;
  readonly stageLatency: LatencyHistogram;
  readonly endToEndLatency: LatencyHistogram;
}

export interface RunningSubtask {
  readonly deployment: TaskDeployment;
  /** Null until the first report. */
  readonly metrics: SubtaskMetrics | null;
}

/** Jobs whose ended tasks are still counted. */
const JOBS_MAX = 100;

/**
 * What the tasks of this task manager reported, for its metrics page: running totals of those that
 * run, and the sums of those that have ended, so that no counter goes back.
 */
export class TaskMetricsStore implements TaskObserver {
  /** The slots' threads. */
  readonly threads: ThreadMetricsStore;
  readonly #running = new Map<
    string,
    { deployment: TaskDeployment; metrics: SubtaskMetrics | null }
  >();
  /** By job, the longest unused first; then by operator. */
  readonly #ended = new Map<string, Map<string, OperatorTotals>>();

  constructor(clock: Clock) {
    this.threads = new ThreadMetricsStore(clock);
  }

  taskDeployed(deployment: TaskDeployment): void {
    this.#running.set(deployment.attemptId, { deployment, metrics: null });
  }

  metricsReported(metrics: SubtaskMetrics): void {
    const task = this.#running.get(metrics.attemptId);
    if (task !== undefined) task.metrics = metrics;
  }

  threadReported(metrics: ThreadMetrics): void {
    this.threads.reported(metrics);
  }

  taskEnded(attemptId: string, metrics: SubtaskMetrics | null): void {
    const task = this.#running.get(attemptId);
    if (task === undefined) return;
    this.#running.delete(attemptId);
    const { deployment } = task;
    const job = this.#ended.get(deployment.jobId) ?? new Map<string, OperatorTotals>();
    this.#ended.delete(deployment.jobId);
    this.#ended.set(deployment.jobId, job);
    if (metrics !== null) addSubtask(job, deployment, { ...metrics, operators: settled(metrics) });
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > JOBS_MAX && oldest !== undefined) this.#ended.delete(oldest);
  }

  runningSubtasks(): readonly RunningSubtask[] {
    return [...this.#running.values()];
  }

  operatorTotals(): readonly OperatorTotals[] {
    const jobs = new Map<string, Map<string, OperatorTotals>>();
    for (const [jobId, ended] of this.#ended) {
      const job = new Map<string, OperatorTotals>();
      jobs.set(jobId, job);
      for (const totals of ended.values()) mergeInto(emptyLike(job, totals), asReport(totals));
    }
    for (const { deployment, metrics } of this.#running.values()) {
      const job = jobs.get(deployment.jobId) ?? new Map<string, OperatorTotals>();
      jobs.set(deployment.jobId, job);
      if (metrics !== null) addSubtask(job, deployment, metrics);
    }
    return [...jobs.values()].flatMap((job) => [...job.values()]);
  }
}

function addSubtask(
  job: Map<string, OperatorTotals>,
  deployment: TaskDeployment,
  metrics: SubtaskMetrics,
): void {
  const { jobId, jobName } = deployment;
  for (const report of metrics.operators) {
    const { operatorId } = report;
    const kind = deployment.operators.find((node) => node.id === operatorId)?.kind ?? '';
    mergeInto(emptyLike(job, { jobId, jobName, operatorId, kind }), report);
  }
}

/** The job's entry for this operator, made where there is none. */
function emptyLike(
  job: Map<string, OperatorTotals>,
  identity: Pick<OperatorTotals, 'jobId' | 'jobName' | 'operatorId' | 'kind'>,
): OperatorTotals {
  const present = job.get(identity.operatorId);
  if (present !== undefined) return present;
  const { jobId, jobName, operatorId, kind } = identity;
  const totals: OperatorTotals = {
    jobId,
    jobName,
    operatorId,
    kind,
    recordsIn: 0,
    recordsOut: 0,
    recordsRejected: 0,
    bytesIn: 0,
    bytesOut: 0,
    inFlight: 0,
    stageLatency: new LatencyHistogram(),
    endToEndLatency: new LatencyHistogram(),
  };
  job.set(operatorId, totals);
  return totals;
}

function mergeInto(totals: OperatorTotals, report: OperatorMetricsReport): void {
  totals.recordsIn += report.recordsIn;
  totals.recordsOut += report.recordsOut;
  totals.recordsRejected += report.recordsRejected;
  totals.bytesIn += report.bytesIn;
  totals.bytesOut += report.bytesOut;
  totals.inFlight += report.inFlight;
  totals.stageLatency.merge(report.stageLatency);
  totals.endToEndLatency.merge(report.endToEndLatency);
}

function asReport(totals: OperatorTotals): OperatorMetricsReport {
  return {
    ...totals,
    stageLatency: totals.stageLatency.toSparse(),
    endToEndLatency: totals.endToEndLatency.toSparse(),
  };
}

/** What was in flight when the task ended is in flight no more. */
function settled(metrics: SubtaskMetrics): readonly OperatorMetricsReport[] {
  return metrics.operators.map((operator) => ({ ...operator, inFlight: 0 }));
}
