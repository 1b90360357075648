import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '../time/clock.ts';

type IntervalHistogram = ReturnType<typeof monitorEventLoopDelay>;

/** How late a thread's event loop was over the last 10 to 20 seconds. Plain data. */
export interface EventLoopDelay {
  readonly p99Ms: number;
  readonly maxMs: number;
}

const RESOLUTION_MS = 20;
const PERIOD_MS = 10_000;

/**
 * Measures its own thread, so that a scrape every 15 s misses nothing: two histograms take turns, the
 * older one answers, and each is emptied when it has run for two periods. Whoever reads changes nothing
 * for others who do.
 */
export class EventLoopMeter {
  readonly #clock: Clock;
  #older: IntervalHistogram;
  #newer: IntervalHistogram;
  #turnedAtMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#older = startedHistogram();
    this.#newer = startedHistogram();
    this.#turnedAtMs = clock.monotonicMs();
  }

  /** To be called at least every 10 s, or the time that it covers grows. */
  read(): EventLoopDelay {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#turnedAtMs >= PERIOD_MS) {
      [this.#older, this.#newer] = [this.#newer, this.#older];
      this.#newer.reset();
      this.#turnedAtMs = nowMs;
    }
    const histogram = this.#older;
    // Empty: its maximum is 0, its percentiles are its smallest value.
    if (histogram.count === 0) return { p99Ms: 0, maxMs: 0 };
    return { p99Ms: delayMs(histogram.percentile(99)), maxMs: delayMs(histogram.max) };
  }

  stop(): void {
    this.#older.disable();
    this.#newer.disable();
  }
}

function startedHistogram(): IntervalHistogram {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return histogram;
}

/** The histogram holds the time between two ticks, the pause that was asked for included. */
function delayMs(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
}
