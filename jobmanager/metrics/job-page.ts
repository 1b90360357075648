import type { Registry } from 'prom-client';
import {
  derivedCounter,
  derivedGauge,
  type MeasuredValue,
} from '../../shared/observability/derived-metrics.ts';
import type { JobMeasurement } from './job-measurement.ts';

export const JOB_LABELS = ['job_id', 'job_name'] as const;

export function jobLabels({
  id,
  name,
}: JobMeasurement): Record<(typeof JOB_LABELS)[number], string> {
  return { job_id: id, job_name: name };
}

interface MeasuredJobs {
  readonly jobs: () => readonly JobMeasurement[];
  /** Wall clock. */
  readonly nowMs: () => number;
}

export function jobMetrics({ jobs, nowMs }: MeasuredJobs, registry: Registry): void {
  const perJob = (value: (job: JobMeasurement) => number) => () =>
    jobs().map((job) => ({ labels: jobLabels(job), value: value(job) }));
  derivedGauge(registry, {
    name: 'sluice_job_state',
    help: 'Always 1, for the state in which the job is.',
    labelNames: [...JOB_LABELS, 'state'],
    values: () =>
      jobs().map((job) => ({ labels: { ...jobLabels(job), state: job.state }, value: 1 })),
  });
  derivedGauge(registry, {
    name: 'sluice_job_age_seconds',
    help: 'From the submission of the job to its end, or to now.',
    labelNames: JOB_LABELS,
    values: perJob((job) => Math.max(0, (job.endedAtMs ?? nowMs()) - job.submittedAtMs) / 1000),
  });
  derivedGauge(registry, {
    name: 'sluice_job_submitted_timestamp_seconds',
    help: 'When the job was submitted, since 1970.',
    labelNames: JOB_LABELS,
    values: perJob(({ submittedAtMs }) => submittedAtMs / 1000),
  });
  derivedGauge(registry, {
    name: 'sluice_job_bounded',
    help: '1 where the job ends by itself, 0 where it watches or generates without end.',
    labelNames: JOB_LABELS,
    values: perJob(({ bounded }) => (bounded ? 1 : 0)),
  });
  derivedCounter(registry, {
    name: 'sluice_job_restarts_total',
    help: 'How often the job, or a part of it, was started again after a failure.',
    labelNames: JOB_LABELS,
    values: perJob(({ restarts }) => restarts),
  });
  derivedCounter(registry, {
    name: 'sluice_job_rescales_total',
    help: 'How often the job was started again to use other slots.',
    labelNames: JOB_LABELS,
    values: perJob(({ rescales }) => rescales),
  });
  derivedCounter(registry, {
    name: 'sluice_job_dead_letters_total',
    help: 'Records of the job that were rejected, wherever.',
    labelNames: JOB_LABELS,
    values: perJob(({ recordsRejected }) => recordsRejected),
  });
  const sourceLabels = [...JOB_LABELS, 'operator'] as const;
  derivedCounter(registry, {
    name: 'sluice_source_splits_discovered_total',
    help: 'What a source has found: files, or ranges of numbers.',
    labelNames: sourceLabels,
    values: () => sources(jobs(), ({ discovered }) => discovered),
  });
  derivedGauge(registry, {
    name: 'sluice_source_backlog_splits',
    help: 'What a source has found and not given to a reader yet.',
    labelNames: sourceLabels,
    values: () => sources(jobs(), ({ waiting }) => waiting),
  });
}

function* sources(
  jobs: readonly JobMeasurement[],
  value: (source: JobMeasurement['sources'][number]) => number,
): Iterable<MeasuredValue> {
  for (const job of jobs) {
    for (const source of job.sources) {
      yield { labels: { ...jobLabels(job), operator: source.operatorId }, value: value(source) };
    }
  }
}
