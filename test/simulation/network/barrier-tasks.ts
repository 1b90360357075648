import type { Barrier } from '../../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import { RecordBatchDecoder } from '../../../shared/serialization/record-batch-decoder.ts';
import type { Clock } from '../../../shared/time/clock.ts';
import type { ChannelBuffers } from '../../../taskmanager/task/channel-buffers.ts';
import type { GateItem, InputGate } from '../../../taskmanager/task/input-gate.ts';

/** Sequence numbers per channel. */
export type Sequences = readonly (readonly number[])[];

/** What a consumer contributes to a checkpoint. */
export interface ConsumerCut {
  /** Processed before the snapshot. */
  readonly processed: Sequences;
  /** In flight in front of the barriers. */
  readonly inFlight: Sequences;
  readonly isUnaligned: boolean;
}

/** The sequence numbers in channel state. */
export function sequencesIn(channels: readonly ChannelBuffers[], count: number): Sequences {
  const decoder = new RecordBatchDecoder();
  const sequences: number[][] = Array.from({ length: count }, () => []);
  for (const { channel, buffers } of channels) {
    for (const payload of buffers) {
      const decoded = decoder.decode(payload, 0, payload.length);
      if (decoded.kind !== 'records') continue;
      const found = decoded.records.map(({ value }) => value['sequence'] as number);
      sequences[channel]?.push(...found);
    }
  }
  return sequences;
}

/**
 * A task that only counts: takes items from a gate, aligns barriers, and lets them overtake when
 * they come so or when alignment takes too long. What is to be done about a barrier that came is
 * done in a later step, as a task's mail.
 */
export class BarrierConsumer {
  readonly gate: InputGate;
  readonly received: number[][];
  readonly ended: boolean[];
  readonly #clock: Clock;
  readonly #alignmentTimeoutMs: number | null;
  readonly #onCut: (checkpointId: number, cut: ConsumerCut | null) => void;
  readonly #mails: (() => void)[] = [];
  #unread: { readonly channel: number; records: readonly StreamRecord[] } | null = null;
  #aligning: { readonly id: number; readonly hasCome: boolean[] } | null = null;
  #lastId = 0;

  constructor(options: {
    readonly gate: InputGate;
    readonly clock: Clock;
    readonly alignmentTimeoutMs: number | null;
    readonly onCut: (checkpointId: number, cut: ConsumerCut | null) => void;
  }) {
    const { gate } = options;
    this.gate = gate;
    this.#clock = options.clock;
    this.#alignmentTimeoutMs = options.alignmentTimeoutMs;
    this.#onCut = options.onCut;
    this.received = Array.from({ length: gate.channelCount }, () => []);
    this.ended = this.received.map(() => false);
    let heardId = 0;
    gate.onBarrier((_, { checkpointId, alignment }) => {
      const overtake = (): void => this.#overtake(checkpointId);
      if (alignment === 'unaligned') this.#mails.push(overtake);
      else if (checkpointId > heardId && this.#alignmentTimeoutMs !== null) {
        this.#clock.setTimer(this.#alignmentTimeoutMs, () => this.#mails.push(overtake));
      }
      heardId = Math.max(heardId, checkpointId);
    });
  }

  get hasEnded(): boolean {
    return this.#unread === null && this.ended.every(Boolean);
  }

  /** Processes up to so many records of a batch, or takes the next item. */
  step(records: number): void {
    for (const mail of this.#mails.splice(0)) mail();
    const unread = this.#unread;
    if (unread === null) {
      const item = this.gate.poll();
      if (item !== null) this.#take(item);
      return;
    }
    for (const { value } of unread.records.slice(0, records)) {
      this.received[unread.channel]?.push(value['sequence'] as number);
    }
    unread.records = unread.records.slice(records);
    if (unread.records.length === 0) this.#unread = null;
  }

  #take(item: GateItem): void {
    if (item.kind === 'records') {
      this.#unread = { channel: item.channel, records: item.records };
    } else if (item.event.kind === 'end-of-input') {
      this.ended[item.channel] = true;
      this.#alignIfComplete();
    } else if (item.event.kind === 'barrier') {
      this.#barrier(item.channel, item.event);
    }
  }

  #barrier(channel: number, { checkpointId: id, alignment }: Barrier): void {
    if (id <= this.#lastId) return;
    if (alignment === 'unaligned') {
      this.#overtake(id);
      return;
    }
    if (this.#aligning === null || this.#aligning.id < id) {
      this.#resumeAll();
      this.#aligning = { id, hasCome: this.received.map(() => false) };
    }
    this.#aligning.hasCome[channel] = true;
    this.gate.blockChannel(channel);
    this.#alignIfComplete();
  }

  #alignIfComplete(): void {
    const aligning = this.#aligning;
    if (aligning?.hasCome.every((has, channel) => has || this.ended[channel]) !== true) return;
    this.#begin(aligning.id);
    this.#resumeAll();
    const inFlight = this.received.map(() => []);
    this.#onCut(aligning.id, { processed: this.#copy(), inFlight, isUnaligned: false });
  }

  #overtake(id: number): void {
    if (id <= this.#lastId) return;
    this.#begin(id);
    const processed = this.#copy();
    this.gate.overtake(id, this.#unread, (channels) => {
      if (channels === null) this.#onCut(id, null);
      else {
        const inFlight = sequencesIn(channels, this.received.length);
        this.#onCut(id, { processed, inFlight, isUnaligned: true });
      }
    });
  }

  #begin(id: number): void {
    this.#lastId = id;
    this.#aligning = null;
  }

  #resumeAll(): void {
    for (let channel = 0; channel < this.received.length; channel += 1) {
      this.gate.resumeChannel(channel);
    }
  }

  #copy(): Sequences {
    return this.received.map((numbers) => [...numbers]);
  }
}
