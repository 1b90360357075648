import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { Labels } from './derived-metrics.ts';
import type { LatencyHistogram } from './latency-histogram.ts';

/**
 * Those of prom-client's metrics that are not on the page: gauges named as if they were counters, what
 * a scrape resets for the next one, and what nobody looks at.
 */
const LEFT_OUT =
  /^sluice_nodejs_(active_|eventloop_lag_|heap_space_|version_info)|^sluice_process_heap_bytes$/;

/** A registry with prom-client's metrics of the process (memory, CPU, files), all named `sluice_…`. */
export function createMetricsRegistry(process: 'jobmanager' | 'taskmanager'): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ process });
  collectDefaultMetrics({ register: registry, prefix: 'sluice_' });
  for (const { name } of registry.getMetricsAsArray()) {
    if (LEFT_OUT.test(name)) registry.removeSingleMetric(name);
  }
  return registry;
}

/** Upper bounds in seconds, for latencies from a millisecond to two minutes. */
const LATENCY_BOUNDS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
];

/** For what may take long: checkpoints. */
export const LONG_BOUNDS_SECONDS = [
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];

export interface LatencySample {
  readonly labels: Labels;
  readonly histogram: LatencyHistogram;
}

interface HistogramOptions<Sample> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly registry: Registry;
  /** Asked at every scrape. */
  readonly samples: () => Iterable<Sample>;
}

export interface BucketSample {
  readonly labels: Labels;
  /** By upper bound, ascending; cumulative, without that of infinity. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
  readonly sum: number;
  readonly count: number;
}

/** A Prometheus histogram whose buckets are counted elsewhere. */
export class BucketHistogramMetric extends Histogram<string> {
  readonly #options: HistogramOptions<BucketSample>;

  constructor(options: HistogramOptions<BucketSample>) {
    super({
      name: options.name,
      help: options.help,
      labelNames: [...options.labelNames],
      registers: [options.registry],
    });
    this.#options = options;
  }

  /** What prom-client asks its own histograms for, too, when it writes the page. */
  async getForPromString(): Promise<object> {
    const { name, help, samples } = this.#options;
    const values = [...samples()].flatMap((sample) => histogramValues(name, sample));
    return { name, help, type: 'histogram', values, aggregator: 'sum' };
  }
}

interface LatencyOptions extends HistogramOptions<LatencySample> {
  /** Default: from 1 ms to 2 minutes. */
  readonly boundsSeconds?: readonly number[];
}

/** The same over LatencyHistograms. */
export class LatencyHistogramMetric extends BucketHistogramMetric {
  constructor({ samples, boundsSeconds = LATENCY_BOUNDS_SECONDS, ...options }: LatencyOptions) {
    super({
      ...options,
      *samples() {
        for (const { labels, histogram } of samples()) {
          yield {
            labels,
            buckets: boundsSeconds.map((le) => ({ le, count: histogram.countUpTo(le * 1000) })),
            sum: histogram.sumMs / 1000,
            count: histogram.count,
          };
        }
      },
    });
  }
}

/** The lines of one histogram, as prom-client wants them. */
function histogramValues(name: string, sample: BucketSample): readonly object[] {
  const { labels: sharedLabels, buckets, sum, count } = sample;
  const bucket = (le: number | '+Inf', value: number) => ({
    metricName: `${name}_bucket`,
    labels: { le },
    sharedLabels,
    value,
  });
  const single = (suffix: 'sum' | 'count', value: number) => ({
    metricName: `${name}_${suffix}`,
    labels: {},
    sharedLabels,
    value,
  });
  return [
    ...buckets.map(({ le, count: upTo }) => bucket(le, upTo)),
    bucket('+Inf', count),
    single('sum', sum),
    single('count', count),
  ];
}
