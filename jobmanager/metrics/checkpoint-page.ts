import type { Registry } from 'prom-client';
import {
  CHECKPOINT_FAILURE_REASONS,
  type CheckpointFailureReason,
} from '../../shared/checkpoint/checkpoint-failure-reason.ts';
import {
  derivedCounter,
  derivedGauge,
  type Labels,
} from '../../shared/observability/derived-metrics.ts';
import {
  LatencyHistogramMetric,
  LONG_BOUNDS_SECONDS,
} from '../../shared/observability/metrics-registry.ts';
import type { CheckpointMeasurement } from '../job-master/checkpoint-port.ts';
import type { JobMeasurement } from './job-measurement.ts';
import { JOB_LABELS, jobLabels } from './job-page.ts';

const FAILURE_REASONS = Object.keys(CHECKPOINT_FAILURE_REASONS) as CheckpointFailureReason[];

type Jobs = () => readonly JobMeasurement[];

/** Savepoints count as checkpoints. */
export function checkpointMetrics(jobs: Jobs, registry: Registry): void {
  counters(jobs, registry);
  gauges(jobs, registry);
  const histograms = [
    [
      'sluice_checkpoint_duration_seconds',
      'Of the completed checkpoints, from the trigger to the end.',
      'duration',
    ],
    [
      'sluice_checkpoint_alignment_seconds',
      'Of each subtask in a completed checkpoint, from its first barrier to its last.',
      'alignment',
    ],
  ] as const;
  for (const [name, help, field] of histograms) {
    new LatencyHistogramMetric({
      name,
      help,
      labelNames: JOB_LABELS,
      registry,
      boundsSeconds: LONG_BOUNDS_SECONDS,
      *samples() {
        for (const { labels, figures } of checkpoints(jobs())) {
          yield { labels, histogram: figures[field] };
        }
      },
    });
  }
}

function counters(jobs: Jobs, registry: Registry): void {
  derivedCounter(registry, {
    name: 'sluice_checkpoints_completed_total',
    help: 'Checkpoints of the job that completed.',
    labelNames: JOB_LABELS,
    *values() {
      for (const { labels, figures } of checkpoints(jobs())) {
        yield { labels, value: figures.completed };
      }
    },
  });
  derivedCounter(registry, {
    name: 'sluice_checkpoints_failed_total',
    help: 'Checkpoints of the job that did not complete, by the reason.',
    labelNames: [...JOB_LABELS, 'reason'],
    *values() {
      for (const { labels, figures, hasEnded } of checkpoints(jobs())) {
        for (const reason of FAILURE_REASONS) {
          const value = figures.failed.get(reason) ?? 0;
          // While it runs, from 0 on: only then does Prometheus see the first one.
          if (value > 0 || !hasEnded) yield { labels: { ...labels, reason }, value };
        }
      }
    },
  });
  derivedCounter(registry, {
    name: 'sluice_checkpoint_stored_bytes_total',
    help: 'What the completed checkpoints stored; state shared with earlier ones is not counted.',
    labelNames: JOB_LABELS,
    *values() {
      for (const { labels, figures } of checkpoints(jobs())) yield { labels, value: figures.bytes };
    },
  });
}

function gauges(jobs: Jobs, registry: Registry): void {
  derivedGauge(registry, {
    name: 'sluice_checkpoints_in_progress',
    help: 'Checkpoints of the job that are under way.',
    labelNames: JOB_LABELS,
    *values() {
      for (const { labels, figures } of checkpoints(jobs())) {
        yield { labels, value: figures.inProgress };
      }
    },
  });
  derivedGauge(registry, {
    name: 'sluice_checkpoint_last_size_bytes',
    help: 'What the last completed checkpoint stored itself.',
    labelNames: JOB_LABELS,
    *values() {
      for (const { labels, figures } of checkpoints(jobs())) {
        if (figures.completed > 0) yield { labels, value: figures.lastBytes };
      }
    },
  });
  derivedGauge(registry, {
    name: 'sluice_checkpoint_age_seconds',
    help: 'Of jobs that have not ended: since the last completed checkpoint, or the first start.',
    labelNames: JOB_LABELS,
    *values() {
      for (const { labels, figures, hasEnded } of checkpoints(jobs())) {
        if (!hasEnded) yield { labels, value: figures.ageMs / 1000 };
      }
    },
  });
  derivedGauge(registry, {
    name: 'sluice_checkpoint_interval_seconds',
    help: 'Of jobs that have not ended: from one trigger of a checkpoint to the next.',
    labelNames: JOB_LABELS,
    *values() {
      for (const { labels, settings, hasEnded } of checkpoints(jobs())) {
        if (!hasEnded) yield { labels, value: settings.intervalMs / 1000 };
      }
    },
  });
}

function* checkpoints(
  jobs: readonly JobMeasurement[],
): Iterable<CheckpointMeasurement & { readonly labels: Labels; readonly hasEnded: boolean }> {
  for (const job of jobs) {
    if (job.checkpoints === null) continue;
    yield { ...job.checkpoints, labels: jobLabels(job), hasEnded: job.endedAtMs !== null };
  }
}
