import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { JobVertex } from '../../shared/job-graph/job-graph.ts';
import type { Execution } from '../execution-graph/execution-graph.ts';
import { subtaskKey } from '../execution-graph/pipelined-regions.ts';
import { betterCause, type RootCause } from './root-cause.ts';

/** The slots that a job waits for. */
export type SlotRequest =
  /** For all of it. */
  | { readonly kind: 'first' }
  /** For these subtasks; the others run. */
  | {
      readonly kind: 'again';
      readonly isAffected: (vertex: JobVertex, subtask: number) => boolean;
    }
  /** For all of it, at any parallelism; its slots count as free. */
  | { readonly kind: 'anew' };

/** What has failed and takes its regions with it. */
export type Failed = readonly Execution[] | 'everything';

/**
 * A restart under way: what it takes in, and how far it is. It waits for the ends of its tasks and for
 * the strategy's delay, side by side, then for slots; failures meanwhile can take in more and lead back
 * to the first of these. Pure bookkeeping; the JobMaster decides.
 */
export class Restart {
  /** Null: nothing failed, the job moves to other slots. */
  cause: RootCause | null;
  delayIsOver = false;
  /** The whole job starts on whatever slots there are, at another parallelism perhaps. */
  anew = false;
  /** The wait for slots in place of lost ones has begun. */
  waitsForReplacement = false;
  readonly #subtasks = new Set<string>();
  #waitsForSlots = false;

  constructor(cause: RootCause | null) {
    this.cause = cause;
  }

  /** All of the job starts again, on the slots that are best by then; nothing failed. */
  static rescale(): Restart {
    const restart = new Restart(null);
    restart.anew = true;
    restart.delayIsOver = true;
    return restart;
  }

  /** A failure while it is under way. Gives the cause that is known by now; null: it needs none. */
  blame(candidate: RootCause): RootCause | null {
    if (this.cause !== null) this.cause = betterCause(this.cause, candidate);
    return this.cause;
  }

  /** Null until everything has ended and the delay is over. */
  get slotRequest(): SlotRequest | null {
    if (!this.#waitsForSlots) return null;
    if (this.anew) return { kind: 'anew' };
    const isAffected = ({ id: vertexId }: JobVertex, subtask: number) =>
      this.#subtasks.has(subtaskKey({ vertexId, subtask }));
    return { kind: 'again', isAffected };
  }

  /** False where it has begun. */
  beginReplacementWait(): boolean {
    const begins = !this.waitsForReplacement;
    this.waitsForReplacement = true;
    return begins;
  }

  includes({ vertex, subtask }: Execution): boolean {
    return this.#subtasks.has(subtaskKey({ vertexId: vertex.id, subtask }));
  }

  /** True where that ends a wait for slots: they would not be for all of it. */
  include(executions: readonly Execution[]): boolean {
    const before = this.#subtasks.size;
    for (const { vertex, subtask } of executions) {
      this.#subtasks.add(subtaskKey({ vertexId: vertex.id, subtask }));
    }
    return this.#subtasks.size > before && this.stopWaitingForSlots();
  }

  waitForSlots(): void {
    this.#waitsForSlots = true;
  }

  /** False where it did not wait. */
  stopWaitingForSlots(): boolean {
    const waited = this.#waitsForSlots;
    this.#waitsForSlots = false;
    return waited;
  }
}

/** Not what the user has to mend: it would only fail again. */
export function isRecoverable({ domain, retry }: SerializedError): boolean {
  return domain !== 'user' || retry !== 'none';
}
