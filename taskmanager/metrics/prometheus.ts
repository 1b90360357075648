import type { Registry } from 'prom-client';
import { StorageMeter, type StorageTotals } from '../../shared/filesystem/storage-meter.ts';
import {
  derivedCounter,
  derivedGauge,
  oncePerTurn,
} from '../../shared/observability/derived-metrics.ts';
import type { EventLoopDelay } from '../../shared/observability/event-loop-delay.ts';
import type { LatencyHistogram } from '../../shared/observability/latency-histogram.ts';
import {
  createMetricsRegistry,
  LatencyHistogramMetric,
  type LatencySample,
} from '../../shared/observability/metrics-registry.ts';
import { type MeasuredSecurity, processMetrics } from '../../shared/observability/process-page.ts';
import { SUBTASK_TIMES, type SubtaskMetrics } from '../../shared/observability/subtask-metrics.ts';
import type { DeviceStats } from '../inference/inference-options.ts';
import type { GpuReading } from './gpu-query.ts';
import { gpuMetrics, inferenceMetrics } from './inference-page.ts';
import type { OperatorTotals, TaskMetricsStore } from './task-metrics-store.ts';

export interface MeasuredTaskManager {
  readonly tasks: TaskMetricsStore;
  readonly inference: () => readonly DeviceStats[];
  readonly gpus: () => readonly GpuReading[];
  /** Of the main thread. */
  readonly eventLoop: () => EventLoopDelay;
  /** What the main thread asked of S3. */
  readonly storage: () => StorageTotals;
  readonly security: MeasuredSecurity;
}

/**
 * The task manager's GET /metrics. Nothing is counted here: every scrape reads what the slots
 * reported and what the executors counted.
 */
export function taskManagerMetrics(measured: MeasuredTaskManager): Registry {
  const registry = createMetricsRegistry('taskmanager');
  processMetrics(
    {
      *eventLoops() {
        yield { thread: 'main', delay: measured.eventLoop() };
        yield* measured.tasks.threads.eventLoops();
      },
      storage: () => sumOf(measured.storage(), measured.tasks.threads.storage()),
      security: measured.security,
    },
    registry,
  );
  operatorMetrics(measured, registry);
  subtaskMetrics(measured, registry);
  inferenceMetrics(() => measured.inference(), registry);
  gpuMetrics(() => measured.gpus(), registry);
  return registry;
}

function sumOf(...totals: readonly StorageTotals[]): StorageTotals {
  const sum = new StorageMeter();
  for (const each of totals) sum.add(each);
  return sum.totals();
}

const OPERATOR_LABELS = ['job_id', 'job_name', 'operator', 'kind'] as const;

function operatorMetrics({ tasks }: MeasuredTaskManager, registry: Registry): void {
  const operators = oncePerTurn(() => tasks.operatorTotals());
  const values = (field: NumberField) => () =>
    operators().map((totals) => ({ labels: labelsOf(totals), value: totals[field] }));
  const counters = [
    ['records_in_total', 'Records that reached an operator.', 'recordsIn'],
    ['records_out_total', 'Records that an operator emitted.', 'recordsOut'],
    ['records_rejected_total', 'Records that an operator rejected.', 'recordsRejected'],
    ['bytes_in_total', 'Bytes that an operator read.', 'bytesIn'],
    ['bytes_out_total', 'Bytes that an operator wrote.', 'bytesOut'],
  ] as const;
  for (const [name, help, field] of counters) {
    derivedCounter(registry, {
      name: `sluice_task_operator_${name}`,
      help,
      labelNames: OPERATOR_LABELS,
      values: values(field),
    });
  }
  derivedGauge(registry, {
    name: 'sluice_task_operator_in_flight',
    help: 'Records inside an operator now.',
    labelNames: OPERATOR_LABELS,
    values: values('inFlight'),
  });
  const histograms = [
    ['latency_seconds', "A record's time in an operator's stage.", 'stageLatency'],
    ['end_to_end_latency_seconds', "From the source's read to a sink.", 'endToEndLatency'],
  ] as const;
  for (const [name, help, field] of histograms) {
    new LatencyHistogramMetric({
      name: `sluice_task_operator_${name}`,
      help,
      labelNames: OPERATOR_LABELS,
      registry,
      samples: () => latencySamples(operators(), (totals) => totals[field]),
    });
  }
}

type NumberField =
  | 'recordsIn'
  | 'recordsOut'
  | 'recordsRejected'
  | 'bytesIn'
  | 'bytesOut'
  | 'inFlight';

function* latencySamples(
  operators: readonly OperatorTotals[],
  histogramOf: (totals: OperatorTotals) => LatencyHistogram,
): Iterable<LatencySample> {
  for (const totals of operators) {
    const histogram = histogramOf(totals);
    if (histogram.count > 0) yield { labels: labelsOf(totals), histogram };
  }
}

function labelsOf(totals: OperatorTotals): Record<(typeof OPERATOR_LABELS)[number], string> {
  const { jobId, jobName, operatorId, kind } = totals;
  return { job_id: jobId, job_name: jobName, operator: operatorId, kind };
}

const SUBTASK_LABELS = ['job_id', 'job_name', 'vertex', 'subtask'] as const;

function subtaskMetrics({ tasks }: MeasuredTaskManager, registry: Registry): void {
  const gauges = [
    ['buffers_in_queued', 'Buffers that wait in the input gates.', 'buffersInQueued'],
    ['buffers_out_queued', 'Buffers that wait for credit.', 'buffersOutQueued'],
    ['credits_in', 'Buffers that its producers may still send.', 'creditsIn'],
    ['credits_out', 'Buffers that it may send at once.', 'creditsOut'],
  ] as const;
  for (const [name, help, field] of gauges) {
    derivedGauge(registry, {
      name: `sluice_task_${name}`,
      help,
      labelNames: SUBTASK_LABELS,
      *values() {
        for (const { labels, metrics } of subtasks(tasks)) yield { labels, value: metrics[field] };
      },
    });
  }
  derivedCounter(registry, {
    name: 'sluice_task_time_seconds_total',
    help: 'Where the time of a running subtask went.',
    labelNames: [...SUBTASK_LABELS, 'state'],
    *values() {
      for (const { labels, metrics } of subtasks(tasks)) {
        for (const [state, field] of SUBTASK_TIMES) {
          yield { labels: { ...labels, state }, value: metrics[field] / 1000 };
        }
      }
    },
  });
}

function* subtasks(tasks: TaskMetricsStore): Iterable<{
  labels: Record<(typeof SUBTASK_LABELS)[number], string>;
  metrics: SubtaskMetrics;
}> {
  for (const { deployment, metrics } of tasks.runningSubtasks()) {
    if (metrics === null) continue;
    const { jobId, jobName, vertexId, subtaskIndex } = deployment;
    yield {
      labels: { job_id: jobId, job_name: jobName, vertex: vertexId, subtask: `${subtaskIndex}` },
      metrics,
    };
  }
}
