import { invariant } from '../../shared/errors/invariant.ts';

/**
 * Merges the watermarks of several channels (Flink's StatusWatermarkValve): the task's watermark is
 * the lowest of those channels that are neither idle nor ended, and it never goes back.
 */
export class WatermarkValve {
  readonly #channels: { watermarkMs: number; isIdle: boolean }[];
  #emittedMs = Number.NEGATIVE_INFINITY;
  #wasIdle = false;

  constructor(channels: number) {
    this.#channels = Array.from({ length: channels }, () => ({
      watermarkMs: Number.NEGATIVE_INFINITY,
      isIdle: false,
    }));
  }

  /** The new watermark, or null where it has not moved. */
  watermark(channel: number, timestampMs: number): number | null {
    const state = this.#channel(channel);
    state.watermarkMs = Math.max(state.watermarkMs, timestampMs);
    return this.#advance();
  }

  /** An idle (or ended) channel holds nothing back. */
  status(channel: number, isIdle: boolean): number | null {
    this.#channel(channel).isIdle = isIdle;
    return this.#advance();
  }

  /** Whether all channels became idle, or stopped being so, since this was asked last. */
  takeStatusChange(): 'idle' | 'active' | null {
    const isIdle = this.#channels.every((channel) => channel.isIdle);
    if (isIdle === this.#wasIdle) return null;
    this.#wasIdle = isIdle;
    return isIdle ? 'idle' : 'active';
  }

  #advance(): number | null {
    let lowest = Number.POSITIVE_INFINITY;
    for (const channel of this.#channels) {
      if (!channel.isIdle) lowest = Math.min(lowest, channel.watermarkMs);
    }
    if (lowest === Number.POSITIVE_INFINITY || lowest <= this.#emittedMs) return null;
    this.#emittedMs = lowest;
    return lowest;
  }

  #channel(index: number): { watermarkMs: number; isIdle: boolean } {
    const channel = this.#channels[index];
    invariant(channel !== undefined, 'an event comes from a channel of the task', { index });
    return channel;
  }
}
