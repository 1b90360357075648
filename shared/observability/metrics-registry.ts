import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { LatencyHistogram } from './latency-histogram.ts';

/** A registry with the process's own metrics (memory, CPU, event loop), all named `sluice_…`. */
export function createMetricsRegistry(process: 'jobmanager' | 'taskmanager'): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ process });
  collectDefaultMetrics({ register: registry, prefix: 'sluice_' });
  return registry;
}

/** Upper bounds in seconds, for latencies from a millisecond to two minutes. */
const LATENCY_BOUNDS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
];

export interface LatencySample {
  readonly labels: Readonly<Record<string, string>>;
  readonly histogram: LatencyHistogram;
}

interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly registry: Registry;
  /** Asked at every scrape. */
  readonly samples: () => Iterable<LatencySample>;
}

/** A Prometheus histogram over LatencyHistograms that are kept elsewhere. */
export class LatencyHistogramMetric extends Histogram<string> {
  readonly #options: HistogramOptions;

  constructor(options: HistogramOptions) {
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
    const values = [...samples()].flatMap(({ labels: sharedLabels, histogram }) => {
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
        ...LATENCY_BOUNDS_SECONDS.map((le) => bucket(le, histogram.countUpTo(le * 1000))),
        bucket('+Inf', histogram.count),
        single('sum', histogram.sumMs / 1000),
        single('count', histogram.count),
      ];
    });
    return { name, help, type: 'histogram', values, aggregator: 'sum' };
  }
}
