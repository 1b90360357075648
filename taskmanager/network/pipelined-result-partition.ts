/**
 * The producing end of an exchange: chooses a subpartition per record, encodes into that
 * subpartition's open buffer, and sends full buffers as far as there is credit.
 *
 * While a subpartition has buffers waiting for credit, the time-out sends nothing: its open buffer
 * goes on filling, so that back-pressure makes buffers full instead of many.
 *
 * In the slot's thread; the link is injected.
 */
import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import { serializeError } from '../../shared/errors/sluice-error.ts';
import type { ResultPartitionDescriptor } from '../../shared/job-graph/task-deployment.ts';
import type { Barrier, StreamEvent } from '../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../shared/record/stream-record.ts';
import { encodeEvent } from '../../shared/serialization/event-codec.ts';
import { RecordBatchEncoder } from '../../shared/serialization/record-batch-encoder.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import type { ChannelBuffers, OnOvertaken } from '../task/channel-buffers.ts';
import type { ResultPartition } from '../task/result-partition.ts';
import { BarrierPassage } from './barrier-passage.ts';
import type { BufferPool } from './buffer-pool.ts';
import { FRAME_HEADER_BYTES } from './frame.ts';
import type { Link } from './link.ts';
import type { Defer } from './link-port.ts';
import { consumerEnded, producerEnded, recordTooLarge } from './network-errors.ts';
import {
  BUFFER_TIMEOUT_DEFAULT_MS,
  BUFFERS_QUEUED_MAX_DEFAULT,
  OVERSIZE_BUFFER_BYTES_MAX,
  type ResultPartitionOptions,
} from './network-options.ts';
import { keySelector, type PartitionSelector } from './partition-selector.ts';
import { bufferOf, isEventPayload } from './payloads.ts';
import { type QueuedBuffer, SubpartitionQueue } from './subpartition-queue.ts';

/** Where a subpartition's consumer is. */
interface Subscription {
  readonly link: Link;
  readonly channel: number;
}

interface Subpartition {
  readonly index: number;
  readonly queue: SubpartitionQueue;
  readonly encoder: RecordBatchEncoder;
  /** The open buffer; null when there is none. */
  buffer: ArrayBuffer | null;
  /** The time-out has passed while buffers were waiting: send the open one as soon as they left. */
  isFlushDue: boolean;
  isFull: boolean;
  subscription: Subscription | null;
}

export interface PartitionEnvironment {
  readonly clock: Clock;
  readonly defer: Defer;
  readonly pool: BufferPool;
  /** Called once, when the partition is closed. */
  readonly onClose: () => void;
}

export class PipelinedResultPartition implements ResultPartition {
  readonly #descriptor: ResultPartitionDescriptor;
  readonly #environment: PartitionEnvironment;
  readonly #bufferTimeoutMs: number;
  readonly #buffersQueuedMax: number;
  readonly #subpartitions: readonly Subpartition[];
  /** Null for broadcast. */
  readonly #selector: PartitionSelector | null;
  readonly #isRebalance: boolean;
  #next: number;
  /** Subpartitions whose queue is full. */
  #fullCount = 0;
  #cancelTimer: CancelTimer | null = null;
  #error: Error | null = null;
  #isClosed = false;
  #onAvailable: () => void = () => {};
  #onFailure: ((error: Error) => void) | null = null;
  #drains: PromiseWithResolvers<void>[] = [];
  #bytesOut = 0;
  #passage: BarrierPassage | null = null;

  constructor(
    descriptor: ResultPartitionDescriptor,
    options: ResultPartitionOptions,
    environment: PartitionEnvironment,
  ) {
    this.#descriptor = descriptor;
    this.#environment = environment;
    this.#bufferTimeoutMs = options.bufferTimeoutMs ?? BUFFER_TIMEOUT_DEFAULT_MS;
    this.#buffersQueuedMax = options.buffersQueuedMax ?? BUFFERS_QUEUED_MAX_DEFAULT;
    this.#subpartitions = Array.from({ length: descriptor.subpartitions }, (_, index) => ({
      index,
      queue: new SubpartitionQueue(),
      encoder: new RecordBatchEncoder(),
      buffer: null,
      isFlushDue: false,
      isFull: false,
      subscription: null,
    }));
    this.#isRebalance = descriptor.partitioner.kind === 'rebalance';
    this.#selector = this.#selectorOf(descriptor);
    this.#next = options.subtaskIndex % descriptor.subpartitions;
  }

  emit(record: StreamRecord): void {
    if (this.#selector === null) {
      for (const subpartition of this.#subpartitions) this.#write(subpartition, record);
    } else {
      this.#write(this.#subpartitions[this.#selector(record)] as Subpartition, record);
    }
  }

  broadcastEvent(event: StreamEvent): void {
    if (event.kind === 'barrier') this.broadcastBarrier(event, null, () => {});
    else this.#broadcast(event, event.kind === 'end-of-input' ? 'end-of-input' : 'event');
  }

  broadcastBarrier(
    barrier: Barrier,
    overtakeAfterMs: number | null,
    onOvertaken: OnOvertaken,
  ): void {
    this.#passage?.cancel();
    const queues = this.#subpartitions.map(({ queue }) => queue);
    for (const queue of queues) queue.dropBarriers();
    const pump = (): void => {
      for (const subpartition of this.#subpartitions) this.#pump(subpartition);
    };
    const passage = new BarrierPassage({ barrier, queues, onOvertaken, pump });
    this.#passage = passage;
    if (this.#error !== null || this.#isClosed) {
      passage.cancel();
      return;
    }
    this.#broadcast(barrier, 'barrier');
    passage.start(overtakeAfterMs, this.#environment.clock);
  }

  restore(channels: readonly ChannelBuffers[]): void {
    for (const { channel, buffers } of channels) {
      const subpartition = this.#subpartitions[channel];
      if (subpartition === undefined) continue;
      for (const payload of buffers) {
        const buffer = bufferOf(payload);
        const kind = isEventPayload(payload) ? 'event' : 'records';
        this.#enqueue(subpartition, { buffer, bytes: buffer.byteLength, kind });
      }
    }
  }

  isAvailable(): boolean {
    return this.#isRebalance ? this.#fullCount < this.#subpartitions.length : this.#fullCount === 0;
  }

  onAvailable(callback: () => void): void {
    this.#onAvailable = callback;
  }

  onFailure(callback: (error: Error) => void): void {
    this.#onFailure = callback;
    if (this.#error !== null) this.#reportFailure(this.#error);
  }

  flush(): void {
    for (const subpartition of this.#subpartitions) this.#finishBuffer(subpartition);
  }

  drained(): Promise<void> {
    this.flush();
    const drain = Promise.withResolvers<void>();
    this.#drains.push(drain);
    this.#settleDrains();
    return drain.promise;
  }

  get buffersQueued(): number {
    let buffers = 0;
    for (const { queue } of this.#subpartitions) buffers += queue.length;
    return buffers;
  }

  get creditsAvailable(): number {
    let credits = 0;
    for (const { queue } of this.#subpartitions) {
      if (queue.state === 'open') credits += Math.max(0, queue.credit);
    }
    return credits;
  }

  get bytesOut(): number {
    return this.#bytesOut;
  }

  /** Consumers that have not got the end of input learn that it will not come. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelTimer?.();
    const error = producerEnded(this.#descriptor.partitionId);
    this.#abandon(serializeError(error));
    this.#error ??= error;
    this.#settleDrains();
    this.#environment.onClose();
  }

  /** A consumer asks for a subpartition. False: someone reads it already, or there is none. */
  subscribe(index: number, credit: number, subscription: Subscription): boolean {
    const subpartition = this.#subpartitions[index];
    if (subpartition?.queue.state !== 'waiting') return false;
    subpartition.queue.subscribe(credit);
    subpartition.subscription = subscription;
    this.#pump(subpartition);
    return true;
  }

  /** The consumer has taken buffers. */
  grantCredit(index: number, units: number): void {
    const subpartition = this.#subpartitions[index];
    if (subpartition === undefined) return;
    subpartition.queue.grant(units);
    this.#pump(subpartition);
  }

  /** The consumer is gone: in order, once it has the end of input; else this partition fails. */
  release(index: number, cause: Error | null): void {
    const subpartition = this.#subpartitions[index];
    if (subpartition === undefined) return;
    subpartition.subscription = null;
    if (subpartition.queue.state === 'done') return;
    this.#fail(cause ?? consumerEnded(this.#descriptor.partitionId, index));
  }

  #selectorOf(descriptor: ResultPartitionDescriptor): PartitionSelector | null {
    const { partitioner, subpartitions, maxParallelism } = descriptor;
    switch (partitioner.kind) {
      case 'forward':
        return () => 0;
      case 'rebalance':
        return () => this.#nextWithCredit();
      case 'hash':
        return subpartitions === 1
          ? () => 0
          : keySelector(partitioner, { subpartitions, maxParallelism });
      case 'broadcast':
        return null;
      default:
        return partitioner satisfies never;
    }
  }

  /** Round robin over those that can send at once; if none can, over those that have room. */
  #nextWithCredit(): number {
    const subpartitions = this.#subpartitions;
    const { length } = subpartitions;
    let chosen = -1;
    let index = this.#next;
    for (let tried = 0; tried < length; tried += 1) {
      const { queue, isFull } = subpartitions[index] as Subpartition;
      if (queue.credit > 0 && queue.length === 0) {
        chosen = index;
        break;
      }
      if (chosen < 0 && !isFull) chosen = index;
      index = index + 1 === length ? 0 : index + 1;
    }
    if (chosen < 0) chosen = this.#next;
    this.#next = chosen + 1 === length ? 0 : chosen + 1;
    return chosen;
  }

  #write(subpartition: Subpartition, record: StreamRecord): void {
    const { encoder } = subpartition;
    if (subpartition.buffer === null) this.#openBuffer(subpartition, this.#environment.pool.take());
    if (encoder.append(record) === 0) return;
    if (encoder.count > 0) {
      this.#finishBuffer(subpartition);
      this.#openBuffer(subpartition, this.#environment.pool.take());
    }
    const bytesNeeded = encoder.append(record);
    if (bytesNeeded === 0) return;
    if (bytesNeeded > OVERSIZE_BUFFER_BYTES_MAX) {
      throw recordTooLarge(bytesNeeded, OVERSIZE_BUFFER_BYTES_MAX);
    }
    if (subpartition.buffer !== null) this.#environment.pool.give(subpartition.buffer);
    this.#openBuffer(subpartition, new ArrayBuffer(bytesNeeded));
    encoder.append(record);
    this.#finishBuffer(subpartition);
  }

  #openBuffer(subpartition: Subpartition, buffer: ArrayBuffer): void {
    subpartition.buffer = buffer;
    subpartition.encoder.begin(Buffer.from(buffer), FRAME_HEADER_BYTES);
    if (this.#cancelTimer !== null || this.#isClosed) return;
    this.#cancelTimer = this.#environment.clock.setTimer(this.#bufferTimeoutMs, () => {
      this.#cancelTimer = null;
      this.#flushDue();
    });
  }

  #flushDue(): void {
    for (const subpartition of this.#subpartitions) {
      if (subpartition.buffer === null) continue;
      if (subpartition.queue.length === 0) this.#finishBuffer(subpartition);
      else subpartition.isFlushDue = true;
    }
  }

  /** The open buffer, if it holds anything, goes into the queue. */
  #finishBuffer(subpartition: Subpartition): void {
    const { buffer, encoder } = subpartition;
    if (buffer === null || encoder.count === 0) return;
    const bytes = encoder.finish();
    subpartition.buffer = null;
    subpartition.isFlushDue = false;
    this.#enqueue(subpartition, { buffer, bytes, kind: 'records' });
  }

  #broadcast(event: StreamEvent, kind: QueuedBuffer['kind']): void {
    for (const subpartition of this.#subpartitions) {
      this.#finishBuffer(subpartition);
      const buffer = encodeEvent(event, FRAME_HEADER_BYTES);
      this.#enqueue(subpartition, { buffer, bytes: buffer.byteLength, kind });
    }
  }

  #enqueue(subpartition: Subpartition, item: QueuedBuffer): void {
    subpartition.queue.enqueue(item);
    this.#pump(subpartition);
  }

  /** Sends what may be sent. */
  #pump(subpartition: Subpartition): void {
    const { queue, subscription } = subpartition;
    if (subscription !== null) {
      const { link, channel } = subscription;
      for (let next = queue.take(); next !== null; next = queue.take()) {
        const { buffer, bytes } = next.item;
        new DataView(buffer).setUint32(12, next.sequence, true);
        this.#bytesOut += bytes;
        link.send({ kind: 'data', channel, buffer, bytes });
        if (next.item.kind === 'barrier') this.#passage?.update();
      }
    }
    this.#updateAvailability(subpartition);
    if (queue.length > 0) return;
    if (subpartition.isFlushDue) this.#finishBuffer(subpartition);
    if (this.#drains.length > 0) this.#settleDrains();
  }

  #updateAvailability(subpartition: Subpartition): void {
    const isFull = subpartition.queue.unitsQueued >= this.#buffersQueuedMax;
    if (isFull === subpartition.isFull) return;
    const wasAvailable = this.isAvailable();
    subpartition.isFull = isFull;
    this.#fullCount += isFull ? 1 : -1;
    if (!wasAvailable && this.isAvailable()) this.#onAvailable();
  }

  #settleDrains(): void {
    const error = this.#error;
    if (error === null) {
      if (this.#subpartitions.some(({ queue }) => queue.length > 0)) return;
      for (const { subscription } of this.#subpartitions) subscription?.link.flush();
    }
    for (const drain of this.#drains) {
      if (error === null) drain.resolve();
      else drain.reject(error);
    }
    this.#drains = [];
  }

  #fail(error: Error): void {
    if (this.#error !== null) return;
    this.#error = error;
    this.#abandon(serializeError(error));
    this.#settleDrains();
    this.#reportFailure(error);
  }

  #reportFailure(error: Error): void {
    const callback = this.#onFailure;
    if (callback === null || this.#isClosed) return;
    this.#onFailure = null;
    this.#environment.defer(() => callback(error));
  }

  /** Drops what waits, and tells those consumers that still expect something. */
  #abandon(error: SerializedError): void {
    this.#passage?.cancel();
    for (const subpartition of this.#subpartitions) {
      const { queue, subscription } = subpartition;
      if (queue.state === 'open' && subscription !== null) {
        subscription.link.send({ kind: 'failed', channel: subscription.channel, error });
      }
      queue.release();
      subpartition.buffer = null;
      subpartition.subscription = null;
      this.#updateAvailability(subpartition);
    }
  }
}
