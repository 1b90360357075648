/** Time as the engine sees it: injected everywhere, so that tests and the simulation own it. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. For timestamps that people read. */
  nowMs(): number;
  /** Monotonic, fractional milliseconds since an arbitrary start. For durations. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`; the returned function cancels it. */
  setTimer(delayMs: number, callback: () => void): CancelTimer;
}

export type CancelTimer = () => void;

/** Resolves after `delayMs` of the clock's time. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(delayMs, resolve));
}
