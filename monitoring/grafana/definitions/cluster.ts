/** Is the cluster well? Its processes, what they use, S3, and who was refused. */
import {
  ALL_RESTARTS,
  FIRING,
  FIRING_ALERTS,
  LEADER_CHANGES,
  LOST_TASK_MANAGERS,
} from './annotations.ts';
import type { DashboardDefinition } from './build-dashboard.ts';
import { CLUSTER_PROCESSES } from './cluster-processes.ts';
import {
  anyIs,
  graph,
  NEUTRAL,
  type RowDefinition,
  rising,
  stat,
  table,
  timeline,
} from './panel-definition.ts';
import { CLUSTER, rate, sumBy } from './queries.ts';
import { DEPLOYMENT, INSTANCE } from './variables.ts';

const NOW: RowDefinition = {
  title: 'Now',
  height: 4,
  panels: [
    stat({
      title: 'Leaders',
      about:
        'Job managers that lead. Always 1: with none, no job is coordinated, and running tasks go on for a minute.',
      unit: 'none',
      width: 3,
      thresholds: [
        { value: null, color: 'red' },
        { value: 1, color: 'green' },
        { value: 2, color: 'red' },
      ],
      queries: [{ expr: sumBy('deployment', `sluice_leader{${CLUSTER}}`), legend: 'leaders' }],
    }),
    stat({
      title: "Leader's epoch",
      about:
        'Counts the terms of leaders: it grows when a job manager starts or another one takes over.',
      unit: 'none',
      width: 3,
      thresholds: NEUTRAL,
      hasLine: true,
      queries: [
        {
          expr: `max by (deployment) (sluice_leader_epoch{${CLUSTER}} and sluice_leader{${CLUSTER}} == 1)`,
          legend: 'epoch',
        },
      ],
    }),
    stat({
      title: 'Task managers',
      about: 'Task managers that the leader knows. A lost one leaves the list at once.',
      unit: 'none',
      width: 3,
      thresholds: [
        { value: null, color: 'red' },
        { value: 1, color: 'green' },
      ],
      hasLine: true,
      queries: [{ expr: `sum(sluice_task_managers{${CLUSTER}})`, legend: 'registered' }],
    }),
    stat({
      title: 'Not answering',
      about:
        'Processes that Prometheus knows and cannot scrape: down, unreachable, or a wrong certificate.',
      unit: 'none',
      width: 3,
      thresholds: anyIs('red'),
      queries: [
        { expr: `sum(up{job=~"sluice-.+", ${CLUSTER}} == bool 0)`, legend: 'not answering' },
      ],
    }),
    stat({
      title: 'Slots in use',
      about:
        'Share of the slots with a task. With none free, a lost task manager cannot be made up for.',
      unit: 'percentunit',
      width: 3,
      min: 0,
      max: 1,
      thresholds: NEUTRAL,
      hasLine: true,
      queries: [
        {
          expr: `sum(sluice_slots{${CLUSTER}, state="taken"}) / sum(sluice_slots{${CLUSTER}})`,
          legend: 'in use',
        },
      ],
    }),
    stat({
      title: 'Running jobs',
      about: 'Jobs in the state RUNNING.',
      unit: 'none',
      width: 3,
      thresholds: NEUTRAL,
      hasLine: true,
      queries: [{ expr: `sum(sluice_jobs{${CLUSTER}, state="RUNNING"})`, legend: 'running' }],
    }),
    stat({
      title: 'Failed jobs',
      about: 'Jobs that failed, among those that are still listed (the last 100 that ended).',
      unit: 'none',
      width: 3,
      thresholds: anyIs('orange'),
      queries: [{ expr: `sum(sluice_jobs{${CLUSTER}, state="FAILED"})`, legend: 'failed' }],
    }),
    stat({
      title: 'Firing alerts',
      about: 'What is wrong by the alert rules; "Alerts" below names them.',
      unit: 'none',
      width: 3,
      thresholds: anyIs('red'),
      queries: [{ expr: `count(ALERTS{${FIRING}}) or vector(0)`, legend: 'firing' }],
    }),
  ],
};

const JOBS: RowDefinition = {
  title: 'Jobs and alerts',
  height: 8,
  panels: [
    table({
      title: 'Jobs',
      about: 'The jobs that the leader lists. A click on a name opens its dashboard.',
      unit: 'none',
      width: 12,
      columns: [
        {
          field: 'job_name',
          title: 'Job',
          link: `/d/sluice-job?var-job_name=\${__value.raw}&\${deployment:queryparam}&\${datasource:queryparam}&\${__url_time_range}`,
        },
        { field: 'job_id', title: 'Id' },
        { field: 'state', title: 'State' },
        { field: 'Value #A', title: 'Age', unit: 'dtdurations' },
        { field: 'Value #B', title: 'Read', unit: 'recps' },
        { field: 'Value #C', title: 'Dead letters', unit: 'short' },
        { field: 'Value #D', title: 'Restarts', unit: 'short' },
      ],
      queries: [
        {
          expr: `max by (job_name, job_id, state) (sluice_job_state{${CLUSTER}} * on (job_id) group_left () max by (job_id) (sluice_job_age_seconds{${CLUSTER}}))`,
          legend: 'age',
        },
        {
          expr: sumBy(
            'job_name, job_id',
            rate('sluice_operator_records_out_total', `${CLUSTER}, kind=~"source/.+"`),
          ),
          legend: 'read',
        },
        {
          expr: `max by (job_name, job_id) (sluice_job_dead_letters_total{${CLUSTER}})`,
          legend: 'dead letters',
        },
        {
          expr: `max by (job_name, job_id) (sluice_job_restarts_total{${CLUSTER}})`,
          legend: 'restarts',
        },
      ],
    }),
    timeline({
      title: 'Alerts',
      about:
        'When each alert was pending (orange) and firing (red). docs/monitoring-alerts.md says what to do.',
      unit: 'none',
      width: 12,
      noValue: 'No alert was pending or firing',
      texts: {
        1: { text: 'pending', color: 'orange' },
        2: { text: 'firing', color: 'red' },
      },
      queries: [
        {
          expr: 'max by (alertname, job_name, instance) (ALERTS{alertstate="pending", deployment=~"$deployment|"} or 2 * ALERTS{alertstate="firing", deployment=~"$deployment|"})',
          legend: '{{alertname}} {{job_name}} {{instance}}',
        },
      ],
    }),
    graph({
      title: 'Jobs by state',
      about: 'Ended jobs count while they are listed (the last 100).',
      unit: 'none',
      width: 6,
      min: 0,
      decimals: 0,
      isStacked: true,
      queries: [{ expr: `${sumBy('state', `sluice_jobs{${CLUSTER}}`)} > 0`, legend: '{{state}}' }],
    }),
    graph({
      title: 'Slots',
      about: 'A job that finds too few free slots waits, or runs with fewer.',
      unit: 'none',
      width: 6,
      min: 0,
      decimals: 0,
      isStacked: true,
      queries: [{ expr: sumBy('state', `sluice_slots{${CLUSTER}}`), legend: '{{state}}' }],
    }),
    graph({
      title: 'Silence of task managers',
      about:
        'Since the last sign of life of each; one comes every second, after five the leader gives it up.',
      unit: 's',
      width: 6,
      min: 0,
      thresholds: rising(3, 5),
      queries: [
        {
          expr: `max by (task_manager) (sluice_task_manager_heartbeat_age_seconds{${CLUSTER}})`,
          legend: '{{task_manager}}',
        },
      ],
    }),
    graph({
      title: 'Task managers gone',
      about:
        'By how they went: left is a stop in order, replaced a process that came anew; disconnected and silent are failures.',
      unit: 'cpm',
      width: 6,
      min: 0,
      queries: [
        {
          expr: `60 * ${sumBy('reason', rate('sluice_task_manager_departures_total', CLUSTER))}`,
          legend: '{{reason}}',
        },
      ],
    }),
  ],
};

export const CLUSTER_DASHBOARD: DashboardDefinition = {
  uid: 'sluice-cluster',
  title: 'Sluice: cluster',
  about:
    'Is the cluster well? Leader, task managers, slots, jobs, resources against limits, S3, security.',
  variables: [DEPLOYMENT, INSTANCE],
  annotations: [FIRING_ALERTS, LEADER_CHANGES, LOST_TASK_MANAGERS, ALL_RESTARTS],
  rows: [NOW, JOBS, ...CLUSTER_PROCESSES],
};
