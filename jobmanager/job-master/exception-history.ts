import { EXCEPTIONS_MAX } from '../../shared/rest/rest-limits.ts';
import type { JobException, JobFailure } from '../../shared/rest/rest-types.ts';

/** What a job failed of: its last restarts and its end. Bounded, newest first. */
export class ExceptionHistory {
  #entries: readonly JobException[] = [];
  #restarts = 0;

  get entries(): readonly JobException[] {
    return this.#entries;
  }

  /** How often a failure was followed by a restart, since there are entries. */
  get restarts(): number {
    return this.#restarts;
  }

  add(failure: JobFailure, outcome: JobException['outcome']): void {
    if (outcome === 'restarted') this.#restarts += 1;
    this.#entries = [{ ...failure, outcome }, ...this.#entries].slice(0, EXCEPTIONS_MAX);
  }

  /** The newest entry named a consequence; this is its cause. */
  correct(failure: JobFailure): void {
    const [newest, ...rest] = this.#entries;
    if (newest !== undefined) this.#entries = [{ ...failure, outcome: newest.outcome }, ...rest];
  }
}
