import type { Registry } from 'prom-client';
import type { StorageTotals } from '../../shared/filesystem/storage-meter.ts';
import { derivedGauge, oncePerTurn, single } from '../../shared/observability/derived-metrics.ts';
import type { EventLoopDelay } from '../../shared/observability/event-loop-delay.ts';
import { createMetricsRegistry } from '../../shared/observability/metrics-registry.ts';
import { type MeasuredSecurity, processMetrics } from '../../shared/observability/process-page.ts';
import type { Dispatcher } from '../dispatcher/dispatcher.ts';
import type { ResourceManager } from '../resource-manager/resource-manager.ts';
import { checkpointMetrics } from './checkpoint-page.ts';
import { clusterMetrics } from './cluster-page.ts';
import { jobMetrics } from './job-page.ts';
import { operatorMetrics } from './operator-page.ts';
import { subtaskMetrics } from './subtask-page.ts';

/** What only the leader knows. */
export interface MeasuredTerm {
  readonly dispatcher: Dispatcher;
  readonly resourceManager: ResourceManager;
  /** Of the leader's lease; 0 without storage. */
  readonly epoch: number;
}

export interface MeasuredJobManager {
  /** Null while it stands by. */
  readonly term: () => MeasuredTerm | null;
  readonly eventLoop: () => EventLoopDelay;
  readonly storage: () => StorageTotals;
  readonly security: MeasuredSecurity;
  /** Wall clock, milliseconds. */
  readonly nowMs: () => number;
}

/**
 * The job manager's GET /metrics, also of a standby. Nothing is counted here: every scrape reads what
 * the dispatcher and the resource manager know, so that a job's numbers leave the page together with
 * the job.
 */
export function jobManagerMetrics(measured: MeasuredJobManager): Registry {
  const registry = createMetricsRegistry('jobmanager');
  processMetrics(
    {
      eventLoops: () => [{ thread: 'main', delay: measured.eventLoop() }],
      storage: () => measured.storage(),
      security: measured.security,
    },
    registry,
  );
  derivedGauge(registry, {
    name: 'sluice_leader',
    help: '1 where this job manager leads, 0 where it stands by.',
    values: () => single(measured.term() === null ? 0 : 1),
  });
  derivedGauge(registry, {
    name: 'sluice_leader_epoch',
    help: 'Number of the term in which this job manager leads; 0 without storage.',
    values: () => single(measured.term()?.epoch ?? null),
  });
  clusterMetrics(() => measured.term(), registry);
  const jobs = oncePerTurn(() => measured.term()?.dispatcher.measurements() ?? []);
  jobMetrics({ jobs, nowMs: () => measured.nowMs() }, registry);
  operatorMetrics(jobs, registry);
  subtaskMetrics(jobs, registry);
  checkpointMetrics(jobs, registry);
  return registry;
}
