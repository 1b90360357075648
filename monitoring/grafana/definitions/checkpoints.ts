/** Could a job start again now, how much would it repeat, and what do checkpoints cost? */
import { FIRING_ALERTS, JOB_RESTARTS, LEADER_CHANGES } from './annotations.ts';
import type { DashboardDefinition } from './build-dashboard.ts';
import {
  anyIs,
  graph,
  heatmap,
  NEUTRAL,
  type RowDefinition,
  rising,
  stat,
} from './panel-definition.ts';
import { buckets, CLUSTER, JOB, quantile, quantiles, rate, sumBy } from './queries.ts';
import { DEPLOYMENT, JOB_NAME } from './variables.ts';

const DURATION = 'sluice_checkpoint_duration_seconds';
const ALIGNMENT = 'sluice_checkpoint_alignment_seconds';

/** Ages in intervals: 1 is as it should be. */
const AGE_IN_INTERVALS = `max by (job_name, job_id) (sluice_checkpoint_age_seconds{${JOB}} / sluice_checkpoint_interval_seconds{${JOB}})`;

const NOW: RowDefinition = {
  title: 'Now',
  height: 4,
  panels: [
    stat({
      title: 'Age of the last one',
      about: 'The oldest of the chosen jobs. This much a failure now would repeat.',
      unit: 's',
      width: 4,
      decimals: 1,
      thresholds: NEUTRAL,
      hasLine: true,
      queries: [{ expr: `max(sluice_checkpoint_age_seconds{${JOB}})`, legend: 'age' }],
    }),
    stat({
      title: 'Intervals since the last one',
      about:
        'Age of the last checkpoint over the interval: up to 1 and a duration while all is well.',
      unit: 'none',
      width: 4,
      decimals: 1,
      thresholds: rising(3, 10),
      hasLine: true,
      queries: [{ expr: `max(${AGE_IN_INTERVALS})`, legend: 'intervals' }],
    }),
    stat({
      title: 'Duration (p95)',
      about: 'From the trigger to the end, of the completed ones.',
      unit: 's',
      width: 4,
      decimals: 2,
      thresholds: rising(10, 60),
      hasLine: true,
      queries: [
        { expr: quantile(0.95, { metric: DURATION, matchers: JOB, by: [] }), legend: 'p95' },
      ],
    }),
    stat({
      title: 'Completed',
      about: 'In the chosen time range.',
      unit: 'short',
      width: 4,
      decimals: 0,
      thresholds: NEUTRAL,
      queries: [
        {
          expr: `sum(increase(sluice_checkpoints_completed_total{${JOB}}[$__range]))`,
          legend: 'completed',
        },
      ],
    }),
    stat({
      title: 'Failed',
      about:
        'In the chosen time range. Single ones harm nothing: the next one covers their records.',
      unit: 'short',
      width: 4,
      decimals: 0,
      thresholds: anyIs('orange'),
      queries: [
        {
          expr: `sum(increase(sluice_checkpoints_failed_total{${JOB}}[$__range])) or vector(0)`,
          legend: 'failed',
        },
      ],
    }),
    stat({
      title: 'Size of the last one',
      about: 'What the last completed checkpoint stored itself; shared state is not counted.',
      unit: 'bytes',
      width: 4,
      thresholds: NEUTRAL,
      hasLine: true,
      queries: [{ expr: `max(sluice_checkpoint_last_size_bytes{${JOB}})`, legend: 'bytes' }],
    }),
  ],
};

const REGULARITY: RowDefinition = {
  title: 'Are they taken?',
  height: 8,
  panels: [
    graph({
      title: 'Age against interval',
      about:
        'A saw: up to the interval, and down. A slope that goes on is a job that cannot complete one.',
      unit: 's',
      width: 12,
      min: 0,
      limits: '^interval ',
      queries: [
        {
          expr: `max by (job_name) (sluice_checkpoint_age_seconds{${JOB}})`,
          legend: '{{job_name}}',
        },
        {
          expr: `max by (job_name) (sluice_checkpoint_interval_seconds{${JOB}})`,
          legend: 'interval {{job_name}}',
        },
      ],
    }),
    graph({
      title: 'Age in intervals',
      about: 'The same, comparable between jobs. Above 3: look at failures and durations.',
      unit: 'none',
      width: 12,
      min: 0,
      thresholds: rising(3, 10),
      queries: [{ expr: AGE_IN_INTERVALS, legend: '{{job_name}} {{job_id}}' }],
    }),
    graph({
      title: 'Completed a minute',
      about: 'Completed checkpoints a minute, savepoints included.',
      unit: 'cpm',
      width: 8,
      min: 0,
      queries: [
        {
          expr: `60 * ${sumBy('job_name', rate('sluice_checkpoints_completed_total', JOB))}`,
          legend: '{{job_name}}',
        },
      ],
    }),
    graph({
      title: 'Failed by reason',
      about:
        'EXPIRED: slow storage or back-pressure. STORAGE_FAILED: S3. TASK_FAILED: a restart. docs/checkpoints.md lists them.',
      unit: 'cpm',
      noValue: 'None failed',
      width: 8,
      min: 0,
      thresholds: rising(1, 5),
      queries: [
        {
          expr: `60 * ${sumBy('job_name, reason', rate('sluice_checkpoints_failed_total', JOB))} > 0`,
          legend: '{{job_name}} {{reason}}',
        },
      ],
    }),
    graph({
      title: 'In progress',
      about: 'Checkpoints under way. Never at 0: they take as long as the interval.',
      unit: 'short',
      width: 8,
      min: 0,
      decimals: 0,
      queries: [
        {
          expr: `sum by (job_name) (sluice_checkpoints_in_progress{${JOB}})`,
          legend: '{{job_name}}',
        },
      ],
    }),
  ],
};

const DURATIONS: RowDefinition = {
  title: 'How long do they take?',
  height: 8,
  panels: [
    graph({
      title: 'Duration',
      about:
        'From the trigger to the end of the completed ones. Results become visible with checkpoints: they wait this long, too.',
      unit: 's',
      width: 12,
      min: 0,
      queries: quantiles({ metric: DURATION, matchers: JOB, by: ['job_name'] }, '{{job_name}} '),
    }),
    heatmap({
      title: 'Durations',
      about: 'How many took how long, over the chosen jobs.',
      unit: 's',
      width: 12,
      queries: buckets({ metric: DURATION, matchers: JOB }),
    }),
    graph({
      title: 'Alignment',
      about:
        'Of each subtask, from its first barrier to its last. Long: one of its inputs is far behind (back-pressure, skew); alignmentTimeout bounds it.',
      unit: 's',
      width: 12,
      min: 0,
      thresholds: rising(1, 10),
      queries: quantiles({ metric: ALIGNMENT, matchers: JOB, by: ['job_name'] }, '{{job_name}} '),
    }),
    heatmap({
      title: 'Alignments',
      about: 'How many subtasks aligned how long, over the chosen jobs.',
      unit: 's',
      width: 12,
      queries: buckets({ metric: ALIGNMENT, matchers: JOB }),
    }),
  ],
};

const STORAGE: RowDefinition = {
  title: 'What do they store?',
  height: 8,
  panels: [
    graph({
      title: 'Size',
      about: 'What the last completed checkpoint of each job stored itself.',
      unit: 'bytes',
      width: 8,
      min: 0,
      queries: [
        {
          expr: `max by (job_name) (sluice_checkpoint_last_size_bytes{${JOB}})`,
          legend: '{{job_name}}',
        },
      ],
    }),
    graph({
      title: 'Stored',
      about:
        'Bytes a second that completed checkpoints store. Where they are many, a longer interval stores less.',
      unit: 'binBps',
      width: 8,
      min: 0,
      queries: [
        {
          expr: sumBy('job_name', rate('sluice_checkpoint_stored_bytes_total', JOB)),
          legend: '{{job_name}}',
        },
      ],
    }),
    graph({
      title: 'Writes to S3 (p99)',
      about:
        'Latency of the requests that store something, of all processes: what durations are made of where the state is small.',
      unit: 's',
      width: 8,
      min: 0,
      thresholds: rising(1, 5),
      queries: [
        {
          expr: quantile(0.99, {
            metric: 'sluice_s3_request_duration_seconds',
            matchers: `${CLUSTER}, operation=~"Put.+|Upload.+|.+Upload"`,
            by: ['operation'],
          }),
          legend: '{{operation}}',
        },
      ],
    }),
  ],
};

export const CHECKPOINTS_DASHBOARD: DashboardDefinition = {
  uid: 'sluice-checkpoints',
  title: 'Sluice: checkpoints',
  about: 'Could a job start again now, how much would it repeat, and what do checkpoints cost?',
  variables: [DEPLOYMENT, JOB_NAME],
  annotations: [FIRING_ALERTS, LEADER_CHANGES, JOB_RESTARTS],
  rows: [NOW, REGULARITY, DURATIONS, STORAGE],
};
