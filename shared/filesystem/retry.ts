import type { Clock } from '../time/clock.ts';
import { pause } from '../time/pause.ts';

export interface RetryOptions {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Calls beside the first one. */
  readonly retriesMax: number;
  /** So long after the first failure calls go on beyond `retriesMax`; asked at each failure. */
  readonly patienceMs?: () => number;
  readonly isRetryable: (error: unknown) => boolean;
  /** Ends the pause between two calls. */
  readonly signal: AbortSignal;
}

const DELAY_BASE_MS = 100;
const DELAY_MAX_MS = 10_000;

/**
 * Calls until it succeeds, fails for good, or retries and patience are used up; then the last error is
 * thrown. Pauses are drawn from [0, 100 ms · 2ⁿ) ("full jitter"), so that many clients that were
 * refused together do not come back together. `attempt` counts from 0.
 */
export async function retryWithBackoff<T>(
  call: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { clock, patienceMs = () => 0 } = options;
  let failedAtMs: number | null = null;
  for (let attempt = 0; ; attempt++) {
    try {
      return await call(attempt);
    } catch (error) {
      failedAtMs ??= clock.monotonicMs();
      const isPatient = clock.monotonicMs() - failedAtMs < patienceMs();
      const isUsedUp = attempt >= options.retriesMax && !isPatient;
      if (isUsedUp || options.signal.aborted || !options.isRetryable(error)) throw error;
      const ceilingMs = Math.min(DELAY_MAX_MS, DELAY_BASE_MS * 2 ** attempt);
      await pause(clock, options.random() * ceilingMs, options.signal);
      if (options.signal.aborted) throw error;
    }
  }
}
