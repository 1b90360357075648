import type { RestartSettings } from '../../shared/checkpoint/checkpoint-settings.ts';

export type RestartDecision =
  | { readonly kind: 'restart'; readonly delayMs: number }
  /** The strategy allows no further restart. */
  | { readonly kind: 'give-up'; readonly reason: string };

/**
 * Flink's restart strategies: asked at every failure whether the job restarts, and after what delay.
 * Pure: time comes with the calls, in milliseconds, and never runs backwards for it.
 *
 * One thing differs: the exponential delay is the initial one again not only when the job ran for
 * `resetAfterMs`, but also when a checkpoint completed after the last restart. The delay protects
 * from a job that fails over and over without getting anywhere; one that got somewhere, and then
 * loses the next machine, should not wait.
 */
export class RestartBackoff {
  readonly #settings: RestartSettings;
  #restarts = 0;
  /** When the last failures were; for `failure-rate`, at most `failuresMax`. */
  readonly #failuresAtMs: number[] = [];
  #lastFailureAtMs = Number.NEGATIVE_INFINITY;
  #delayMs = 0;

  constructor(settings: RestartSettings) {
    this.#settings = settings;
  }

  onFailure(nowMs: number): RestartDecision {
    const settings = this.#settings;
    switch (settings.strategy) {
      case 'none':
        return { kind: 'give-up', reason: 'its restart strategy is none' };
      case 'fixed-delay':
        return this.#fixedDelay(settings);
      case 'exponential-delay':
        return this.#exponentialDelay(settings, nowMs);
      case 'failure-rate':
        return this.#failureRate(settings, nowMs);
      default:
        return settings satisfies never;
    }
  }

  /** A checkpoint completed: what the job does from here on is new. */
  onProgress(): void {
    this.#delayMs = 0;
  }

  #fixedDelay(settings: Extract<RestartSettings, { strategy: 'fixed-delay' }>): RestartDecision {
    const { attempts, delayMs } = settings;
    if (this.#restarts >= attempts) {
      return { kind: 'give-up', reason: `it was restarted ${times(attempts)} before` };
    }
    this.#restarts += 1;
    return { kind: 'restart', delayMs };
  }

  #exponentialDelay(
    settings: Extract<RestartSettings, { strategy: 'exponential-delay' }>,
    nowMs: number,
  ): RestartDecision {
    const { initialDelayMs, delayMaxMs, factor, resetAfterMs } = settings;
    const isFirst = this.#delayMs === 0 || nowMs - this.#lastFailureAtMs >= resetAfterMs;
    this.#delayMs = Math.min(delayMaxMs, isFirst ? initialDelayMs : this.#delayMs * factor);
    // From the restart on, not from the failure: the wait itself proves nothing.
    this.#lastFailureAtMs = nowMs + this.#delayMs;
    return { kind: 'restart', delayMs: this.#delayMs };
  }

  #failureRate(
    settings: Extract<RestartSettings, { strategy: 'failure-rate' }>,
    nowMs: number,
  ): RestartDecision {
    const { failuresMax, intervalMs, delayMs } = settings;
    const failures = this.#failuresAtMs;
    while (failures.length > 0 && (failures[0] ?? 0) <= nowMs - intervalMs) failures.shift();
    if (failures.length >= failuresMax) {
      const reason = `it failed more than ${times(failuresMax)} within ${intervalMs / 1000} s`;
      return { kind: 'give-up', reason };
    }
    failures.push(nowMs);
    return { kind: 'restart', delayMs };
  }
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
