import type { Registry } from 'prom-client';
import {
  derivedCounter,
  derivedGauge,
  type Labels,
  type MeasuredValue,
} from '../../shared/observability/derived-metrics.ts';
import { SUBTASK_TIMES } from '../../shared/observability/subtask-metrics.ts';
import type { JobMeasurement, SubtaskMeasurement } from './job-measurement.ts';
import { JOB_LABELS, jobLabels } from './job-page.ts';

/** Subtasks that are on the page; the rest of them is counted, not shown. */
const SUBTASKS_MAX = 2_000;

const SUBTASK_LABELS = [...JOB_LABELS, 'vertex', 'subtask', 'task_manager'] as const;

type Jobs = () => readonly JobMeasurement[];

/** Of running subtasks only: those of ended jobs leave the page at once. */
export function subtaskMetrics(jobs: Jobs, registry: Registry): void {
  derivedCounter(registry, {
    name: 'sluice_subtask_time_seconds_total',
    help: 'Where the time of a running subtask went.',
    labelNames: [...SUBTASK_LABELS, 'state'],
    *values(): Iterable<MeasuredValue> {
      for (const { labels, metrics } of subtasks(jobs())) {
        for (const [state, field] of SUBTASK_TIMES) {
          yield { labels: { ...labels, state }, value: metrics[field] / 1000 };
        }
      }
    },
  });
  const counters = [
    ['records_in', 'Records that a running subtask took.', 'recordsIn'],
    ['records_out', 'Records that a running subtask sent to others.', 'recordsOut'],
  ] as const;
  for (const [name, help, field] of counters) {
    derivedCounter(registry, {
      name: `sluice_subtask_${name}_total`,
      help,
      labelNames: SUBTASK_LABELS,
      *values() {
        for (const { labels, metrics } of subtasks(jobs())) yield { labels, value: metrics[field] };
      },
    });
  }
  derivedGauge(registry, {
    name: 'sluice_subtasks',
    help: `Subtasks that report; the first ${SUBTASKS_MAX} of them are on this page.`,
    labelNames: JOB_LABELS,
    values: () => jobs().map((job) => ({ labels: jobLabels(job), value: job.subtasks.length })),
  });
}

function* subtasks(
  jobs: readonly JobMeasurement[],
): Iterable<{ labels: Labels; metrics: SubtaskMeasurement['metrics'] }> {
  let left = SUBTASKS_MAX;
  for (const job of jobs) {
    for (const { vertexId: vertex, subtask, taskManagerId, metrics } of job.subtasks) {
      if (left === 0) return;
      left -= 1;
      const labels = { vertex, subtask: `${subtask}`, task_manager: taskManagerId };
      yield { labels: { ...jobLabels(job), ...labels }, metrics };
    }
  }
}
