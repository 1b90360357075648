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

/** What waits: records still encoded, or an event (decoded on arrival: one may have to overtake). */
export type QueuedInput =
  | { readonly kind: 'records'; readonly buffer: ArrayBuffer; readonly bytes: number }
  | { readonly kind: 'event'; readonly event: StreamEvent; readonly bytes: number };

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

  get length(): number {
    return this.#queue.length;
  }

  /** Checks that a buffer may come now: the next in sequence, and paid for with credit. */
  accept(sequence: number, bytes: number): SluiceError | null {
    const { partitionId } = this.descriptor;
    if (this.hasEnded) return channelViolation(partitionId, 'sent more after the end of input');
    if (sequence !== this.#sequence) {
      return channelViolation(partitionId, `sent buffer ${sequence} in place of ${this.#sequence}`);
    }
    if (this.#unitsOpen <= 0 || bytes > OVERSIZE_BUFFER_BYTES_MAX) {
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
    this.#unitsConsumed += creditUnits(item.bytes);
    return item;
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
}
