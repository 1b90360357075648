import type { CancelTimer, Clock } from './clock.ts';

/** The real clock. Only `main` modules, thread entries and the command line take it from here. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs: number, callback: () => void): CancelTimer {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
