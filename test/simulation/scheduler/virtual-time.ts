import type { CancelTimer, Clock } from '../../../shared/time/clock.ts';

/** Promises that settle one after the other because of one event, at most. */
const PROMISES_DEEP = 12;

/** Time that jumps from event to event; the events of one seed always come in the same order. */
export class VirtualTime implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #events = new Map<number, { readonly dueMs: number; readonly callback: () => void }>();

  nowMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): CancelTimer {
    this.#order += 1;
    const id = this.#order;
    this.#events.set(id, { dueMs: this.#nowMs + Math.max(0, delayMs), callback });
    return () => this.#events.delete(id);
  }

  /** Runs what is due until then, with the promises that it settles, and `afterEach` behind it. */
  async runUntil(untilMs: number, afterEach: () => void): Promise<void> {
    for (;;) {
      let next: { id: number; dueMs: number; callback: () => void } | null = null;
      for (const [id, { dueMs, callback }] of this.#events) {
        if (next === null || dueMs < next.dueMs) next = { id, dueMs, callback };
      }
      if (next === null || next.dueMs > untilMs) break;
      this.#events.delete(next.id);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
      for (let turn = 0; turn < PROMISES_DEEP; turn += 1) await null;
      afterEach();
    }
    this.#nowMs = untilMs;
  }
}

/** Repeatable randomness (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.next() * items.length)] as Item;
  }
}
