/**
 * One subpartition's outgoing buffers and the credit they leave with: the sender's half of flow
 * control. Pure.
 *
 *   waiting ──subscribe──► open ──(end of input sent)──► done
 *      └────────────┴──release (consumer gone)─────────► done
 */
import { invariant } from '../../shared/errors/invariant.ts';
import { creditUnits } from './network-options.ts';

export interface QueuedBuffer {
  readonly buffer: ArrayBuffer;
  /** Length of what is in it, room for the header included. */
  readonly bytes: number;
  /** `urgent`: a barrier that has overtaken; it waits for no credit. */
  readonly kind: 'records' | 'event' | 'barrier' | 'urgent' | 'end-of-input';
}

export class SubpartitionQueue {
  /** In the order of sending. */
  readonly #queue: QueuedBuffer[] = [];
  #state: 'waiting' | 'open' | 'done' = 'waiting';
  #unitsQueued = 0;
  /** What the consumer has granted less what was sent: an oversize buffer may take it below zero. */
  #credit = 0;
  #sequence = 0;

  get state(): 'waiting' | 'open' | 'done' {
    return this.#state;
  }

  get length(): number {
    return this.#queue.length;
  }

  get unitsQueued(): number {
    return this.#unitsQueued;
  }

  get credit(): number {
    return this.#credit;
  }

  enqueue(item: QueuedBuffer): void {
    if (this.#state === 'done') return;
    this.#queue.push(item);
    this.#unitsQueued += creditUnits(item.bytes);
  }

  subscribe(credit: number): void {
    invariant(this.#state === 'waiting', 'a subpartition is read once', { state: this.#state });
    this.#state = 'open';
    this.#credit = credit;
  }

  grant(units: number): void {
    this.#credit += units;
  }

  /** The next buffer that may leave now, with its place in the channel; null when none may. */
  take(): { readonly item: QueuedBuffer; readonly sequence: number } | null {
    const item = this.#queue[0];
    if (item === undefined || this.#state !== 'open') return null;
    if (this.#credit <= 0 && item.kind !== 'urgent') return null;
    this.#queue.shift();
    const units = creditUnits(item.bytes);
    this.#credit -= units;
    this.#unitsQueued -= units;
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) >>> 0;
    if (item.kind === 'end-of-input') this.release();
    return { item, sequence };
  }

  /** Whether a barrier waits that has overtaken nothing. */
  get hasBarrier(): boolean {
    return this.#barrierIndex() >= 0;
  }

  /** Puts the barrier in front, in the form given; what it has overtaken, still in the queue. */
  overtake(urgent: QueuedBuffer): readonly QueuedBuffer[] {
    const index = this.#barrierIndex();
    if (index < 0) return [];
    const [barrier] = this.#queue.splice(index, 1);
    this.#unitsQueued += creditUnits(urgent.bytes) - creditUnits(barrier?.bytes ?? 0);
    const overtaken = this.#queue.slice(0, index);
    this.#queue.unshift(urgent);
    return overtaken;
  }

  /** Barriers that have not left, of either kind: their checkpoint was given up. */
  dropBarriers(): void {
    for (let index = this.#queue.length - 1; index >= 0; index -= 1) {
      const item = this.#queue[index];
      if (item?.kind !== 'barrier' && item?.kind !== 'urgent') continue;
      this.#queue.splice(index, 1);
      this.#unitsQueued -= creditUnits(item.bytes);
    }
  }

  #barrierIndex(): number {
    return this.#queue.findLastIndex(({ kind }) => kind === 'barrier');
  }

  /** Nothing more will be sent; what is queued is dropped. */
  release(): void {
    this.#state = 'done';
    this.#queue.length = 0;
    this.#unitsQueued = 0;
  }
}
