/** The rows of the job's dashboard that look inside it: subtasks, buffers, failures. */
import { graph, type PanelDefinition, type RowDefinition, rising } from './panel-definition.ts';
import { JOB, rate, sumBy } from './queries.ts';

function timeOfSubtasks(state: string, title: string, about: string): PanelDefinition {
  return graph({
    title,
    about,
    unit: 'percentunit',
    width: 8,
    min: 0,
    max: 1,
    ...(state === 'back_pressured' ? { thresholds: rising(0.5, 0.9) } : {}),
    queries: [
      {
        expr: sumBy(
          'job_name, vertex, subtask, task_manager',
          rate('sluice_subtask_time_seconds_total', `${JOB}, state="${state}"`),
        ),
        legend: '{{job_name}} {{vertex}}[{{subtask}}] on {{task_manager}}',
      },
    ],
  });
}

const SUBTASKS: RowDefinition = {
  title: 'Subtasks: where the time goes',
  height: 8,
  panels: [
    timeOfSubtasks(
      'busy',
      'Busy',
      'Share of the time in which records went through. The last busy stage behind back-pressured ones is the limit.',
    ),
    timeOfSubtasks(
      'idle',
      'Idle',
      'Share of the time without input. Idle everywhere: there is nothing to do.',
    ),
    timeOfSubtasks(
      'back_pressured',
      'Back-pressured',
      'Share of the time in which an output had no credit: what comes after is too slow.',
    ),
    graph({
      title: 'Records by subtask',
      about:
        'What each subtask takes. One far above its neighbours: a hot key, or a node that is faster.',
      unit: 'recps',
      width: 8,
      min: 0,
      queries: [
        {
          expr: sumBy(
            'job_name, vertex, subtask, task_manager',
            rate('sluice_subtask_records_in_total', JOB),
          ),
          legend: '{{job_name}} {{vertex}}[{{subtask}}] on {{task_manager}}',
        },
        {
          expr: sumBy(
            'job_name, vertex, subtask, task_manager',
            rate('sluice_subtask_records_out_total', JOB),
          ),
          legend: 'out {{job_name}} {{vertex}}[{{subtask}}] on {{task_manager}}',
        },
      ],
    }),
    graph({
      title: 'In flight',
      about:
        'Records inside each operator now. Asynchronous ones hold a bounded number: at the bound, they are the limit.',
      unit: 'short',
      width: 8,
      min: 0,
      queries: [
        {
          expr: sumBy('job_name, operator', `sluice_operator_in_flight{${JOB}}`),
          legend: '{{job_name}} {{operator}}',
        },
      ],
    }),
    graph({
      title: 'Bytes read and written',
      about: 'Of each operator, as task managers count them: images in, rows and thumbnails out.',
      unit: 'binBps',
      width: 8,
      min: 0,
      queries: [
        {
          expr: `${sumBy('job_name, operator', rate('sluice_task_operator_bytes_in_total', JOB))} > 0`,
          legend: 'read {{job_name}} {{operator}}',
        },
        {
          expr: `${sumBy('job_name, operator', rate('sluice_task_operator_bytes_out_total', JOB))} > 0`,
          legend: 'written {{job_name}} {{operator}}',
        },
      ],
    }),
  ],
};

function buffers(metric: string, title: string, about: string): PanelDefinition {
  return graph({
    title,
    about,
    unit: 'short',
    width: 6,
    min: 0,
    queries: [
      {
        expr: sumBy('job_name, vertex', `${metric}{${JOB}}`),
        legend: '{{job_name}} {{vertex}}',
      },
    ],
  });
}

const BUFFERS: RowDefinition = {
  title: 'Buffers and credits',
  height: 8,
  panels: [
    buffers(
      'sluice_task_buffers_in_queued',
      'Buffers waiting for a task',
      'In the input gates of each vertex: it is the slow one while its producers have no credit.',
    ),
    buffers(
      'sluice_task_buffers_out_queued',
      'Buffers waiting for credit',
      'In the outputs of each vertex: what it sends to is slow, or the network is.',
    ),
    buffers(
      'sluice_task_credits_in',
      'Credits given',
      'Buffers that the producers of each vertex may still send. 0: it takes nothing.',
    ),
    buffers(
      'sluice_task_credits_out',
      'Credits held',
      'Buffers that each vertex may send at once. 0: it is back-pressured.',
    ),
  ],
};

const FAILURES: RowDefinition = {
  title: 'Failures and changes',
  height: 8,
  panels: [
    graph({
      title: 'Restarts so far',
      about: 'Starts after a failure, of the whole job or a part. A new leader counts from 0.',
      unit: 'short',
      width: 8,
      min: 0,
      decimals: 0,
      queries: [
        { expr: `sum by (job_name) (sluice_job_restarts_total{${JOB}})`, legend: '{{job_name}}' },
      ],
    }),
    graph({
      title: 'Rescales so far',
      about: 'Starts to use more slots, or fewer. A new leader counts from 0.',
      unit: 'short',
      width: 8,
      min: 0,
      decimals: 0,
      queries: [
        { expr: `sum by (job_name) (sluice_job_rescales_total{${JOB}})`, legend: '{{job_name}}' },
      ],
    }),
    graph({
      title: 'Running subtasks',
      about: 'Subtasks that report. A dip is a restart, a step a rescale.',
      unit: 'short',
      width: 8,
      min: 0,
      decimals: 0,
      queries: [{ expr: `sum by (job_name) (sluice_subtasks{${JOB}})`, legend: '{{job_name}}' }],
    }),
  ],
};

export const JOB_INSIDE: readonly RowDefinition[] = [SUBTASKS, BUFFERS, FAILURES];
