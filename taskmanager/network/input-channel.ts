/**
 * One channel of an input gate: the buffers that wait, and the receiver's half of flow control.
 * Pure.
 *
 * Credit is accounted in units of ordinary buffers. At any time
 *   granted = what the producer may still send + on the way + queued + consumed but not yet granted
 * again; so the producer is never left without credit while nothing is queued, as long as what is
 * held back stays below half of the grant.
 */

import type { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { InputChannelDescriptor } from '../../shared/job-graph/task-deployment.ts';
import type { StreamEvent } from '../../shared/record/stream-event.ts';
import { channelViolation } from './network-errors.ts';
import { creditUnits, OVERSIZE_BUFFER_BYTES_MAX } from './network-options.ts';

/**
 * What waits: records still encoded, or an event (decoded on arrival: a barrier may have to overtake).
 * `units` of credit come back when it is taken: 0 for what was restored.
 */
export type QueuedInput =
  | {
      readonly kind: 'records';
      readonly buffer: ArrayBuffer;
      readonly bytes: number;
      readonly units: number;
    }
  | {
      readonly kind: 'event';
      readonly event: StreamEvent;
      readonly bytes: number;
      readonly units: number;
    };

export class InputChannel {
  readonly descriptor: InputChannelDescriptor;
  /** Its place in the gate. */
  readonly index: number;
  /** Its number on the link. */
  readonly number: number;
  readonly #credit: number;
  readonly #queue: QueuedInput[] = [];
  /** Units that the producer was granted and has not used, as far as we know. */
  #unitsOpen: number;
  /** Units consumed since the last grant. */
  #unitsConsumed = 0;
  #sequence = 0;
  /** Alignment holds it back. */
  isBlocked = false;
  /** In the gate's list of channels that have something. */
  isListed = false;
  /** The end of input is queued or taken: nothing more comes, and nobody is needed any more. */
  hasEnded = false;
  /** Checkpoint of the last barrier that came. */
  barrierSeen = -1;
  /** Checkpoint of the last barrier that was handed out, or overtook what was in front of it. */
  barrierTaken = -1;

  constructor(options: {
    readonly descriptor: InputChannelDescriptor;
    readonly index: number;
    readonly number: number;
    readonly credit: number;
  }) {
    this.descriptor = options.descriptor;
    this.index = options.index;
    this.number = options.number;
    this.#credit = options.credit;
    this.#unitsOpen = options.credit;
  }

  /** Buffers that the producer may still send; none once it has ended. */
  get unitsOpen(): number {
    return this.hasEnded ? 0 : Math.max(0, this.#unitsOpen);
  }

  get length(): number {
    return this.#queue.length;
  }

  /**
   * Checks that a buffer may come now: the next in sequence, and paid for with credit. The barrier of
   * a new checkpoint may overdraw it: at most one of them waits here.
   */
  accept(sequence: number, bytes: number, mayOverdraw: boolean): SluiceError | null {
    const { partitionId } = this.descriptor;
    if (this.hasEnded) return channelViolation(partitionId, 'sent more after the end of input');
    if (sequence !== this.#sequence) {
      return channelViolation(partitionId, `sent buffer ${sequence} in place of ${this.#sequence}`);
    }
    if ((this.#unitsOpen <= 0 && !mayOverdraw) || bytes > OVERSIZE_BUFFER_BYTES_MAX) {
      return channelViolation(partitionId, 'sent more than it has credit for');
    }
    this.#sequence = (sequence + 1) >>> 0;
    this.#unitsOpen -= creditUnits(bytes);
    return null;
  }

  push(item: QueuedInput): void {
    this.#queue.push(item);
    if (item.kind === 'event' && item.event.kind === 'end-of-input') this.hasEnded = true;
  }

  take(): QueuedInput | null {
    const item = this.#queue.shift();
    if (item === undefined) return null;
    this.#unitsConsumed += item.units;
    return item;
  }

  /** Something came that does not have to wait. */
  consume(units: number): void {
    this.#unitsConsumed += units;
  }

  /** In front of everything that has come. */
  restore(items: readonly QueuedInput[]): void {
    this.#queue.unshift(...items);
  }

  /** What waits, the next one first; null: all of it. */
  queuedBefore(checkpointId: number | null): readonly QueuedInput[] {
    const end = checkpointId === null ? -1 : this.#barrierIndex(checkpointId);
    return end < 0 ? this.#queue : this.#queue.slice(0, end);
  }

  /** Takes the barriers up to this checkpoint's out of the queue; gives how many there were. */
  removeBarriers(checkpointId: number): number {
    let removed = 0;
    for (let index = this.#queue.length - 1; index >= 0; index -= 1) {
      const item = this.#queue[index] as QueuedInput;
      if (item.kind !== 'event' || item.event.kind !== 'barrier') continue;
      if (item.event.checkpointId > checkpointId) continue;
      this.#queue.splice(index, 1);
      this.#unitsConsumed += item.units;
      removed += 1;
    }
    return removed;
  }

  /** The units to grant now: 0 until they are worth a message. */
  creditToGrant(): number {
    const units = this.#unitsConsumed;
    if (this.hasEnded || units < Math.max(1, this.#credit >> 2)) return 0;
    this.#unitsConsumed = 0;
    this.#unitsOpen += units;
    return units;
  }

  clear(): void {
    this.#queue.length = 0;
  }

  #barrierIndex(checkpointId: number): number {
    return this.#queue.findIndex(
      (item) =>
        item.kind === 'event' &&
        item.event.kind === 'barrier' &&
        item.event.checkpointId === checkpointId,
    );
  }
}
