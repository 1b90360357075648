/** The rows of the cluster's dashboard about its processes: resources, S3, connections. */
import { falling, graph, type RowDefinition, rising, table } from './panel-definition.ts';
import { CLUSTER, PROCESS, quantile, quantiles, rate, sumBy } from './queries.ts';

const DAY_SECONDS = 86_400;

const PROCESSES: RowDefinition = {
  title: 'Processes against their limits',
  height: 8,
  panels: [
    graph({
      title: 'CPU in use',
      about:
        'Share of the processors that the process may use. Near 1 for long: add task managers.',
      unit: 'percentunit',
      width: 8,
      min: 0,
      thresholds: rising(0.9, 1),
      queries: [
        {
          expr: `${rate('sluice_process_cpu_seconds_total', PROCESS)} / sluice_host_cpus{${PROCESS}}`,
          legend: '{{process}} {{instance}}',
        },
      ],
    }),
    graph({
      title: 'Memory in use',
      about:
        'Resident memory over the limit of the control group (or the machine). At 1 the kernel ends it.',
      unit: 'percentunit',
      width: 8,
      min: 0,
      max: 1,
      thresholds: rising(0.8, 0.9),
      queries: [
        {
          expr: `sluice_process_resident_memory_bytes{${PROCESS}} / sluice_memory_limit_bytes{${PROCESS}}`,
          legend: '{{process}} {{instance}}',
        },
      ],
    }),
    graph({
      title: 'Resident memory',
      about: 'The same in bytes; dashed, the lowest limit of any of the processes.',
      unit: 'bytes',
      width: 8,
      min: 0,
      limits: '^lowest limit$',
      queries: [
        {
          expr: `sluice_process_resident_memory_bytes{${PROCESS}}`,
          legend: '{{process}} {{instance}}',
        },
        { expr: `min(sluice_memory_limit_bytes{${PROCESS}})`, legend: 'lowest limit' },
      ],
    }),
    graph({
      title: 'Event-loop delay (p99)',
      about:
        'How late timers are, by thread. The main thread answers heartbeats: seconds here look like a lost process.',
      unit: 's',
      width: 8,
      min: 0,
      thresholds: rising(0.1, 1),
      queries: [
        {
          expr: `max by (instance, thread) (sluice_event_loop_delay_p99_seconds{${PROCESS}})`,
          legend: '{{instance}} {{thread}}',
        },
      ],
    }),
    graph({
      title: 'Event-loop delay (longest)',
      about: 'The longest stall of the last 10 to 20 seconds, by thread.',
      unit: 's',
      width: 8,
      min: 0,
      thresholds: rising(0.5, 3),
      queries: [
        {
          expr: `max by (instance, thread) (sluice_event_loop_delay_max_seconds{${PROCESS}})`,
          legend: '{{instance}} {{thread}}',
        },
      ],
    }),
    graph({
      title: 'Machines: CPU and memory',
      about:
        'Of each machine as a whole: processors at work, and memory that is not available. Much more than the process uses: something else runs there.',
      unit: 'percentunit',
      width: 8,
      min: 0,
      max: 1,
      queries: [
        {
          expr: `1 - ${sumBy('instance', rate('sluice_host_cpu_seconds_total', `${PROCESS}, mode="idle"`))} / ${sumBy('instance', rate('sluice_host_cpu_seconds_total', PROCESS))}`,
          legend: 'CPU {{instance}}',
        },
        {
          expr: `1 - max by (instance) (sluice_host_memory_available_bytes{${PROCESS}} / sluice_host_memory_total_bytes{${PROCESS}})`,
          legend: 'memory {{instance}}',
        },
      ],
    }),
    graph({
      title: 'CPU by heartbeats',
      about:
        'Cores that each task manager reports to the leader: also of those that Prometheus does not reach.',
      unit: 'none',
      width: 8,
      min: 0,
      queries: [
        {
          expr: `max by (task_manager) (sluice_task_manager_cpu_cores{${CLUSTER}})`,
          legend: '{{task_manager}}',
        },
      ],
    }),
    table({
      title: 'What runs',
      about:
        'Version and age of every process. Two versions at once: an upgrade is under way, or did not end.',
      unit: 'none',
      width: 16,
      columns: [
        { field: 'process', title: 'Process' },
        { field: 'instance', title: 'Address' },
        { field: 'version', title: 'Sluice' },
        { field: 'node', title: 'Node' },
        { field: 'Value', title: 'Up for', unit: 'dtdurations' },
      ],
      queries: [
        {
          expr: `max by (process, instance, version, node) (sluice_build_info{${PROCESS}} * on (instance) group_left () max by (instance) (sluice_uptime_seconds{${PROCESS}}))`,
          legend: 'up for',
        },
      ],
    }),
  ],
};

/** Answers that callers reckon with are no errors. */
const S3_ERRORS = `${PROCESS}, outcome!~"ok|not_found|conflict|cancelled"`;

const S3: RowDefinition = {
  title: 'S3',
  height: 8,
  panels: [
    graph({
      title: 'S3 requests',
      about:
        'Tries of requests by operation. They cost money: ListObjectsV2 and PutObject the most.',
      unit: 'reqps',
      width: 8,
      min: 0,
      isStacked: true,
      queries: [
        {
          expr: sumBy('operation', rate('sluice_s3_requests_total', PROCESS)),
          legend: '{{operation}}',
        },
      ],
    }),
    graph({
      title: 'S3 errors',
      about:
        'Share of the tries that failed, by how. Throttled ones are tried again, more slowly; denied ones are a matter of rights.',
      unit: 'percentunit',
      width: 8,
      min: 0,
      thresholds: rising(0.01, 0.05),
      queries: [
        {
          expr: `${sumBy('outcome', rate('sluice_s3_requests_total', S3_ERRORS))} / ignoring (outcome) group_left () sum(${rate('sluice_s3_requests_total', PROCESS)})`,
          legend: '{{outcome}}',
        },
      ],
    }),
    graph({
      title: 'S3 retries',
      about: 'Requests that repeated one which had failed.',
      unit: 'reqps',
      width: 8,
      min: 0,
      queries: [
        {
          expr: sumBy('operation', rate('sluice_s3_retries_total', PROCESS)),
          legend: '{{operation}}',
        },
      ],
    }),
    graph({
      title: 'S3 latency',
      about: 'From a request to the end of its answer, every try counted, all operations.',
      unit: 's',
      width: 8,
      min: 0,
      queries: quantiles({
        metric: 'sluice_s3_request_duration_seconds',
        matchers: PROCESS,
        by: [],
      }),
    }),
    graph({
      title: 'S3 latency by operation (p99)',
      about: 'The slowest hundredth of the tries of each operation.',
      unit: 's',
      width: 8,
      min: 0,
      thresholds: rising(1, 5),
      queries: [
        {
          expr: quantile(0.99, {
            metric: 'sluice_s3_request_duration_seconds',
            matchers: PROCESS,
            by: ['operation'],
          }),
          legend: '{{operation}}',
        },
      ],
    }),
    graph({
      title: 'S3 traffic',
      about: 'Bodies of requests and answers: images in, results, thumbnails and state out.',
      unit: 'binBps',
      width: 8,
      min: 0,
      queries: [
        { expr: `sum(${rate('sluice_s3_received_bytes_total', PROCESS)})`, legend: 'received' },
        { expr: `sum(${rate('sluice_s3_sent_bytes_total', PROCESS)})`, legend: 'sent' },
      ],
    }),
  ],
};

const SECURITY: RowDefinition = {
  title: 'Connections and certificates',
  height: 8,
  panels: [
    graph({
      title: 'Refused connections',
      about:
        'By listener and reason (docs/metrics.md). Some are scans; steady ones are a member with a wrong certificate, or a script with an old token. The logs name addresses.',
      noValue: 'None refused',
      unit: 'cps',
      width: 12,
      min: 0,
      thresholds: rising(1, 10),
      queries: [
        {
          expr: `${sumBy('listener, reason', rate('sluice_connections_refused_total', PROCESS))} > 0`,
          legend: '{{listener}} {{reason}}',
        },
      ],
    }),
    graph({
      title: 'Certificates expire in',
      about:
        'Until the certificate of each process, or its authority, ends. Ansible renews certificates (certificates.yml) from 30 days before.',
      unit: 'dtdurations',
      width: 12,
      thresholds: falling(7 * DAY_SECONDS, 30 * DAY_SECONDS),
      queries: [
        {
          expr: `min by (process, instance) (sluice_certificate_not_after_timestamp_seconds{${PROCESS}}) - time()`,
          legend: '{{process}} {{instance}}',
        },
      ],
    }),
  ],
};

export const CLUSTER_PROCESSES: readonly RowDefinition[] = [PROCESSES, S3, SECURITY];
