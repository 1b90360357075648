/** Does a job keep up, how long do its records take, and what holds it back? */
import { FIRING_ALERTS, JOB_RESCALES, JOB_RESTARTS, LEADER_CHANGES } from './annotations.ts';
import type { DashboardDefinition } from './build-dashboard.ts';
import { JOB_INSIDE } from './job-inside.ts';
import {
  anyIs,
  graph,
  heatmap,
  NEUTRAL,
  type PanelDefinition,
  type RowDefinition,
  rising,
  stat,
} from './panel-definition.ts';
import { buckets, JOB, quantile, quantiles, rate, sumBy } from './queries.ts';
import { DEPLOYMENT, JOB_NAME } from './variables.ts';

/** What a source emits. */
const SOURCES = `${JOB}, kind=~"source/.+"`;
/** What is stored: dead letters are counted by themselves. */
const SINKS = `${JOB}, kind=~"sink/.+", kind!="sink/dead-letters"`;
/** Sinks emit nothing. */
const NO_SINKS = `${JOB}, kind!~"sink/.+"`;
const INFERENCE = `${JOB}, kind="transform/onnx"`;

/** Of each job the operator with the most: one that only gets a part would be counted twice. */
function furthest(metric: string, matchers: string): string {
  return `sum(max by (job_name) (${sumBy('job_name, operator', rate(metric, matchers))}))`;
}

const NOW: RowDefinition = {
  title: 'Now',
  height: 4,
  panels: [
    stat({
      title: 'State',
      about: 'State of each chosen job. RESTARTING for long: see its exceptions (sluice job <id>).',
      unit: 'none',
      width: 3,
      thresholds: NEUTRAL,
      showsLegend: true,
      queries: [
        { expr: `max by (job_name, state) (sluice_job_state{${JOB}})`, legend: '{{state}}' },
      ],
    }),
    stat({
      title: 'Read',
      about: 'Records (of the main job: images) that the sources emit each second.',
      unit: 'recps',
      width: 3,
      thresholds: NEUTRAL,
      hasLine: true,
      queries: [
        { expr: `sum(${rate('sluice_operator_records_out_total', SOURCES)})`, legend: 'read' },
      ],
    }),
    stat({
      title: 'Latency (p99)',
      about: "From the source's read of a record to its sink, 99th percentile.",
      unit: 's',
      width: 3,
      decimals: 2,
      thresholds: rising(1, 5),
      hasLine: true,
      queries: [
        {
          expr: quantile(0.99, {
            metric: 'sluice_end_to_end_latency_seconds',
            matchers: JOB,
            by: [],
          }),
          legend: 'p99',
        },
      ],
    }),
    stat({
      title: 'Waiting splits',
      about: 'Found by the sources and not given to a reader yet: files, or ranges.',
      unit: 'short',
      width: 3,
      thresholds: NEUTRAL,
      hasLine: true,
      queries: [{ expr: `sum(sluice_source_backlog_splits{${JOB}})`, legend: 'waiting' }],
    }),
    stat({
      title: 'Rejected',
      about: 'Dead letters per record read, over the last window: corrupt, too large, unreadable.',
      unit: 'percentunit',
      width: 3,
      min: 0,
      decimals: 2,
      thresholds: rising(0.05, 0.2),
      hasLine: true,
      queries: [
        {
          expr: `sum(${rate('sluice_job_dead_letters_total', JOB)}) / sum(${rate('sluice_operator_records_out_total', SOURCES)})`,
          legend: 'rejected',
        },
      ],
    }),
    stat({
      title: 'Restarts',
      about: 'Starts after a failure in the chosen time range.',
      unit: 'short',
      width: 3,
      decimals: 0,
      thresholds: anyIs('orange'),
      queries: [
        { expr: `sum(increase(sluice_job_restarts_total{${JOB}}[$__range]))`, legend: 'restarts' },
      ],
    }),
    stat({
      title: 'Rescales',
      about: 'Starts to use other slots in the chosen time range.',
      unit: 'short',
      width: 3,
      decimals: 0,
      thresholds: NEUTRAL,
      queries: [
        { expr: `sum(increase(sluice_job_rescales_total{${JOB}}[$__range]))`, legend: 'rescales' },
      ],
    }),
    stat({
      title: 'Age of checkpoint',
      about: 'What a failure now would repeat. The dashboard "Sluice: checkpoints" says more.',
      unit: 's',
      width: 3,
      decimals: 0,
      thresholds: NEUTRAL,
      hasLine: true,
      queries: [{ expr: `max(sluice_checkpoint_age_seconds{${JOB}})`, legend: 'age' }],
    }),
  ],
};

function stageLatency(name: string, q: number): PanelDefinition {
  return graph({
    title: `Latency by stage (${name})`,
    about: `A record's time in each stage: files is the read, image-tensor the decoding, onnx waiting, batching and running. ${q === 0.99 ? 'The goal of inference is below 100 ms.' : 'Synchronous operators have none.'}`,
    unit: 's',
    width: 8,
    min: 0,
    ...(q === 0.99 ? { thresholds: rising(0.1, 1) } : {}),
    queries: [
      {
        expr: quantile(q, {
          metric: 'sluice_operator_latency_seconds',
          matchers: JOB,
          by: ['job_name', 'operator'],
        }),
        legend: '{{job_name}} {{operator}}',
      },
    ],
  });
}

const FLOW: RowDefinition = {
  title: 'Throughput and latency',
  height: 9,
  panels: [
    graph({
      title: 'Throughput by operator',
      about:
        'Records that each operator emits. The lowest line of a chain without filters is what the job does.',
      unit: 'recps',
      width: 12,
      min: 0,
      queries: [
        {
          expr: sumBy('job_name, operator', rate('sluice_operator_records_out_total', NO_SINKS)),
          legend: '{{job_name}} {{operator}}',
        },
      ],
    }),
    graph({
      title: 'End-to-end latency',
      about: "From the source's read of a record to its sink, over all sinks of the chosen jobs.",
      unit: 's',
      width: 12,
      min: 0,
      queries: quantiles({ metric: 'sluice_end_to_end_latency_seconds', matchers: JOB, by: [] }),
    }),
    graph({
      title: 'Images read, classified, stored',
      about:
        'The three should run together. Read above classified: inference is the limit; classified above stored: the sinks are.',
      unit: 'recps',
      width: 12,
      min: 0,
      queries: [
        { expr: `sum(${rate('sluice_operator_records_out_total', SOURCES)})`, legend: 'read' },
        { expr: furthest('sluice_operator_records_out_total', INFERENCE), legend: 'classified' },
        { expr: furthest('sluice_operator_records_in_total', SINKS), legend: 'stored' },
      ],
    }),
    heatmap({
      title: 'End-to-end latency, all records',
      about:
        'How many records took how long. Two bands are two kinds of records: a slow node, a large image.',
      unit: 's',
      width: 12,
      queries: buckets({ metric: 'sluice_end_to_end_latency_seconds', matchers: JOB }),
    }),
    stageLatency('p50', 0.5),
    stageLatency('p95', 0.95),
    stageLatency('p99', 0.99),
  ],
};

const RECORDS: RowDefinition = {
  title: 'Records and sources',
  height: 8,
  panels: [
    graph({
      title: 'Records in',
      about: 'Records that reach each operator.',
      unit: 'recps',
      width: 8,
      min: 0,
      queries: [
        {
          expr: `${sumBy('job_name, operator', rate('sluice_operator_records_in_total', JOB))} > 0`,
          legend: '{{job_name}} {{operator}}',
        },
      ],
    }),
    graph({
      title: 'Records rejected',
      about:
        'Dead letters by the operator that rejected them. Their rows name object, code and message.',
      unit: 'recps',
      noValue: 'None rejected',
      width: 8,
      min: 0,
      thresholds: rising(1, 10),
      queries: [
        {
          expr: `${sumBy('job_name, operator', rate('sluice_operator_records_rejected_total', JOB))} > 0`,
          legend: '{{job_name}} {{operator}}',
        },
      ],
    }),
    graph({
      title: 'Dead letters so far',
      about: 'Of each job since it was submitted (or since another leader took it over).',
      unit: 'short',
      width: 8,
      min: 0,
      queries: [
        {
          expr: `sum by (job_name) (sluice_job_dead_letters_total{${JOB}})`,
          legend: '{{job_name}}',
        },
      ],
    }),
    graph({
      title: 'Backlog',
      about:
        'Found and not given to a reader. It may rise after a burst; if it rises all day, the job needs more slots.',
      unit: 'short',
      width: 8,
      min: 0,
      queries: [
        {
          expr: sumBy('job_name, operator', `sluice_source_backlog_splits{${JOB}}`),
          legend: '{{job_name}} {{operator}}',
        },
      ],
    }),
    graph({
      title: 'Splits found and taken',
      about:
        'What sources discover each second, and what they emit. Found above emitted: the backlog grows.',
      unit: 'cps',
      width: 8,
      min: 0,
      queries: [
        {
          expr: sumBy('job_name, operator', rate('sluice_source_splits_discovered_total', JOB)),
          legend: 'found {{job_name}} {{operator}}',
        },
        {
          expr: sumBy('job_name, operator', rate('sluice_operator_records_out_total', SOURCES)),
          legend: 'emitted {{job_name}} {{operator}}',
        },
      ],
    }),
    graph({
      title: 'Time to work off the backlog',
      about:
        'The backlog over the present rate of its source, if nothing new came. Nothing is shown while a source emits nothing.',
      unit: 's',
      width: 8,
      min: 0,
      queries: [
        {
          expr: `${sumBy('job_name, operator', `sluice_source_backlog_splits{${JOB}}`)} / (${sumBy('job_name, operator', rate('sluice_operator_records_out_total', SOURCES))} > 0)`,
          legend: '{{job_name}} {{operator}}',
        },
      ],
    }),
  ],
};

export const JOB_DASHBOARD: DashboardDefinition = {
  uid: 'sluice-job',
  title: 'Sluice: job',
  about: 'Does a job keep up, how long do its records take, and what holds it back?',
  variables: [DEPLOYMENT, JOB_NAME],
  annotations: [FIRING_ALERTS, LEADER_CHANGES, JOB_RESTARTS, JOB_RESCALES],
  rows: [NOW, FLOW, RECORDS, ...JOB_INSIDE],
};
