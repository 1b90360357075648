/**
 * Channel state of one input gate for one checkpoint: what was queued in front of a barrier, and for
 * channels whose barrier had not come yet, what comes until it does (Chandy and Lamport). Pure.
 */
import type { ChannelBuffers, OnOvertaken } from '../task/channel-buffers.ts';
import { CHANNEL_STATE_BYTES_MAX } from './network-options.ts';

export class GateRecording {
  readonly checkpointId: number;
  readonly #onComplete: OnOvertaken;
  readonly #buffers = new Map<number, Uint8Array[]>();
  /** Channels whose barrier has not come. */
  readonly #open = new Set<number>();
  #bytes = 0;
  #isOver = false;

  constructor(checkpointId: number, onComplete: OnOvertaken) {
    this.checkpointId = checkpointId;
    this.#onComplete = onComplete;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether what arrives in the channel still belongs to the checkpoint. */
  isOpen(channel: number): boolean {
    return this.#open.has(channel);
  }

  open(channel: number): void {
    if (!this.#isOver) this.#open.add(channel);
  }

  add(channel: number, payload: Uint8Array): void {
    if (this.#isOver) return;
    this.#bytes += payload.length;
    if (this.#bytes > CHANNEL_STATE_BYTES_MAX) {
      this.cancel();
      return;
    }
    const buffers = this.#buffers.get(channel);
    if (buffers === undefined) this.#buffers.set(channel, [payload]);
    else buffers.push(payload);
  }

  /** The channel's barrier, or its end, is here. */
  close(channel: number): void {
    if (this.#open.delete(channel)) this.completeIfDone();
  }

  completeIfDone(): void {
    if (this.#isOver || this.#open.size > 0) return;
    this.#isOver = true;
    const channels = inOrder(this.#buffers);
    // The gate keeps the recording until the next one.
    this.#buffers.clear();
    this.#onComplete(channels);
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#buffers.clear();
    this.#open.clear();
    this.#onComplete(null);
  }
}

function inOrder(buffers: ReadonlyMap<number, readonly Uint8Array[]>): readonly ChannelBuffers[] {
  return [...buffers]
    .sort(([one], [other]) => one - other)
    .map(([channel, payloads]) => ({ channel, buffers: payloads }));
}
