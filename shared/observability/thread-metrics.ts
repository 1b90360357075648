import { StorageMeter, type StorageTotals } from '../filesystem/storage-meter.ts';
import type { Clock } from '../time/clock.ts';
import type { EventLoopDelay } from './event-loop-delay.ts';

/** What a worker thread says of itself. Plain data. */
export interface ThreadMetrics {
  /** `slot-0`: another thread may have had the name before. */
  readonly name: string;
  /** Of this very thread. */
  readonly threadId: number;
  readonly eventLoop: EventLoopDelay;
  readonly storage: StorageTotals;
}

/** What a thread said longer ago is not how it is now. */
const FRESH_MS = 5_000;

/** The threads of a process: what they reported last, and what those counted that have ended. */
export class ThreadMetricsStore {
  readonly #clock: Clock;
  readonly #threads = new Map<string, { metrics: ThreadMetrics; atMs: number }>();
  /** Of threads whose name another one has by now. */
  readonly #endedStorage = new StorageMeter();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  reported(metrics: ThreadMetrics): void {
    const before = this.#threads.get(metrics.name)?.metrics;
    if (before !== undefined && before.threadId !== metrics.threadId) {
      this.#endedStorage.add(before.storage);
    }
    this.#threads.set(metrics.name, { metrics, atMs: this.#clock.monotonicMs() });
  }

  /** Of those that report: idle threads do not. */
  *eventLoops(): Iterable<{ readonly thread: string; readonly delay: EventLoopDelay }> {
    const nowMs = this.#clock.monotonicMs();
    for (const { metrics, atMs } of this.#threads.values()) {
      if (nowMs - atMs < FRESH_MS) yield { thread: metrics.name, delay: metrics.eventLoop };
    }
  }

  /** Of all threads, also the ended ones: its counters never go back. */
  storage(): StorageTotals {
    const sum = new StorageMeter();
    sum.add(this.#endedStorage.totals());
    for (const { metrics } of this.#threads.values()) sum.add(metrics.storage);
    return sum.totals();
  }
}
