import { Counter, Gauge, type Registry } from 'prom-client';
import { JOB_TRANSITIONS, type JobState } from '../../shared/job-graph/states.ts';
import type { LatencyHistogram } from '../../shared/observability/latency-histogram.ts';
import {
  createMetricsRegistry,
  LatencyHistogramMetric,
  type LatencySample,
} from '../../shared/observability/metrics-registry.ts';
import type { Dispatcher } from '../dispatcher/dispatcher.ts';
import type { ResourceManager } from '../resource-manager/resource-manager.ts';
import type { OperatorTotals } from './job-metrics.ts';

interface Sources {
  readonly dispatcher: Dispatcher;
  readonly resourceManager: ResourceManager;
}

const OPERATOR_LABELS = ['job_id', 'job', 'operator', 'kind'] as const;

/**
 * The job manager's GET /metrics. Nothing is counted here: every scrape reads what the dispatcher and
 * the resource manager know, so that a job's numbers leave the page together with the job.
 */
export function jobManagerMetrics(sources: Sources): Registry {
  const registry = createMetricsRegistry('jobmanager');
  clusterMetrics(sources, registry);
  operatorMetrics(sources, registry);
  return registry;
}

function clusterMetrics({ dispatcher, resourceManager }: Sources, registry: Registry): void {
  new Gauge({
    name: 'sluice_jobs',
    help: 'Jobs by state, the last ended ones included.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const counts = dispatcher.stateCounts();
      for (const state of Object.keys(JOB_TRANSITIONS) as JobState[]) {
        this.set({ state }, counts[state] ?? 0);
      }
    },
  });
  new Gauge({
    name: 'sluice_task_managers',
    help: 'Registered task managers.',
    registers: [registry],
    collect() {
      this.set(resourceManager.infos().length);
    },
  });
  new Gauge({
    name: 'sluice_slots',
    help: 'Slots of the registered task managers.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { total, free } = resourceManager.slotCounts();
      this.set({ state: 'free' }, free);
      this.set({ state: 'taken' }, total - free);
    },
  });
  new Gauge({
    name: 'sluice_task_manager_heartbeat_age_seconds',
    help: 'Since the last sign of life of a task manager.',
    labelNames: ['task_manager'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { id, lastHeartbeatAgeMs } of resourceManager.infos()) {
        this.set({ task_manager: id }, lastHeartbeatAgeMs / 1000);
      }
    },
  });
}

function operatorMetrics({ dispatcher }: Sources, registry: Registry): void {
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
    new Counter({
      name,
      help,
      labelNames: OPERATOR_LABELS,
      registers: [registry],
      collect() {
        this.reset();
        for (const { labels, totals } of operators(dispatcher)) this.inc(labels, totals[field]);
      },
    });
  }
  new Gauge({
    name: 'sluice_operator_in_flight',
    help: 'Records inside an operator now.',
    labelNames: OPERATOR_LABELS,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, totals } of operators(dispatcher)) this.set(labels, totals.inFlight);
    },
  });
  latencyMetric(
    { dispatcher, registry },
    {
      name: 'sluice_operator_latency_seconds',
      help: "A record's time in an operator's stage.",
      histogram: (totals) => totals.stageLatency,
    },
  );
  latencyMetric(
    { dispatcher, registry },
    {
      name: 'sluice_end_to_end_latency_seconds',
      help: "From the source's read of a record to its sink.",
      histogram: (totals) => totals.endToEndLatency,
    },
  );
}

function latencyMetric(
  { dispatcher, registry }: { dispatcher: Dispatcher; registry: Registry },
  metric: {
    name: string;
    help: string;
    histogram: (totals: OperatorTotals) => LatencyHistogram;
  },
): void {
  new LatencyHistogramMetric({
    name: metric.name,
    help: metric.help,
    labelNames: OPERATOR_LABELS,
    registry,
    *samples(): Iterable<LatencySample> {
      for (const { labels, totals } of operators(dispatcher)) {
        const histogram = metric.histogram(totals);
        if (histogram.count > 0) yield { labels, histogram };
      }
    },
  });
}

type OperatorLabels = Record<(typeof OPERATOR_LABELS)[number], string>;

function* operators(
  dispatcher: Dispatcher,
): Iterable<{ labels: OperatorLabels; totals: OperatorTotals }> {
  for (const job of dispatcher.measurements()) {
    for (const totals of job.operators) {
      const { id, kind } = totals.operator;
      yield { labels: { job_id: job.id, job: job.name, operator: id, kind }, totals };
    }
  }
}
