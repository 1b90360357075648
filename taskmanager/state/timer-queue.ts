import type { StateKey } from './state-key.ts';

export interface QueuedTimer {
  readonly timestampMs: number;
  readonly key: StateKey;
}

/** A binary heap: the earliest first. */
export class TimerQueue {
  readonly #timers: QueuedTimer[] = [];

  get first(): QueuedTimer | null {
    return this.#timers[0] ?? null;
  }

  push(timer: QueuedTimer): void {
    const timers = this.#timers;
    let index = timers.length;
    timers.push(timer);
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = timers[parentIndex] as QueuedTimer;
      if (parent.timestampMs <= timer.timestampMs) break;
      timers[index] = parent;
      index = parentIndex;
    }
    timers[index] = timer;
  }

  pop(): void {
    const timers = this.#timers;
    const last = timers.pop();
    if (last === undefined || timers.length === 0) return;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= timers.length) break;
      const right = timers[childIndex + 1];
      if (right !== undefined && right.timestampMs < timeOf(timers[childIndex])) childIndex += 1;
      const child = timers[childIndex] as QueuedTimer;
      if (child.timestampMs >= last.timestampMs) break;
      timers[index] = child;
      index = childIndex;
    }
    timers[index] = last;
  }
}

function timeOf(timer: QueuedTimer | undefined): number {
  return timer?.timestampMs ?? Number.POSITIVE_INFINITY;
}
