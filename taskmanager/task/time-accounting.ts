import type { Clock } from '../../shared/time/clock.ts';

/** What a task does between two turns of its loop. */
export type WaitReason =
  /** It has more to do, or its own operators are at work. */
  | 'busy'
  /** No input. */
  | 'idle'
  /** An output has no credit. */
  | 'back-pressured';

/**
 * Where a task's time goes, for the price of two clock readings a turn: the turns themselves are
 * busy, the time between them is what the last turn ended with.
 */
export class TimeAccounting {
  readonly #clock: Clock;
  readonly #totalsMs: Record<WaitReason, number> = { busy: 0, idle: 0, 'back-pressured': 0 };
  #since: number;
  #reason: WaitReason = 'idle';

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.monotonicMs();
  }

  /** From now on the time belongs to `reason`. */
  enter(reason: WaitReason): void {
    const nowMs = this.#clock.monotonicMs();
    this.#totalsMs[this.#reason] += nowMs - this.#since;
    this.#since = nowMs;
    this.#reason = reason;
  }

  /** Totals up to now, milliseconds. */
  totalsMs(): Readonly<Record<WaitReason, number>> {
    this.enter(this.#reason);
    return this.#totalsMs;
  }
}
