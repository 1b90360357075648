import type { CancelTimer, Clock } from '../../../shared/time/clock.ts';

/**
 * Time that jumps from event to event, in the same order for the same seed. Between two events all
 * promises settle, if the event was one that promises wait for.
 */
export class SimulatedTime implements Clock {
  #nowMs = 0;
  #order = 0;
  #events: { readonly dueMs: number; readonly order: number; readonly callback: () => void }[] = [];
  #isAwaited = false;
  events = 0;

  nowMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** As everything that promises may wait for. */
  setTimer(delayMs: number, callback: () => void): CancelTimer {
    return this.plan(delayMs, () => {
      this.#isAwaited = true;
      callback();
    });
  }

  /** As `setTimer`, for callbacks that settle no promise. */
  plan(delayMs: number, callback: () => void): CancelTimer {
    this.#order += 1;
    const event = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, callback };
    this.#events.push(event);
    return () => {
      this.#events = this.#events.filter((other) => other !== event);
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.setTimer(delayMs, resolve));
  }

  /** Something that promises wait for has happened in the event that runs. */
  awaited(): void {
    this.#isAwaited = true;
  }

  async runUntil(untilMs: number, isOver: () => boolean): Promise<void> {
    await settle();
    while (!isOver()) {
      const [first, ...rest] = this.#events;
      if (first === undefined) return;
      let next = first;
      for (const event of rest) {
        if (event.dueMs < next.dueMs || (event.dueMs === next.dueMs && event.order < next.order)) {
          next = event;
        }
      }
      if (next.dueMs > untilMs) return;
      this.#events.splice(this.#events.indexOf(next), 1);
      this.#nowMs = next.dueMs;
      this.events += 1;
      next.callback();
      if (!this.#isAwaited) continue;
      this.#isAwaited = false;
      await settle();
    }
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
