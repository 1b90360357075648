import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import type { ProcessMetrics } from '../../shared/observability/subtask-metrics.ts';
import type { Clock } from '../../shared/time/clock.ts';

const RESOLUTION_MS = 20;

/** What this process uses; each reading covers the time since the one before. */
export class ProcessMeter {
  readonly #clock: Clock;
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #cpuUsedUs = 0;
  #readAtMs: number;
  #last: ProcessMetrics = { rssBytes: 0, cpuCoresUsed: 0, eventLoopDelayMs: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#readAtMs = clock.monotonicMs();
    this.#cpuUsedUs = cpuUsedUs();
    this.#delay.enable();
  }

  /** Starts a new period. */
  read(): ProcessMetrics {
    const nowMs = this.#clock.monotonicMs();
    const usedUs = cpuUsedUs();
    const elapsedMs = Math.max(1, nowMs - this.#readAtMs);
    const p99Ms = this.#delay.percentile(99) / 1e6;
    this.#last = {
      rssBytes: process.memoryUsage.rss(),
      cpuCoresUsed: (usedUs - this.#cpuUsedUs) / 1000 / elapsedMs,
      // The histogram holds the time between two ticks, the pause that was asked for included.
      eventLoopDelayMs: Math.max(0, p99Ms - RESOLUTION_MS),
    };
    this.#readAtMs = nowMs;
    this.#cpuUsedUs = usedUs;
    this.#delay.reset();
    return this.#last;
  }

  /** The last reading, for those who must not start a new period. */
  get last(): ProcessMetrics {
    return this.#last;
  }

  stop(): void {
    this.#delay.disable();
  }
}

function cpuUsedUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
