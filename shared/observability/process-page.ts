/** The metrics that every process has of itself, on the page of either manager. */
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import process from 'node:process';
import { getHeapStatistics } from 'node:v8';
import type { Registry } from 'prom-client';
import { SLUICE_VERSION } from '../config/version.ts';
import { REQUEST_OUTCOMES, type StorageTotals } from '../filesystem/storage-meter.ts';
import type { RefusedConnections } from '../security/refused-connections.ts';
import { derivedCounter, derivedGauge, oncePerTurn, single } from './derived-metrics.ts';
import type { EventLoopDelay } from './event-loop-delay.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { LatencyHistogramMetric } from './metrics-registry.ts';

export interface MeasuredProcess {
  /** Of every thread that has one to speak of, by its name. */
  readonly eventLoops: () => Iterable<{ readonly thread: string; readonly delay: EventLoopDelay }>;
  /** What all threads asked of S3. */
  readonly storage: () => StorageTotals;
  readonly security: MeasuredSecurity;
}

/** What a process shows of itself to those who connect, and whom it keeps out. */
export interface MeasuredSecurity {
  /** Wall clock, milliseconds; null: without TLS. */
  readonly certificateExpiresAtMs: () => number | null;
  readonly refused: RefusedConnections;
}

export function processMetrics(measured: MeasuredProcess, registry: Registry): void {
  buildMetrics(registry);
  resourceMetrics(registry);
  eventLoopMetrics(measured, registry);
  storageMetrics(measured, registry);
  securityMetrics(measured, registry);
}

function buildMetrics(registry: Registry): void {
  derivedGauge(registry, {
    name: 'sluice_build_info',
    help: 'Always 1; its labels say what runs.',
    labelNames: ['version', 'node'],
    values: () => [{ labels: { version: SLUICE_VERSION, node: process.version }, value: 1 }],
  });
  derivedGauge(registry, {
    name: 'sluice_uptime_seconds',
    help: 'Since the process began.',
    values: () => single(process.uptime()),
  });
}

function resourceMetrics(registry: Registry): void {
  derivedGauge(registry, {
    name: 'sluice_memory_limit_bytes',
    help: 'What the process may use: the limit of its control group, or all of the machine.',
    values: () => single(memoryLimitBytes()),
  });
  derivedGauge(registry, {
    name: 'sluice_nodejs_heap_size_limit_bytes',
    help: "What the main thread's heap may grow to.",
    values: () => single(getHeapStatistics().heap_size_limit),
  });
  derivedGauge(registry, {
    name: 'sluice_host_cpus',
    help: 'Processors that the process may use.',
    values: () => single(availableParallelism()),
  });
  derivedCounter(registry, {
    name: 'sluice_host_cpu_seconds_total',
    help: 'Time of all processors of the machine, by what they did.',
    labelNames: ['mode'],
    values: hostCpuSeconds,
  });
  derivedGauge(registry, {
    name: 'sluice_host_memory_total_bytes',
    help: 'Memory of the machine.',
    values: () => single(totalmem()),
  });
  derivedGauge(registry, {
    name: 'sluice_host_memory_available_bytes',
    help: 'Memory of the machine that could be had.',
    values: () => single(freemem()),
  });
}

function* hostCpuSeconds() {
  const sums = { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 };
  for (const { times } of cpus()) {
    for (const mode of Object.keys(sums) as (keyof typeof sums)[]) sums[mode] += times[mode];
  }
  const { sys: system, ...others } = sums;
  for (const [mode, timeMs] of Object.entries({ ...others, system })) {
    yield { labels: { mode }, value: timeMs / 1000 };
  }
}

/** Without a limit the system names a number beyond any machine, or none. */
function memoryLimitBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

function eventLoopMetrics({ eventLoops }: MeasuredProcess, registry: Registry): void {
  const gauges = [
    ['p99', 'p99Ms', 'How late timers of a thread were over the last 10 to 20 s, 99th percentile.'],
    ['max', 'maxMs', 'How late timers of a thread were over the last 10 to 20 s, at most.'],
  ] as const;
  for (const [name, field, help] of gauges) {
    derivedGauge(registry, {
      name: `sluice_event_loop_delay_${name}_seconds`,
      help,
      labelNames: ['thread'],
      *values() {
        for (const { thread, delay } of eventLoops()) {
          yield { labels: { thread }, value: delay[field] / 1000 };
        }
      },
    });
  }
}

function storageMetrics({ storage }: MeasuredProcess, registry: Registry): void {
  const totals = oncePerTurn(storage);
  derivedCounter(registry, {
    name: 'sluice_s3_requests_total',
    help: 'Requests to S3, every try counted, by how they ended.',
    labelNames: ['operation', 'outcome'],
    *values() {
      for (const { operation, outcomes } of totals().operations) {
        for (const outcome of REQUEST_OUTCOMES) {
          yield { labels: { operation, outcome }, value: outcomes[outcome] ?? 0 };
        }
      }
    },
  });
  derivedCounter(registry, {
    name: 'sluice_s3_retries_total',
    help: 'Requests to S3 that repeated one which had failed.',
    labelNames: ['operation'],
    *values() {
      for (const { operation, retries } of totals().operations) {
        yield { labels: { operation }, value: retries };
      }
    },
  });
  new LatencyHistogramMetric({
    name: 'sluice_s3_request_duration_seconds',
    help: 'From a request to the end of its answer, every try counted.',
    labelNames: ['operation'],
    registry,
    *samples() {
      for (const { operation, latency } of totals().operations) {
        const histogram = new LatencyHistogram();
        histogram.merge(latency);
        yield { labels: { operation }, histogram };
      }
    },
  });
  derivedCounter(registry, {
    name: 'sluice_s3_sent_bytes_total',
    help: 'Bodies of requests to S3.',
    values: () => single(totals().bytesSent),
  });
  derivedCounter(registry, {
    name: 'sluice_s3_received_bytes_total',
    help: 'Bodies of answers from S3.',
    values: () => single(totals().bytesReceived),
  });
}

function securityMetrics({ security }: MeasuredProcess, registry: Registry): void {
  derivedGauge(registry, {
    name: 'sluice_certificate_not_after_timestamp_seconds',
    help: 'With TLS: when the certificate in use, or its authority, expires; since 1970.',
    *values() {
      const expiresAtMs = security.certificateExpiresAtMs();
      if (expiresAtMs !== null) yield { labels: {}, value: expiresAtMs / 1000 };
    },
  });
  derivedCounter(registry, {
    name: 'sluice_connections_refused_total',
    help: 'Connections that a listener ended because of who it was, by the reason.',
    labelNames: ['listener', 'reason'],
    *values() {
      for (const { listener, reason, count } of security.refused.totals()) {
        yield { labels: { listener: labelOf(listener), reason }, value: count };
      }
    },
  });
}

/** `data plane` is `data_plane`. */
function labelOf(listener: string): string {
  return listener.toLowerCase().replaceAll(' ', '_');
}
