import type { Barrier } from '../../shared/record/stream-event.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import type { Mailbox } from '../operators/operator-context.ts';

/**
 * When barriers stop waiting for what is in front of them: at once where they come unaligned, or
 * after the alignment time-out. The settings of a job without time-out, or without alignment, let
 * none overtake; nor does a savepoint's barrier or a last one, behind which operators finish.
 */
export class OvertakingBarriers {
  readonly #clock: Clock;
  readonly #mailbox: Mailbox;
  readonly #timeoutMs: number | null;
  #waitingFor = Number.NEGATIVE_INFINITY;
  #cancelTimer: CancelTimer = () => {};

  constructor(options: {
    readonly clock: Clock;
    readonly mailbox: Mailbox;
    /** Null: never. */
    readonly timeoutMs: number | null;
  }) {
    this.#clock = options.clock;
    this.#mailbox = options.mailbox;
    this.#timeoutMs = options.timeoutMs;
  }

  /** How long this barrier waits; null: until it is its turn. */
  patienceMs(barrier: Barrier): number | null {
    if (barrier.purpose !== 'checkpoint' || barrier.alignment === 'at-least-once') return null;
    return barrier.alignment === 'unaligned' ? 0 : this.#timeoutMs;
  }

  /** Calls back, as a mail, when the barrier's patience is over; once for each checkpoint's first. */
  await(barrier: Barrier, overtake: () => void): void {
    const patienceMs = this.patienceMs(barrier);
    if (patienceMs === null) return;
    if (patienceMs <= 0) {
      this.#mailbox.execute(overtake);
      return;
    }
    if (barrier.checkpointId <= this.#waitingFor) return;
    this.#waitingFor = barrier.checkpointId;
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.setTimer(patienceMs, () => this.#mailbox.execute(overtake));
  }

  close(): void {
    this.#cancelTimer();
  }
}
