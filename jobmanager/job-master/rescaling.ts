import type { JobRescale } from '../../shared/rest/rest-types.ts';

/**
 * A job's moves to other slots, wanted and done: a checkpoint comes first, the restart when it is
 * complete. Pure bookkeeping; the JobMaster decides.
 */
export class Rescaling {
  /** Why; null: none is under way, or its restart has begun. */
  #reason: string | null = null;
  #count = 0;
  #last: JobRescale | null = null;

  /** A checkpoint is taken in order to start from it on other slots. */
  get isUnderWay(): boolean {
    return this.#reason !== null;
  }

  get count(): number {
    return this.#count;
  }

  get last(): JobRescale | null {
    return this.#last;
  }

  begin(reason: string): void {
    this.#reason = reason;
  }

  /** Its checkpoint failed, or something else came first. */
  drop(): void {
    this.#reason = null;
  }

  /** Its checkpoint is complete. */
  carryOut(at: string): void {
    this.#last = { at, reason: this.#reason ?? '' };
    this.#reason = null;
    this.#count += 1;
  }
}
