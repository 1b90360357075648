import type { Registry } from 'prom-client';
import { derivedCounter, derivedGauge } from '../../shared/observability/derived-metrics.ts';
import { BucketHistogramMetric } from '../../shared/observability/metrics-registry.ts';
import type { DeviceStats } from '../inference/inference-options.ts';
import type { GpuReading } from './gpu-query.ts';

const DEVICE_LABELS = ['device', 'provider'] as const;

export function inferenceMetrics(stats: () => readonly DeviceStats[], registry: Registry): void {
  deviceMetrics(stats, registry);
  new BucketHistogramMetric({
    name: 'sluice_inference_batch_size',
    help: 'Images in a batch that was run, padding left out.',
    labelNames: DEVICE_LABELS,
    registry,
    samples: () =>
      stats().map((device) => ({
        labels: deviceLabels(device),
        buckets: cumulative(
          device.batchSizes.map(({ sizeMax, runs }) => ({ le: sizeMax, count: runs })),
        ),
        sum: device.imagesRun,
        count: device.runs,
      })),
  });
  new BucketHistogramMetric({
    name: 'sluice_inference_run_duration_seconds',
    help: 'How long a batch was inside ONNX Runtime, by model.',
    labelNames: [...DEVICE_LABELS, 'model'],
    registry,
    samples: () =>
      stats().flatMap((device) =>
        device.models.map(({ name, durations, sumMs }) => ({
          labels: { ...deviceLabels(device), model: name },
          buckets: cumulative(
            durations.map(({ durationMaxMs, runs }) => ({ le: durationMaxMs / 1000, count: runs })),
          ),
          sum: sumMs / 1000,
          count: durations.reduce((total, { runs }) => total + runs, 0),
        })),
      ),
  });
}

function deviceMetrics(stats: () => readonly DeviceStats[], registry: Registry): void {
  const values = (amount: (device: DeviceStats) => number) => () =>
    stats().map((device) => ({ labels: deviceLabels(device), value: amount(device) }));
  const counters = [
    ['images_total', 'Images classified.', (device: DeviceStats) => device.images],
    ['images_failed_total', 'Images that failed.', (device: DeviceStats) => device.imagesFailed],
    ['runs_total', 'Batches run.', (device: DeviceStats) => device.runs],
    [
      'run_seconds_total',
      'Time of the executors inside ONNX Runtime.',
      (device: DeviceStats) => device.runMs / 1000,
    ],
    [
      'normalize_seconds_total',
      'Time of the executors spent normalising pixels.',
      (device: DeviceStats) => device.normalizeMs / 1000,
    ],
  ] as const;
  for (const [name, help, amount] of counters) {
    derivedCounter(registry, {
      name: `sluice_inference_${name}`,
      help,
      labelNames: DEVICE_LABELS,
      values: values(amount),
    });
  }
  const gauges = [
    ['queued', 'Images waiting or running.', (device: DeviceStats) => device.queued],
    ['models_loaded', 'Models loaded.', (device: DeviceStats) => device.modelsLoaded],
    ['executors', 'Executor threads.', (device: DeviceStats) => device.executors],
  ] as const;
  for (const [name, help, amount] of gauges) {
    derivedGauge(registry, {
      name: `sluice_inference_${name}`,
      help,
      labelNames: DEVICE_LABELS,
      values: values(amount),
    });
  }
}

function deviceLabels(device: DeviceStats): { device: string; provider: string } {
  return { device: device.device, provider: device.executionProvider };
}

/** Without the last class, which is open: its count is the histogram's. */
function cumulative(classes: readonly { le: number; count: number }[]) {
  let total = 0;
  return classes
    .map(({ le, count }) => {
      total += count;
      return { le, count: total };
    })
    .filter(({ le }) => Number.isFinite(le));
}

const GPU_LABELS = ['gpu', 'uuid', 'model'] as const;

/** Of all GPUs of the machine; on the page of task managers with the device `gpu`. */
export function gpuMetrics(readings: () => readonly GpuReading[], registry: Registry): void {
  const gauges = [
    [
      'utilization_ratio',
      'Share of the time in which the GPU did something, 0 to 1.',
      'utilization',
    ],
    ['memory_used_bytes', 'Memory of the GPU in use.', 'memoryUsedBytes'],
    ['memory_total_bytes', 'Memory of the GPU.', 'memoryTotalBytes'],
    ['temperature_celsius', 'Temperature of the GPU.', 'temperatureCelsius'],
    ['power_watts', 'What the GPU draws.', 'powerWatts'],
  ] as const;
  for (const [name, help, field] of gauges) {
    derivedGauge(registry, {
      name: `sluice_gpu_${name}`,
      help,
      labelNames: GPU_LABELS,
      *values() {
        for (const { index, uuid, name: model, [field]: value } of readings()) {
          if (value !== null) yield { labels: { gpu: index, uuid, model }, value };
        }
      },
    });
  }
}
