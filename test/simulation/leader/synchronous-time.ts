import type { CancelTimer } from '../../../shared/time/clock.ts';

/** Time that jumps from event to event, for what never awaits. */
export class SynchronousTime {
  #nowMs = 0;
  #order = 0;
  readonly #events = new Map<number, { readonly dueMs: number; readonly callback: () => void }>();

  get nowMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): CancelTimer {
    this.#order += 1;
    const id = this.#order;
    this.#events.set(id, { dueMs: this.#nowMs + Math.max(0, delayMs), callback });
    return () => this.#events.delete(id);
  }

  /** Runs what is due until then, and `afterEach` behind every event. */
  runUntil(untilMs: number, afterEach: () => void): void {
    for (;;) {
      let next: { id: number; dueMs: number; callback: () => void } | null = null;
      for (const [id, { dueMs, callback }] of this.#events) {
        if (next === null || dueMs < next.dueMs) next = { id, dueMs, callback };
      }
      if (next === null || next.dueMs > untilMs) break;
      this.#events.delete(next.id);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
      afterEach();
    }
    this.#nowMs = untilMs;
  }
}
