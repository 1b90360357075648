/** Pieces of PromQL that the dashboards share. */
import type { PanelQuery } from './panel-definition.ts';

/** Metrics of the cluster as a whole. A scrape without the label matches the variable's "All". */
export const CLUSTER = 'deployment=~"$deployment"';
/** Metrics that each process has of itself. */
export const PROCESS = `${CLUSTER}, instance=~"$instance"`;
/** Metrics of jobs. */
export const JOB = `${CLUSTER}, job_name=~"$job_name"`;

/** Per second, over a window that holds at least four scrapes. */
export function rate(metric: string, matchers: string): string {
  return `rate(${metric}{${matchers}}[$__rate_interval])`;
}

export function sumBy(labels: string, expr: string): string {
  return `sum by (${labels}) (${expr})`;
}

export interface HistogramQuery {
  /** Without `_bucket`. */
  readonly metric: string;
  readonly matchers: string;
  /** Kept beside `le`. */
  readonly by: readonly string[];
}

export function quantile(q: number, { metric, matchers, by }: HistogramQuery): string {
  const labels = ['le', ...by].join(', ');
  return `histogram_quantile(${q}, ${sumBy(labels, rate(`${metric}_bucket`, matchers))})`;
}

/** Median, 95th and 99th percentile, one query each; `legend` stands before their names. */
export function quantiles(histogram: HistogramQuery, legend = ''): readonly PanelQuery[] {
  return [0.5, 0.95, 0.99].map((q) => ({
    expr: quantile(q, histogram),
    legend: `${legend}p${q * 100}`,
  }));
}

/** How many fell into each bucket, for a heatmap. */
export function buckets({ metric, matchers }: Omit<HistogramQuery, 'by'>): readonly PanelQuery[] {
  const expr = sumBy('le', `increase(${metric}_bucket{${matchers}}[$__rate_interval])`);
  return [{ expr, legend: '{{le}}' }];
}
