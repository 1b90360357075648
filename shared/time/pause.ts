import type { Clock } from './clock.ts';

/** Resolves after `delayMs` of the clock's time, or as soon as the signal is aborted. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancelTimer();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancelTimer = clock.setTimer(delayMs, end);
    signal.addEventListener('abort', end);
  });
}
