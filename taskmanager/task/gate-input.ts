import { invariant } from '../../shared/errors/invariant.ts';
import type { Barrier, StreamEvent } from '../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { type ChannelSnapshot, inExchange } from './channel-buffers.ts';
import {
  type AlignedBarrier,
  type AlignmentStep,
  CheckpointBarrierHandler,
} from './checkpoint-barrier-handler.ts';
import type { InputGate } from './input-gate.ts';
import type { OvertakingBarriers } from './overtaking-barriers.ts';
import type { InputOutcome, TaskInput } from './task-input.ts';
import type { TurnQuota } from './task-loop.ts';
import { WatermarkValve } from './watermark-valve.ts';

/** What the input feeds: the head of the chain. */
export interface InputConsumer {
  isReady(): boolean;
  processElement(record: StreamRecord): void;
  processEvent(event: StreamEvent): void;
}

export interface GateInputOptions {
  readonly gates: readonly InputGate[];
  /** Of the gates, in the same order. */
  readonly edgeIds: readonly string[];
  readonly consumer: InputConsumer;
  readonly clock: Clock;
  readonly overtaking: OvertakingBarriers;
  readonly mode: 'exactly-once' | 'at-least-once';
  /** All channels have delivered the barrier, or it has overtaken; it may pause the input. */
  readonly onAligned: (aligned: AlignedBarrier) => void;
}

/** Records between two looks at the clock. */
const QUOTA_CHECK_MASK = 31;

/**
 * Merges the channels of a task's input gates (Flink's StreamInputProcessor): batches in turn from
 * each gate, record by record into the chain for as long as it is ready; what is left of a batch
 * waits here. Watermarks are merged; the input has ended when every channel has.
 *
 * Barriers are aligned (`CheckpointBarrierHandler`): an event is taken only when the batch in front
 * of it is through, and a channel is blocked in its gate before the next item is taken, so nothing
 * behind a barrier gets past it. A barrier that overtakes passes what waits in the gates, and what is
 * left of the batch.
 */
export class GateInput implements TaskInput {
  readonly #gates: readonly InputGate[];
  /** Number of the first channel of each gate, counted over all gates. */
  readonly #firstChannel: readonly number[];
  readonly #consumer: InputConsumer;
  readonly #valve: WatermarkValve;
  readonly #clock: Clock;
  readonly #barriers: CheckpointBarrierHandler;
  readonly #edgeIds: readonly string[];
  readonly #overtaking: OvertakingBarriers;
  readonly #onAligned: (aligned: AlignedBarrier) => void;
  readonly #hasEnded: boolean[];
  #channelsOpen: number;
  #nextGate = 0;
  #records: readonly StreamRecord[] = [];
  #position = 0;
  /** Where the batch comes from. */
  #batchGate = 0;
  #batchChannel = 0;
  #isPaused = false;
  #wake: () => void = () => {};

  constructor(options: GateInputOptions) {
    const { gates, consumer, clock, mode } = options;
    this.#gates = gates;
    this.#consumer = consumer;
    this.#clock = clock;
    this.#onAligned = options.onAligned;
    let channels = 0;
    this.#firstChannel = gates.map((gate) => {
      const first = channels;
      channels += gate.channelCount;
      return first;
    });
    this.#channelsOpen = channels;
    this.#hasEnded = new Array<boolean>(channels).fill(false);
    this.#valve = new WatermarkValve(channels);
    this.#barriers = new CheckpointBarrierHandler({ channels, mode });
    this.#edgeIds = options.edgeIds;
    this.#overtaking = options.overtaking;
  }

  start(wake: () => void): void {
    this.#wake = wake;
    for (const gate of this.#gates) {
      gate.onAvailable(wake);
      gate.onBarrier((_, barrier) => {
        this.#overtaking.await(barrier, () => this.#overtake(barrier));
      });
    }
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#wake();
  }

  /** The checkpoint is given up: what its alignment holds up goes on. */
  checkpointAborted(checkpointId: number): void {
    this.#apply(this.#barriers.aborted(checkpointId));
  }

  process(quota: TurnQuota): InputOutcome {
    for (;;) {
      const stopped = this.#feed(quota);
      if (stopped !== null) return stopped;
      if (this.#isPaused) return 'empty';
      if (this.#channelsOpen === 0) return 'ended';
      if (quota.isSpent()) return 'more';
      if (!this.#poll()) return 'empty';
    }
  }

  get bytesIn(): number {
    return this.#gates.reduce((total, gate) => total + gate.bytesIn, 0);
  }

  get buffersQueued(): number {
    return this.#gates.reduce((total, gate) => total + gate.buffersQueued, 0);
  }

  get creditsGranted(): number {
    return this.#gates.reduce((total, gate) => total + gate.creditsGranted, 0);
  }

  close(): void {
    for (const gate of this.#gates) gate.close();
  }

  /** Null once the current batch is through. */
  #feed(quota: TurnQuota): InputOutcome | null {
    const records = this.#records;
    const consumer = this.#consumer;
    let position = this.#position;
    while (position < records.length) {
      if (!consumer.isReady()) {
        this.#position = position;
        return 'blocked';
      }
      consumer.processElement(records[position] as StreamRecord);
      position += 1;
      if ((position & QUOTA_CHECK_MASK) === 0 && quota.isSpent()) {
        this.#position = position;
        return 'more';
      }
    }
    this.#records = [];
    this.#position = 0;
    return null;
  }

  /** Takes one item from the next gate that has any. */
  #poll(): boolean {
    for (let tried = 0; tried < this.#gates.length; tried += 1) {
      const index = this.#nextGate;
      this.#nextGate = (index + 1) % this.#gates.length;
      const item = this.#gates[index]?.poll() ?? null;
      if (item === null) continue;
      if (item.kind === 'records') {
        this.#records = item.records;
        this.#batchGate = index;
        this.#batchChannel = item.channel;
      } else {
        this.#handleEvent((this.#firstChannel[index] ?? 0) + item.channel, item.event);
      }
      return true;
    }
    return false;
  }

  #handleEvent(channel: number, event: StreamEvent): void {
    switch (event.kind) {
      case 'watermark':
        this.#emitWatermark(this.#valve.watermark(channel, event.timestampMs));
        return;
      case 'status':
        this.#emitWatermark(this.#valve.status(channel, event.idle));
        this.#emitStatus();
        return;
      case 'end-of-input':
        invariant(this.#hasEnded[channel] === false, 'a channel ends once', { channel });
        this.#hasEnded[channel] = true;
        this.#channelsOpen -= 1;
        if (this.#channelsOpen > 0) this.#emitWatermark(this.#valve.status(channel, true));
        this.#apply(this.#barriers.channelEnded(channel, this.#clock.monotonicMs()));
        return;
      case 'barrier':
        if (event.alignment === 'unaligned') this.#overtake(event);
        else this.#apply(this.#barriers.barrier(channel, event, this.#clock.monotonicMs()));
        return;
      default:
        event satisfies never;
    }
  }

  /** The snapshot is due now, whatever waits in front of the barrier; that becomes part of it. */
  #overtake(barrier: Barrier): void {
    const { checkpointId } = barrier;
    const nowMs = this.#clock.monotonicMs();
    const sinceMs = this.#barriers.overtake(checkpointId, nowMs);
    if (sinceMs === null) return;
    const ofGates = this.#gates.map((gate, index) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly ChannelSnapshot[]>();
      const hasUnread = index === this.#batchGate && this.#position < this.#records.length;
      const records = hasUnread ? this.#records.slice(this.#position) : [];
      const unread = hasUnread ? { channel: this.#batchChannel, records } : null;
      const exchange = { edgeId: this.#edgeIds[index] ?? '', direction: 'input' } as const;
      gate.overtake(checkpointId, unread, inExchange(exchange, { resolve, reject }));
      return promise;
    });
    const channels = Promise.all(ofGates).then((all) => all.flat());
    const unaligned = { ...barrier, alignment: 'unaligned' } as const;
    this.#onAligned({ barrier: unaligned, alignmentMs: nowMs - sinceMs, channels });
  }

  #apply({ aligned, block, resume }: AlignmentStep): void {
    if (aligned !== null) this.#onAligned(aligned);
    for (const channel of block) this.#gateOf(channel, (gate, own) => gate.blockChannel(own));
    for (const channel of resume) this.#gateOf(channel, (gate, own) => gate.resumeChannel(own));
  }

  #gateOf(channel: number, act: (gate: InputGate, own: number) => void): void {
    const index = this.#firstChannel.findLastIndex((first) => first <= channel);
    const gate = this.#gates[index];
    invariant(gate !== undefined, 'an event comes from a channel of the task', { channel });
    act(gate, channel - (this.#firstChannel[index] ?? 0));
  }

  #emitWatermark(timestampMs: number | null): void {
    if (timestampMs !== null) this.#consumer.processEvent({ kind: 'watermark', timestampMs });
  }

  #emitStatus(): void {
    const change = this.#valve.takeStatusChange();
    if (change !== null) {
      this.#consumer.processEvent({ kind: 'status', idle: change === 'idle' });
    }
  }
}
