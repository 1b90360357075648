/**
 * One barrier on its way out of a result partition, until it has left every subpartition: by its
 * turn, or by overtaking what waits for credit. Pure.
 */
import type { Barrier } from '../../shared/record/stream-event.ts';
import { encodeEvent } from '../../shared/serialization/event-codec.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import type { ChannelBuffers, OnOvertaken } from '../task/channel-buffers.ts';
import { FRAME_HEADER_BYTES } from './frame.ts';
import { copyPayload } from './payloads.ts';
import type { QueuedBuffer, SubpartitionQueue } from './subpartition-queue.ts';

export class BarrierPassage {
  readonly #barrier: Barrier;
  readonly #queues: readonly SubpartitionQueue[];
  readonly #pump: () => void;
  #onOvertaken: OnOvertaken | null;
  #cancelTimer: CancelTimer | null = null;

  constructor(options: {
    readonly barrier: Barrier;
    readonly queues: readonly SubpartitionQueue[];
    readonly onOvertaken: OnOvertaken;
    /** Sends what may be sent. */
    readonly pump: () => void;
  }) {
    this.#barrier = options.barrier;
    this.#queues = options.queues;
    this.#onOvertaken = options.onOvertaken;
    this.#pump = options.pump;
  }

  /** The barrier is in all queues. */
  start(overtakeAfterMs: number | null, clock: Clock): void {
    if (overtakeAfterMs === null) this.#finish([]);
    else if (overtakeAfterMs <= 0) this.#overtake();
    else {
      this.#cancelTimer = clock.setTimer(overtakeAfterMs, () => this.#overtake());
      this.update();
    }
  }

  /** A barrier has left. */
  update(): void {
    if (this.#cancelTimer === null || this.#queues.some(({ hasBarrier }) => hasBarrier)) return;
    this.#finish([]);
  }

  cancel(): void {
    this.#finish(null);
  }

  #overtake(): void {
    const buffer = encodeEvent({ ...this.#barrier, alignment: 'unaligned' }, FRAME_HEADER_BYTES);
    const channels: ChannelBuffers[] = [];
    for (const [channel, queue] of this.#queues.entries()) {
      if (!queue.hasBarrier) continue;
      // Each is transferred on its own.
      const urgent: QueuedBuffer = {
        buffer: buffer.slice(0),
        bytes: buffer.byteLength,
        kind: 'urgent',
      };
      const buffers = queue
        .overtake(urgent)
        .map(({ buffer: overtaken, bytes }) => copyPayload(overtaken, bytes));
      if (buffers.length > 0) channels.push({ channel, buffers });
    }
    this.#finish(channels);
    this.#pump();
  }

  #finish(channels: readonly ChannelBuffers[] | null): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    const onOvertaken = this.#onOvertaken;
    this.#onOvertaken = null;
    onOvertaken?.(channels);
  }
}
