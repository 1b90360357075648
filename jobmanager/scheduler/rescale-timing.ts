import type { RescaleDecision } from './rescale-plan.ts';

export interface RescaleTimingOptions {
  /** A job grows when the slots for it have been there for so long. */
  readonly rescaleStabilisationMs: number;
  /** And not sooner after it was moved the last time. */
  readonly rescaleCooldownMs: number;
}

type Move = Extract<RescaleDecision, { kind: 'move' }>;

/**
 * When one job moves to other slots. To grow it waits until what it would grow to has been the same for
 * the stabilisation time, so that task managers that come one by one cost one restart, and until the
 * cooldown is over, so that slots that come and go do not keep it from working. Leaving a task manager
 * is somebody's wish: it happens at once, and is tried again after a pause. Pure; time is monotonic.
 */
export class RescaleTiming {
  readonly #options: RescaleTimingOptions;
  #wish: { readonly name: string; readonly sinceMs: number } | null = null;
  #last: { readonly name: string; readonly atMs: number; readonly moved: boolean } | null = null;

  constructor(options: RescaleTimingOptions) {
    this.#options = options;
  }

  /** When to make this move, as things stand. */
  dueAtMs(move: Move, nowMs: number): number {
    const { rescaleStabilisationMs, rescaleCooldownMs } = this.#options;
    const name = nameOf(move);
    if (this.#wish?.name !== name) this.#wish = { name, sinceMs: nowMs };
    const last = this.#last;
    if (move.leaves.length === 0) {
      const stableAtMs = this.#wish.sinceMs + rescaleStabilisationMs;
      return last === null ? stableAtMs : Math.max(stableAtMs, last.atMs + rescaleCooldownMs);
    }
    if (last?.name !== name) return nowMs;
    return last.atMs + (last.moved ? rescaleCooldownMs : rescaleStabilisationMs);
  }

  /** It would stay where it is, or cannot move now. */
  nothingToDo(): void {
    this.#wish = null;
  }

  /** The move that was begun is carried out, or came to nothing. */
  ended(moved: boolean, nowMs: number): void {
    this.#last = { name: this.#wish?.name ?? '', atMs: nowMs, moved };
    this.#wish = null;
  }
}

function nameOf({ leaves, subtasks }: Move): string {
  return leaves.length > 0 ? `leave ${leaves.join(' ')}` : `grow to ${subtasks}`;
}
