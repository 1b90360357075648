import type { Clock } from '../../shared/time/clock.ts';

/** So long at most the writing of a snapshot holds the slot's thread at a time. */
export const SLICE_MS_MAX = 2;
/** The clock is asked once for so many entries. */
const ENTRIES_PER_LOOK = 128;

/** Cuts long work into slices between which the event loop, and so the task, runs. */
export class Pace {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #left = ENTRIES_PER_LOOK;
  #sliceEndMs: number;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
    this.#sliceEndMs = clock.monotonicMs() + SLICE_MS_MAX;
  }

  /** One entry more is done: true where `rest` is due. */
  isDue(): boolean {
    this.#left -= 1;
    if (this.#left > 0) return false;
    this.#left = ENTRIES_PER_LOOK;
    return this.#clock.monotonicMs() >= this.#sliceEndMs;
  }

  async rest(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#sliceEndMs = this.#clock.monotonicMs() + SLICE_MS_MAX;
  }
}
