import type { Registry } from 'prom-client';
import { derivedCounter, derivedGauge } from '../../shared/observability/derived-metrics.ts';
import type { LatencyHistogram } from '../../shared/observability/latency-histogram.ts';
import {
  LatencyHistogramMetric,
  type LatencySample,
} from '../../shared/observability/metrics-registry.ts';
import type { JobMeasurement } from './job-measurement.ts';
import type { OperatorTotals } from './job-metrics.ts';
import { JOB_LABELS, jobLabels } from './job-page.ts';

const OPERATOR_LABELS = [...JOB_LABELS, 'operator', 'kind'] as const;

type Jobs = () => readonly JobMeasurement[];

export function operatorMetrics(jobs: Jobs, registry: Registry): void {
  const values = (field: 'recordsIn' | 'recordsOut' | 'recordsRejected' | 'inFlight') => () =>
    [...operators(jobs())].map(({ labels, totals }) => ({ labels, value: totals[field] }));
  const counters = [
    ['sluice_operator_records_in_total', 'Records that reached an operator.', 'recordsIn'],
    ['sluice_operator_records_out_total', 'Records that an operator emitted.', 'recordsOut'],
    [
      'sluice_operator_records_rejected_total',
      'Records sent to the dead letters.',
      'recordsRejected',
    ],
  ] as const;
  for (const [name, help, field] of counters) {
    derivedCounter(registry, { name, help, labelNames: OPERATOR_LABELS, values: values(field) });
  }
  derivedGauge(registry, {
    name: 'sluice_operator_in_flight',
    help: 'Records inside an operator now.',
    labelNames: OPERATOR_LABELS,
    values: values('inFlight'),
  });
  const histograms = [
    ['sluice_operator_latency_seconds', "A record's time in an operator's stage.", 'stageLatency'],
    [
      'sluice_end_to_end_latency_seconds',
      "From the source's read of a record to its sink.",
      'endToEndLatency',
    ],
  ] as const;
  for (const [name, help, field] of histograms) {
    new LatencyHistogramMetric({
      name,
      help,
      labelNames: OPERATOR_LABELS,
      registry,
      samples: () => latencySamples(jobs(), (totals) => totals[field]),
    });
  }
}

function* latencySamples(
  jobs: readonly JobMeasurement[],
  histogramOf: (totals: OperatorTotals) => LatencyHistogram,
): Iterable<LatencySample> {
  for (const { labels, totals } of operators(jobs)) {
    const histogram = histogramOf(totals);
    if (histogram.count > 0) yield { labels, histogram };
  }
}

type OperatorLabels = Record<(typeof OPERATOR_LABELS)[number], string>;

function* operators(
  jobs: readonly JobMeasurement[],
): Iterable<{ labels: OperatorLabels; totals: OperatorTotals }> {
  for (const job of jobs) {
    for (const totals of job.operators) {
      const { id, kind } = totals.operator;
      yield { labels: { ...jobLabels(job), operator: id, kind }, totals };
    }
  }
}
