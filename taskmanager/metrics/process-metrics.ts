import process from 'node:process';
import {
  type EventLoopDelay,
  EventLoopMeter,
} from '../../shared/observability/event-loop-delay.ts';
import type { ProcessMetrics } from '../../shared/observability/subtask-metrics.ts';
import type { Clock } from '../../shared/time/clock.ts';

/** What this process uses, for heartbeats; each reading covers the time since the one before. */
export class ProcessMeter {
  readonly #clock: Clock;
  readonly #eventLoop: EventLoopMeter;
  #cpuUsedUs = 0;
  #readAtMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#eventLoop = new EventLoopMeter(clock);
    this.#readAtMs = clock.monotonicMs();
    this.#cpuUsedUs = cpuUsedUs();
  }

  /** Starts a new period. */
  read(): ProcessMetrics {
    const nowMs = this.#clock.monotonicMs();
    const usedUs = cpuUsedUs();
    const elapsedMs = Math.max(1, nowMs - this.#readAtMs);
    const cpuCoresUsed = (usedUs - this.#cpuUsedUs) / 1000 / elapsedMs;
    this.#readAtMs = nowMs;
    this.#cpuUsedUs = usedUs;
    const eventLoopDelayMs = this.eventLoop().p99Ms;
    return { rssBytes: process.memoryUsage.rss(), cpuCoresUsed, eventLoopDelayMs };
  }

  /** Of the main thread. */
  eventLoop(): EventLoopDelay {
    return this.#eventLoop.read();
  }

  stop(): void {
    this.#eventLoop.stop();
  }
}

function cpuUsedUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
