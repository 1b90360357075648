import { invariant } from '../../shared/errors/invariant.ts';
import type { Barrier } from '../../shared/record/stream-event.ts';
import type { ChannelSnapshot } from './channel-buffers.ts';

/** What is to be done after an event of alignment, in this order. */
export interface AlignmentStep {
  /** The task's snapshot is due: the barrier goes to the chain. */
  readonly aligned: AlignedBarrier | null;
  /** Nothing of these channels may be processed until they are resumed. */
  readonly block: readonly number[];
  readonly resume: readonly number[];
}

export interface AlignedBarrier {
  readonly barrier: Barrier;
  /** From the first channel's barrier to the last one's. */
  readonly alignmentMs: number;
  /** What the barrier has overtaken in the input, once all of it is known. */
  readonly channels?: Promise<readonly ChannelSnapshot[]>;
}

const NOTHING: AlignmentStep = { aligned: null, block: [], resume: [] };

interface Alignment {
  readonly barrier: Barrier;
  readonly startedAtMs: number;
  /** By channel: its barrier has come. */
  readonly hasCome: boolean[];
}

/**
 * Alignment (Flink's CheckpointBarrierHandler): when is a task's input at a checkpoint's boundary?
 * When every channel has delivered the barrier; one that has ended has delivered all there will be.
 *
 * `exactly-once`: a channel whose barrier has come is blocked until the others have caught up, so
 * that nothing behind the barrier is processed before the snapshot. `at-least-once`: nothing is
 * blocked; what overtakes is processed again after a recovery. Checkpoint ids only grow: the barrier
 * of a newer checkpoint ends the alignment of an older one, and one of a checkpoint that is over is
 * not heard.
 *
 * A barrier that overtakes what waits (unaligned) is over here at once: the gates know which buffers
 * lie in front of it and resume what it had blocked.
 *
 * Pure; the caller polls no channel between an event and its step.
 */
export class CheckpointBarrierHandler {
  readonly #isBlocking: boolean;
  readonly #hasEnded: boolean[];
  #current: Alignment | null = null;
  /** Checkpoints up to this one are aligned, aborted or superseded. */
  #lastId = Number.NEGATIVE_INFINITY;

  constructor(options: {
    readonly channels: number;
    readonly mode: 'exactly-once' | 'at-least-once';
  }) {
    this.#isBlocking = options.mode === 'exactly-once';
    this.#hasEnded = new Array<boolean>(options.channels).fill(false);
  }

  /** The barrier in alignment; null: none. */
  get current(): Barrier | null {
    return this.#current?.barrier ?? null;
  }

  barrier(channel: number, barrier: Barrier, nowMs: number): AlignmentStep {
    if (barrier.checkpointId <= this.#lastId) return NOTHING;
    const current = this.#current;
    if (current === null) return this.#begin(channel, barrier, nowMs);
    if (barrier.checkpointId < current.barrier.checkpointId) return NOTHING;
    if (barrier.checkpointId === current.barrier.checkpointId) {
      return this.#deliver(current, channel, nowMs);
    }
    const released = this.#end(current);
    const step = this.#begin(channel, barrier, nowMs);
    // The new alignment may have blocked one of those.
    return { ...step, resume: [...without(released, step.block), ...step.resume] };
  }

  /** Its barrier, if one was still to come, has been delivered with its end. */
  channelEnded(channel: number, nowMs: number): AlignmentStep {
    this.#hasEnded[channel] = true;
    const current = this.#current;
    if (current === null) return NOTHING;
    return this.#alignedStep(current, nowMs) ?? NOTHING;
  }

  /** The barrier overtakes now. Since when it was awaited; null: it is not to be heard any more. */
  overtake(checkpointId: number, nowMs: number): number | null {
    if (checkpointId <= this.#lastId) return null;
    const current = this.#current;
    if (current !== null && current.barrier.checkpointId > checkpointId) return null;
    this.#current = null;
    this.#lastId = checkpointId;
    return current?.barrier.checkpointId === checkpointId ? current.startedAtMs : nowMs;
  }

  /** It never will be complete: what it holds up goes on. */
  aborted(checkpointId: number): AlignmentStep {
    const current = this.#current;
    if (current === null || current.barrier.checkpointId > checkpointId) {
      this.#lastId = Math.max(this.#lastId, checkpointId);
      return NOTHING;
    }
    const resume = this.#end(current);
    this.#lastId = Math.max(this.#lastId, checkpointId);
    return { aligned: null, block: [], resume };
  }

  #begin(channel: number, barrier: Barrier, nowMs: number): AlignmentStep {
    const hasCome = new Array<boolean>(this.#hasEnded.length).fill(false);
    this.#current = { barrier, startedAtMs: nowMs, hasCome };
    return this.#deliver(this.#current, channel, nowMs);
  }

  #deliver(current: Alignment, channel: number, nowMs: number): AlignmentStep {
    invariant(current.hasCome[channel] === false, 'a barrier comes once from a channel', {
      channel,
      checkpointId: current.barrier.checkpointId,
    });
    current.hasCome[channel] = true;
    const aligned = this.#alignedStep(current, nowMs, channel);
    if (aligned !== null) return aligned;
    return this.#isBlocking ? { aligned: null, block: [channel], resume: [] } : NOTHING;
  }

  /** Null while some channel is still to deliver; `last` was never blocked. */
  #alignedStep(current: Alignment, nowMs: number, last = -1): AlignmentStep | null {
    const isComplete = current.hasCome.every((has, channel) => has || this.#hasEnded[channel]);
    if (!isComplete) return null;
    const { barrier, startedAtMs } = current;
    const resume = without(this.#end(current), [last]);
    return { aligned: { barrier, alignmentMs: nowMs - startedAtMs }, block: [], resume };
  }

  /** Gives the channels that it had blocked. */
  #end(current: Alignment): number[] {
    this.#current = null;
    this.#lastId = Math.max(this.#lastId, current.barrier.checkpointId);
    if (!this.#isBlocking) return [];
    return current.hasCome.flatMap((has, channel) => (has ? [channel] : []));
  }
}

function without(channels: readonly number[], excluded: readonly number[]): number[] {
  return channels.filter((channel) => !excluded.includes(channel));
}
