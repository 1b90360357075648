/**
 * The metrics of both processes, from the very registries that `/metrics` serves. Nothing is
 * collected: what the metrics would ask is not there.
 */
import type { Registry } from 'prom-client';
import { jobManagerMetrics } from '../../jobmanager/metrics/prometheus.ts';
import { taskManagerMetrics } from '../../taskmanager/metrics/prometheus.ts';

export interface MetricRow {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

export function jobManagerMetricRows(): MetricRow[] {
  return metricRows(jobManagerMetrics({} as never));
}

export function taskManagerMetricRows(): MetricRow[] {
  return metricRows(taskManagerMetrics({} as never));
}

/** Without those that prom-client has for every Node process. */
function metricRows(registry: Registry): MetricRow[] {
  return (registry.getMetricsAsArray() as unknown as readonly RegisteredMetric[])
    .filter(({ name }) => !/^sluice_(process|nodejs)_/.test(name))
    .map(({ name, type, labelNames, help }) => ({ name, type, labels: labelNames, help }));
}

/** What prom-client's metrics are, beside what their types say. */
interface RegisteredMetric {
  readonly name: string;
  readonly type: string;
  readonly labelNames: readonly string[];
  readonly help: string;
}
