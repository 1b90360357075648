import type { Clock } from './clock.ts';

/** Limits a rate: `ratePerSecond` tokens a second, of which at most `burst` are saved up. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #ratePerSecond: number;
  readonly #burst: number;
  #tokens: number;
  #updatedAtMs: number;

  constructor(options: {
    readonly clock: Clock;
    readonly ratePerSecond: number;
    readonly burst?: number;
  }) {
    this.#clock = options.clock;
    this.#ratePerSecond = options.ratePerSecond;
    this.#burst = options.burst ?? Math.max(1, options.ratePerSecond / 20);
    this.#tokens = 1;
    this.#updatedAtMs = options.clock.monotonicMs();
  }

  /** Takes up to `wanted` whole tokens; gives how many there were. */
  take(wanted: number): number {
    const nowMs = this.#clock.monotonicMs();
    const earned = ((nowMs - this.#updatedAtMs) / 1000) * this.#ratePerSecond;
    this.#updatedAtMs = nowMs;
    this.#tokens = Math.min(Math.max(1, this.#burst), this.#tokens + earned);
    const taken = Math.min(wanted, Math.floor(this.#tokens));
    this.#tokens -= taken;
    return taken;
  }

  /** Until the next whole token. */
  waitMs(): number {
    return Math.max(0, ((1 - this.#tokens) / this.#ratePerSecond) * 1000);
  }
}
