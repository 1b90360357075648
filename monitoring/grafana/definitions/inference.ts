/** Are the models fast, are batches full, and do executors and GPUs have anything to do? */
import { ALL_RESTARTS, FIRING_ALERTS, LEADER_CHANGES } from './annotations.ts';
import type { DashboardDefinition } from './build-dashboard.ts';
import {
  graph,
  heatmap,
  NEUTRAL,
  type PanelDefinition,
  type RowDefinition,
  rising,
  stat,
  type Unit,
} from './panel-definition.ts';
import { buckets, PROCESS, quantile, rate, sumBy } from './queries.ts';
import { DEPLOYMENT, DEVICE, MODEL, PROVIDER, TASK_MANAGER_INSTANCE } from './variables.ts';

const DEVICES = `${PROCESS}, device=~"$device", provider=~"$provider"`;
const MODELS = `${DEVICES}, model=~"$model"`;

const BATCH_SIZE = 'sluice_inference_batch_size';
const RUN_DURATION = 'sluice_inference_run_duration_seconds';

/** Share of the executors' time, 1 is all of them. */
function shareOfExecutors(metric: string, labels: string): string {
  return `${sumBy(labels, rate(metric, DEVICES))} / ${sumBy(labels, `sluice_inference_executors{${DEVICES}}`)}`;
}

/** Of one device kind over another. */
function perImage(metric: string, labels: string): string {
  return `${sumBy(labels, rate(metric, DEVICES))} / ${sumBy(labels, rate('sluice_inference_images_total', DEVICES))}`;
}

const NOW: RowDefinition = {
  title: 'Now',
  height: 4,
  panels: [
    stat({
      title: 'Images',
      about: 'Images classified each second.',
      unit: 'cps',
      width: 4,
      thresholds: NEUTRAL,
      hasLine: true,
      queries: [
        { expr: `sum(${rate('sluice_inference_images_total', DEVICES)})`, legend: 'images' },
      ],
    }),
    stat({
      title: 'Mean batch',
      about:
        "Images in a batch, padding left out. It grows with the load up to the operator's batch size.",
      unit: 'short',
      width: 4,
      decimals: 1,
      thresholds: NEUTRAL,
      hasLine: true,
      queries: [
        {
          expr: `sum(${rate('sluice_inference_images_total', DEVICES)}) / sum(${rate('sluice_inference_runs_total', DEVICES)})`,
          legend: 'images in a batch',
        },
      ],
    }),
    stat({
      title: 'Run (p99)',
      about: 'How long a batch is inside ONNX Runtime, 99th percentile over the chosen models.',
      unit: 's',
      width: 4,
      decimals: 3,
      thresholds: rising(0.5, 2),
      hasLine: true,
      queries: [
        { expr: quantile(0.99, { metric: RUN_DURATION, matchers: MODELS, by: [] }), legend: 'p99' },
      ],
    }),
    stat({
      title: 'Executors in use',
      about: 'Share of the time of all executors that is spent inside ONNX Runtime.',
      unit: 'percentunit',
      width: 4,
      min: 0,
      thresholds: rising(0.9, 0.98),
      hasLine: true,
      queries: [
        {
          expr: `sum(${rate('sluice_inference_run_seconds_total', DEVICES)}) / sum(sluice_inference_executors{${DEVICES}})`,
          legend: 'in use',
        },
      ],
    }),
    stat({
      title: 'Waiting or running',
      about: 'Images in the hands of inference now.',
      unit: 'short',
      width: 4,
      thresholds: NEUTRAL,
      hasLine: true,
      queries: [{ expr: `sum(sluice_inference_queued{${DEVICES}})`, legend: 'images' }],
    }),
    stat({
      title: 'Failed',
      about: 'Share of the images whose inference failed.',
      unit: 'percentunit',
      width: 4,
      min: 0,
      decimals: 2,
      thresholds: rising(0.001, 0.01),
      hasLine: true,
      queries: [
        {
          expr: `sum(${rate('sluice_inference_images_failed_total', DEVICES)}) / sum(${rate('sluice_inference_images_total', DEVICES)})`,
          legend: 'failed',
        },
      ],
    }),
  ],
};

const THROUGHPUT: RowDefinition = {
  title: 'Throughput and batches',
  height: 8,
  panels: [
    graph({
      title: 'Images by device and provider',
      about:
        'Images classified. Work on a provider that was not meant (cpu beside cuda) is a fallback.',
      unit: 'cps',
      width: 8,
      min: 0,
      isStacked: true,
      queries: [
        {
          expr: sumBy('device, provider', rate('sluice_inference_images_total', DEVICES)),
          legend: '{{device}} {{provider}}',
        },
      ],
    }),
    graph({
      title: 'Images by task manager',
      about: 'How even the work is. One far below: a slow node, or fewer slots there.',
      unit: 'cps',
      width: 8,
      min: 0,
      queries: [
        {
          expr: sumBy('instance, device', rate('sluice_inference_images_total', DEVICES)),
          legend: '{{instance}} {{device}}',
        },
      ],
    }),
    graph({
      title: 'Batches by model',
      about:
        'Runs of each model. During a change of models, the old one fades as the new one takes over.',
      unit: 'cps',
      width: 8,
      min: 0,
      queries: [
        {
          expr: sumBy('model, device, provider', rate(`${RUN_DURATION}_count`, MODELS)),
          legend: '{{model}} on {{device}} {{provider}}',
        },
      ],
    }),
    graph({
      title: 'Mean batch size',
      about:
        'Images in a batch. Small batches on a GPU waste it: raise the batch delay or the slots that share it.',
      unit: 'short',
      width: 8,
      min: 0,
      queries: [
        {
          expr: `${sumBy('device, provider', rate(`${BATCH_SIZE}_sum`, DEVICES))} / ${sumBy('device, provider', rate(`${BATCH_SIZE}_count`, DEVICES))}`,
          legend: '{{device}} {{provider}}',
        },
      ],
    }),
    graph({
      title: 'Batch size (p50, p95, p99)',
      about: 'p95 at the largest size: batches are full, the queue feeds them well.',
      unit: 'short',
      width: 8,
      min: 0,
      queries: [0.5, 0.95, 0.99].map((q) => ({
        expr: quantile(q, { metric: BATCH_SIZE, matchers: DEVICES, by: ['device'] }),
        legend: `{{device}} p${q * 100}`,
      })),
    }),
    heatmap({
      title: 'Batch sizes',
      about: 'How many batches had which size.',
      unit: 'short',
      width: 8,
      queries: buckets({ metric: BATCH_SIZE, matchers: DEVICES }),
    }),
  ],
};

function runDuration(name: string, q: number): PanelDefinition {
  return graph({
    title: `Run duration (${name})`,
    about: 'How long a batch of each model is inside ONNX Runtime.',
    unit: 's',
    width: 6,
    min: 0,
    ...(q === 0.99 ? { thresholds: rising(0.5, 2) } : {}),
    queries: [
      {
        expr: quantile(q, {
          metric: RUN_DURATION,
          matchers: MODELS,
          by: ['model', 'device', 'provider'],
        }),
        legend: '{{model}} on {{device}} {{provider}}',
      },
    ],
  });
}

const DURATIONS: RowDefinition = {
  title: 'Durations',
  height: 8,
  panels: [
    runDuration('p50', 0.5),
    runDuration('p95', 0.95),
    runDuration('p99', 0.99),
    heatmap({
      title: 'Run durations',
      about: 'How many batches took how long, over the chosen models.',
      unit: 's',
      width: 6,
      queries: buckets({ metric: RUN_DURATION, matchers: MODELS }),
    }),
    graph({
      title: 'Time of an image',
      about: 'Executor time spent on one image: inside ONNX Runtime, and normalising its pixels.',
      unit: 's',
      width: 12,
      min: 0,
      queries: [
        {
          expr: perImage('sluice_inference_run_seconds_total', 'device, provider'),
          legend: 'run {{device}} {{provider}}',
        },
        {
          expr: perImage('sluice_inference_normalize_seconds_total', 'device, provider'),
          legend: 'normalise {{device}} {{provider}}',
        },
      ],
    }),
    graph({
      title: 'Latency of the inference stage',
      about:
        'What a record waits, is batched and run for, as its job sees it. Far above the run duration: images wait for executors.',
      unit: 's',
      width: 12,
      min: 0,
      thresholds: rising(0.1, 1),
      queries: [0.5, 0.95, 0.99].map((q) => ({
        expr: quantile(q, {
          metric: 'sluice_task_operator_latency_seconds',
          matchers: `${PROCESS}, kind="transform/onnx"`,
          by: [],
        }),
        legend: `p${q * 100}`,
      })),
    }),
  ],
};

const EXECUTORS: RowDefinition = {
  title: 'Executors',
  height: 8,
  panels: [
    graph({
      title: 'Executors in use by task manager',
      about:
        'Share of the time inside ONNX Runtime. Near 1: inference is the limit, add task managers or a GPU.',
      unit: 'percentunit',
      width: 8,
      min: 0,
      thresholds: rising(0.9, 0.98),
      queries: [
        {
          expr: shareOfExecutors('sluice_inference_run_seconds_total', 'instance, device'),
          legend: '{{instance}} {{device}}',
        },
      ],
    }),
    graph({
      title: 'Normalising',
      about: 'Share of the time of executors that goes into normalising pixels.',
      unit: 'percentunit',
      width: 8,
      min: 0,
      thresholds: rising(0.2, 0.4),
      queries: [
        {
          expr: shareOfExecutors('sluice_inference_normalize_seconds_total', 'instance, device'),
          legend: '{{instance}} {{device}}',
        },
      ],
    }),
    graph({
      title: 'Images waiting or running',
      about: 'Of each task manager. Always 0: decoding or the source is the limit.',
      unit: 'short',
      width: 8,
      min: 0,
      queries: [
        {
          expr: sumBy('instance, device', `sluice_inference_queued{${DEVICES}}`),
          legend: '{{instance}} {{device}}',
        },
      ],
    }),
    graph({
      title: 'Failed images',
      about: 'Images whose inference failed; they become dead letters, or fail the job.',
      unit: 'cps',
      width: 8,
      min: 0,
      thresholds: rising(0.1, 1),
      queries: [
        {
          expr: sumBy(
            'instance, device, provider',
            rate('sluice_inference_images_failed_total', DEVICES),
          ),
          legend: '{{instance}} {{device}} {{provider}}',
        },
      ],
    }),
    graph({
      title: 'Models loaded',
      about: 'Models in memory of each task manager.',
      unit: 'short',
      width: 8,
      min: 0,
      decimals: 0,
      queries: [
        {
          expr: sumBy('instance, device', `sluice_inference_models_loaded{${DEVICES}}`),
          legend: '{{instance}} {{device}}',
        },
      ],
    }),
    graph({
      title: 'Executor threads',
      about: 'Of each task manager, by device.',
      unit: 'short',
      width: 8,
      min: 0,
      decimals: 0,
      queries: [
        {
          expr: sumBy('instance, device', `sluice_inference_executors{${DEVICES}}`),
          legend: '{{instance}} {{device}}',
        },
      ],
    }),
  ],
};

function gpu(panel: {
  readonly metric: string;
  readonly title: string;
  readonly about: string;
  readonly unit: Unit;
  readonly bounds: readonly [number, number] | null;
}): PanelDefinition {
  const { metric, title, about, unit, bounds } = panel;
  return graph({
    ...{ title, about, unit },
    width: 6,
    min: 0,
    ...(unit === 'percentunit' ? { max: 1 } : {}),
    ...(bounds === null ? {} : { thresholds: rising(...bounds) }),
    queries: [
      {
        expr: `max by (instance, gpu, model) (${metric})`,
        legend: '{{instance}} {{gpu}} {{model}}',
      },
    ],
  });
}

/** Here `model` is the card's name. */
const GPUS: RowDefinition = {
  title: 'GPUs',
  height: 8,
  isCollapsed: true,
  panels: [
    gpu({
      metric: `sluice_gpu_utilization_ratio{${PROCESS}}`,
      title: 'GPU in use',
      about:
        'Share of the time in which each GPU did something. Low while images wait: batches are too small.',
      unit: 'percentunit',
      bounds: null,
    }),
    gpu({
      metric: `sluice_gpu_memory_used_bytes{${PROCESS}} / sluice_gpu_memory_total_bytes{${PROCESS}}`,
      title: 'GPU memory in use',
      about: 'Share of the memory of each GPU. At 1 a larger batch or one more model fails.',
      unit: 'percentunit',
      bounds: [0.85, 0.95],
    }),
    gpu({
      metric: `sluice_gpu_temperature_celsius{${PROCESS}}`,
      title: 'GPU temperature',
      about: 'Above some 85 °C most cards slow down.',
      unit: 'celsius',
      bounds: [80, 90],
    }),
    gpu({
      metric: `sluice_gpu_power_watts{${PROCESS}}`,
      title: 'GPU power',
      about: 'What each GPU draws.',
      unit: 'watt',
      bounds: null,
    }),
  ],
};

export const INFERENCE_DASHBOARD: DashboardDefinition = {
  uid: 'sluice-inference',
  title: 'Sluice: inference',
  about: 'Are the models fast, are batches full, and do executors and GPUs have anything to do?',
  variables: [DEPLOYMENT, TASK_MANAGER_INSTANCE, DEVICE, PROVIDER, MODEL],
  annotations: [FIRING_ALERTS, LEADER_CHANGES, ALL_RESTARTS],
  rows: [NOW, THROUGHPUT, DURATIONS, EXECUTORS, GPUS],
};
