import { Counter, Gauge, type Registry } from 'prom-client';
import type { LatencyHistogram } from '../../shared/observability/latency-histogram.ts';
import {
  createMetricsRegistry,
  LatencyHistogramMetric,
  type LatencySample,
} from '../../shared/observability/metrics-registry.ts';
import type { SubtaskMetrics } from '../../shared/observability/subtask-metrics.ts';
import type { DeviceStats } from '../inference/inference-options.ts';
import type { OperatorTotals, TaskMetricsStore } from './task-metrics-store.ts';

export interface MeasuredTaskManager {
  readonly tasks: TaskMetricsStore;
  readonly inference: () => readonly DeviceStats[];
}

/**
 * The task manager's GET /metrics. Nothing is counted here: every scrape reads what the slots
 * reported and what the executors counted.
 */
export function taskManagerMetrics(measured: MeasuredTaskManager): Registry {
  const registry = createMetricsRegistry('taskmanager');
  operatorMetrics(measured.tasks, registry);
  subtaskMetrics(measured.tasks, registry);
  inferenceMetrics(measured.inference, registry);
  return registry;
}

const OPERATOR_LABELS = ['job_id', 'job', 'operator', 'kind'] as const;

function operatorMetrics(tasks: TaskMetricsStore, registry: Registry): void {
  const counters = [
    ['records_in_total', 'Records that reached an operator.', 'recordsIn'],
    ['records_out_total', 'Records that an operator emitted.', 'recordsOut'],
    ['records_rejected_total', 'Records that an operator rejected.', 'recordsRejected'],
    ['bytes_in_total', 'Bytes that an operator read.', 'bytesIn'],
    ['bytes_out_total', 'Bytes that an operator wrote.', 'bytesOut'],
  ] as const;
  for (const [name, help, field] of counters) {
    new Counter({
      name: `sluice_task_operator_${name}`,
      help,
      labelNames: OPERATOR_LABELS,
      registers: [registry],
      collect() {
        this.reset();
        for (const totals of tasks.operatorTotals()) this.inc(labelsOf(totals), totals[field]);
      },
    });
  }
  new Gauge({
    name: 'sluice_task_operator_in_flight',
    help: 'Records inside an operator now.',
    labelNames: OPERATOR_LABELS,
    registers: [registry],
    collect() {
      this.reset();
      for (const totals of tasks.operatorTotals()) this.set(labelsOf(totals), totals.inFlight);
    },
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
      samples: () => latencySamples(tasks, (totals) => totals[field]),
    });
  }
}

function* latencySamples(
  tasks: TaskMetricsStore,
  histogramOf: (totals: OperatorTotals) => LatencyHistogram,
): Iterable<LatencySample> {
  for (const totals of tasks.operatorTotals()) {
    const histogram = histogramOf(totals);
    if (histogram.count > 0) yield { labels: labelsOf(totals), histogram };
  }
}

function labelsOf(totals: OperatorTotals): Record<(typeof OPERATOR_LABELS)[number], string> {
  const { jobId, jobName, operatorId, kind } = totals;
  return { job_id: jobId, job: jobName, operator: operatorId, kind };
}

const SUBTASK_LABELS = ['job_id', 'job', 'vertex', 'subtask'] as const;

function subtaskMetrics(tasks: TaskMetricsStore, registry: Registry): void {
  const gauges = [
    ['buffers_in_queued', 'Buffers that wait in the input gates.', 'buffersInQueued'],
    ['buffers_out_queued', 'Buffers that wait for credit.', 'buffersOutQueued'],
  ] as const;
  for (const [name, help, field] of gauges) {
    new Gauge({
      name: `sluice_task_${name}`,
      help,
      labelNames: SUBTASK_LABELS,
      registers: [registry],
      collect() {
        this.reset();
        for (const { labels, metrics } of subtasks(tasks)) this.set(labels, metrics[field]);
      },
    });
  }
  const times = [
    ['busy', 'busyMs'],
    ['idle', 'idleMs'],
    ['back_pressured', 'backPressuredMs'],
  ] as const;
  new Counter({
    name: 'sluice_task_time_seconds_total',
    help: 'Where the time of a running subtask went.',
    labelNames: [...SUBTASK_LABELS, 'state'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, metrics } of subtasks(tasks)) {
        for (const [state, field] of times) this.inc({ ...labels, state }, metrics[field] / 1000);
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
    const labels = { job_id: jobId, job: jobName, vertex: vertexId, subtask: `${subtaskIndex}` };
    yield { labels, metrics };
  }
}

function inferenceMetrics(stats: () => readonly DeviceStats[], registry: Registry): void {
  const counters = [
    ['images_total', 'Images classified.', (device: DeviceStats) => device.images],
    ['images_failed_total', 'Images that failed.', (device: DeviceStats) => device.imagesFailed],
    ['runs_total', 'Batches run.', (device: DeviceStats) => device.runs],
    ['run_seconds_total', 'Inside ONNX Runtime.', (device: DeviceStats) => device.runMs / 1000],
    [
      'normalize_seconds_total',
      'Time spent normalising pixels.',
      (device: DeviceStats) => device.normalizeMs / 1000,
    ],
  ] as const;
  for (const [name, help, amount] of counters) {
    new Counter({
      name: `sluice_inference_${name}`,
      help,
      labelNames: ['device', 'provider'],
      registers: [registry],
      collect() {
        this.reset();
        for (const device of stats()) this.inc(deviceLabels(device), amount(device));
      },
    });
  }
  const gauges = [
    ['queued', 'Images waiting or running.', (device: DeviceStats) => device.queued],
    ['models_loaded', 'Models loaded.', (device: DeviceStats) => device.modelsLoaded],
    ['executors', 'Executor threads.', (device: DeviceStats) => device.executors],
  ] as const;
  for (const [name, help, amount] of gauges) {
    new Gauge({
      name: `sluice_inference_${name}`,
      help,
      labelNames: ['device', 'provider'],
      registers: [registry],
      collect() {
        this.reset();
        for (const device of stats()) this.set(deviceLabels(device), amount(device));
      },
    });
  }
  new Counter({
    name: 'sluice_inference_batches_total',
    help: 'Batches by size; `le` is the largest size of the class.',
    labelNames: ['device', 'provider', 'le'],
    registers: [registry],
    collect() {
      this.reset();
      for (const device of stats()) {
        for (const { sizeMax, runs } of device.batchSizes) {
          const le = Number.isFinite(sizeMax) ? String(sizeMax) : '+Inf';
          this.inc({ ...deviceLabels(device), le }, runs);
        }
      }
    },
  });
}

function deviceLabels(device: DeviceStats): { device: string; provider: string } {
  return { device: device.device, provider: device.executionProvider };
}
