import type { Clock } from '../../shared/time/clock.ts';

/** Something that runs in turns: a task of the slot. */
export interface Runnable {
  /** Works until there is nothing to do, or until the quota is spent; true: there is more. */
  runTurn(quota: TurnQuota): boolean;
}

/** How long one turn may last. Reading the clock costs as much as a record: ask once for some. */
export interface TurnQuota {
  isSpent(): boolean;
}

/** Lets the event loop (ports, sockets, timers) have its turn, then calls back. */
export type Yield = (callback: () => void) => void;

/** A turn's length: long enough to pay for its start, short enough for timers and heartbeats. */
const TURN_MS = 5;

/**
 * The loop of one slot: its tasks take turns on the slot's thread, and between two rounds the event
 * loop runs. Event-driven: a task that has nothing to do costs nothing until `wake`.
 */
export class TaskLoop {
  readonly #clock: Clock;
  readonly #yield: Yield;
  #woken = new Set<Runnable>();
  #isScheduled = false;

  constructor(clock: Clock, yieldTurn: Yield) {
    this.#clock = clock;
    this.#yield = yieldTurn;
  }

  /** The task's turn comes soon; needless calls cost little and do nothing. */
  wake(task: Runnable): void {
    this.#woken.add(task);
    this.#schedule();
  }

  /** The task's turn comes no more, unless it is woken again. */
  remove(task: Runnable): void {
    this.#woken.delete(task);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#yield(() => {
      this.#isScheduled = false;
      this.#runRound();
    });
  }

  #runRound(): void {
    const round = this.#woken;
    this.#woken = new Set();
    for (const task of round) {
      const endsAtMs = this.#clock.monotonicMs() + TURN_MS;
      const hasMore = task.runTurn({ isSpent: () => this.#clock.monotonicMs() >= endsAtMs });
      if (hasMore) this.wake(task);
    }
  }
}
