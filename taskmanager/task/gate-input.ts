import { InvariantError, invariant } from '../../shared/errors/invariant.ts';
import type { StreamEvent } from '../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { InputGate } from './input-gate.ts';
import type { InputOutcome, TaskInput } from './task-input.ts';
import type { TurnQuota } from './task-loop.ts';
import { WatermarkValve } from './watermark-valve.ts';

/** What the input feeds: the head of the chain. */
export interface InputConsumer {
  isReady(): boolean;
  processElement(record: StreamRecord): void;
  processEvent(event: StreamEvent): void;
}

/** Records between two looks at the clock. */
const QUOTA_CHECK_MASK = 31;

/**
 * Merges the channels of a task's input gates (Flink's StreamInputProcessor): batches in turn from
 * each gate, record by record into the chain for as long as it is ready; what is left of a batch
 * waits here. Watermarks are merged; the input has ended when every channel has.
 *
 * Alignment has its place here: `blockChannel` and `resumeChannel` of the gates, by the events that
 * arrive in `#handleEvent`.
 */
export class GateInput implements TaskInput {
  readonly #gates: readonly InputGate[];
  /** Number of the first channel of each gate, counted over all gates. */
  readonly #firstChannel: readonly number[];
  readonly #consumer: InputConsumer;
  readonly #valve: WatermarkValve;
  readonly #hasEnded: boolean[];
  #channelsOpen: number;
  #nextGate = 0;
  #records: readonly StreamRecord[] = [];
  #position = 0;

  constructor(gates: readonly InputGate[], consumer: InputConsumer) {
    this.#gates = gates;
    this.#consumer = consumer;
    let channels = 0;
    this.#firstChannel = gates.map((gate) => {
      const first = channels;
      channels += gate.channelCount;
      return first;
    });
    this.#channelsOpen = channels;
    this.#hasEnded = new Array<boolean>(channels).fill(false);
    this.#valve = new WatermarkValve(channels);
  }

  start(wake: () => void): void {
    for (const gate of this.#gates) gate.onAvailable(wake);
  }

  process(quota: TurnQuota): InputOutcome {
    for (;;) {
      const stopped = this.#feed(quota);
      if (stopped !== null) return stopped;
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
        return;
      case 'barrier':
        throw new InvariantError('a barrier came, but no checkpoint was ever triggered');
      default:
        event satisfies never;
    }
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
