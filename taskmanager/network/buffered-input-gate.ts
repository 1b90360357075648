/**
 * The consuming end of an exchange: takes buffers in as they come, hands them out channel by channel
 * in turn, and decodes them only then. Credit is granted as buffers are taken, so what waits here
 * is bounded by the credit of the channels.
 *
 * In the slot's thread; links are injected.
 */
import type { InputGateDescriptor } from '../../shared/job-graph/task-deployment.ts';
import type { Barrier, StreamEvent } from '../../shared/record/stream-event.ts';
import { encodeEvent } from '../../shared/serialization/event-codec.ts';
import type {
  Payload,
  RecordBatchDecoder,
} from '../../shared/serialization/record-batch-decoder.ts';
import { encodeRecords } from '../../shared/serialization/record-payloads.ts';
import { PAYLOAD_KIND } from '../../shared/serialization/wire-format.ts';
import type { ChannelBuffers, OnOvertaken } from '../task/channel-buffers.ts';
import type { GateItem, InputGate, UnreadRecords } from '../task/input-gate.ts';
import { FRAME_HEADER_BYTES } from './frame.ts';
import { GateRecording } from './gate-recording.ts';
import { InputChannel, type QueuedInput } from './input-channel.ts';
import type { Defer } from './link-port.ts';
import { channelViolation } from './network-errors.ts';
import {
  CHANNEL_CREDIT_MAX,
  CHANNEL_CREDIT_MIN,
  creditUnits,
  GATE_CREDIT,
} from './network-options.ts';
import { bufferOf, copyPayload, isEventPayload } from './payloads.ts';

export interface GateEnvironment {
  readonly decoder: RecordBatchDecoder;
  /** Takes a buffer whose records have been read. */
  readonly recycle: (buffer: ArrayBuffer) => void;
  readonly defer: Defer;
  readonly nextChannelNumber: () => number;
  readonly grantCredit: (channel: InputChannel, units: number) => void;
  /** Nothing more is wanted of the channel. */
  readonly release: (channel: InputChannel) => void;
}

export class BufferedInputGate implements InputGate {
  readonly channels: readonly InputChannel[];
  /** The first credit of each channel. */
  readonly channelCredit: number;
  readonly #environment: GateEnvironment;
  /** Channels that have something and are not blocked, in turn. */
  #listed: InputChannel[] = [];
  #listedNext: InputChannel[] = [];
  #position = 0;
  /** Someone waits to hear that there is something. */
  #isAwaited = true;
  #buffersQueued = 0;
  #bytesIn = 0;
  #error: Error | null = null;
  #isClosed = false;
  #onAvailable: () => void = () => {};
  #onFailure: ((error: Error) => void) | null = null;
  #onBarrier: (channel: number, barrier: Barrier) => void = () => {};
  #recording: GateRecording | null = null;

  constructor(descriptor: InputGateDescriptor, environment: GateEnvironment) {
    this.#environment = environment;
    const share = Math.floor(GATE_CREDIT / Math.max(1, descriptor.channels.length));
    const credit = Math.min(CHANNEL_CREDIT_MAX, Math.max(CHANNEL_CREDIT_MIN, share));
    this.channelCredit = credit;
    this.channels = descriptor.channels.map(
      (channel, index) =>
        new InputChannel({
          descriptor: channel,
          index,
          number: environment.nextChannelNumber(),
          credit,
        }),
    );
  }

  get channelCount(): number {
    return this.channels.length;
  }

  get buffersQueued(): number {
    return this.#buffersQueued;
  }

  get creditsGranted(): number {
    return this.channels.reduce((total, channel) => total + channel.unitsOpen, 0);
  }

  get bytesIn(): number {
    return this.#bytesIn;
  }

  poll(): GateItem | null {
    const channel = this.#nextChannel();
    if (channel === null) {
      this.#isAwaited = true;
      return null;
    }
    const item = channel.take();
    if (item === null) return null;
    this.#buffersQueued -= 1;
    this.#bytesIn += item.bytes;
    this.#grantCredit(channel);
    if (channel.length > 0) this.#list(channel);
    if (item.kind === 'event') {
      if (item.event.kind === 'barrier') channel.barrierTaken = item.event.checkpointId;
      return { kind: 'event', channel: channel.index, event: item.event };
    }
    const payload = this.#decode(item.buffer, item.bytes);
    if (payload?.kind !== 'records') return null;
    this.#environment.recycle(item.buffer);
    return { kind: 'records', channel: channel.index, records: payload.records };
  }

  onAvailable(callback: () => void): void {
    this.#onAvailable = callback;
  }

  onFailure(callback: (error: Error) => void): void {
    this.#onFailure = callback;
    if (this.#error !== null) this.#reportFailure(this.#error);
  }

  blockChannel(channel: number): void {
    const blocked = this.channels[channel];
    if (blocked !== undefined) blocked.isBlocked = true;
  }

  resumeChannel(channel: number): void {
    const resumed = this.channels[channel];
    if (resumed === undefined) return;
    resumed.isBlocked = false;
    if (resumed.length > 0) this.#listAndNotify(resumed);
  }

  onBarrier(callback: (channel: number, barrier: Barrier) => void): void {
    this.#onBarrier = callback;
  }

  overtake(checkpointId: number, unread: UnreadRecords | null, onOvertaken: OnOvertaken): void {
    this.#recording?.cancel();
    const recording = new GateRecording(checkpointId, onOvertaken);
    this.#recording = recording;
    if (this.#isClosed || this.#error !== null) {
      recording.cancel();
      return;
    }
    for (const channel of this.channels) {
      if (channel.barrierTaken < checkpointId) {
        const rest = unread?.channel === channel.index ? unread.records : [];
        for (const payload of encodeRecords(rest)) recording.add(channel.index, payload);
        this.#overtakeIn(channel, recording);
      }
      this.resumeChannel(channel.index);
    }
    recording.completeIfDone();
  }

  restore(channels: readonly ChannelBuffers[]): void {
    for (const { channel: index, buffers } of channels) {
      const channel = this.channels[index];
      if (channel === undefined || buffers.length === 0) continue;
      const items = buffers.flatMap((payload) => this.#restored(payload));
      channel.restore(items);
      this.#buffersQueued += items.length;
      this.#listAndNotify(channel);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#drop();
    for (const channel of this.channels) this.#environment.release(channel);
  }

  /** A buffer has arrived. */
  receive(channel: InputChannel, buffer: ArrayBuffer, bytes: number): void {
    if (this.#isClosed || this.#error !== null) return;
    if (bytes <= FRAME_HEADER_BYTES || bytes > buffer.byteLength) {
      this.fail(channelViolation(channel.descriptor.partitionId, 'sent an empty buffer'));
      return;
    }
    const view = new DataView(buffer);
    let event: StreamEvent | null = null;
    if (view.getUint8(FRAME_HEADER_BYTES) === PAYLOAD_KIND.event) {
      const payload = this.#decode(buffer, bytes);
      if (payload?.kind !== 'event') return;
      event = payload.event;
    }
    const barrier = event?.kind === 'barrier' ? event : null;
    const mayOverdraw =
      barrier?.alignment === 'unaligned' && barrier.checkpointId > channel.barrierSeen;
    const violation = channel.accept(view.getUint32(12, true), bytes, mayOverdraw);
    if (violation !== null) {
      this.fail(violation);
      return;
    }
    if (barrier !== null && !this.#admitBarrier(channel, barrier, bytes)) return;
    const units = creditUnits(bytes);
    if (event === null) {
      if (this.#recording?.isOpen(channel.index) === true) {
        this.#recording.add(channel.index, copyPayload(buffer, bytes));
      }
      channel.push({ kind: 'records', buffer, bytes, units });
    } else {
      this.#recordEvent(channel, event);
      channel.push({ kind: 'event', event, bytes, units });
    }
    this.#buffersQueued += 1;
    if (channel.hasEnded) this.#environment.release(channel);
    if (barrier !== null) this.#onBarrier(channel.index, barrier);
    this.#listAndNotify(channel);
  }

  /** The channel's producer is lost; that matters only if something was still to come. */
  failChannel(channel: InputChannel, error: Error): void {
    if (!channel.hasEnded) this.fail(error);
  }

  fail(error: Error): void {
    if (this.#error !== null || this.#isClosed) return;
    this.#error = error;
    this.#drop();
    this.#reportFailure(error);
  }

  /** What waits in front of the barrier joins the recording; without one, so does what still comes. */
  #overtakeIn(channel: InputChannel, recording: GateRecording): void {
    const { checkpointId } = recording;
    for (const item of channel.queuedBefore(checkpointId)) {
      if (item.kind === 'records') {
        recording.add(channel.index, copyPayload(item.buffer, item.bytes));
      } else if (isChannelState(item.event)) {
        recording.add(channel.index, new Uint8Array(encodeEvent(item.event, 0)));
      }
    }
    if (channel.barrierSeen < checkpointId) {
      if (!channel.hasEnded) recording.open(channel.index);
      return;
    }
    // A newer one has come in its place: this checkpoint was given up.
    if (channel.barrierSeen > checkpointId) recording.cancel();
    channel.barrierTaken = checkpointId;
    this.#removeBarriers(channel, checkpointId);
  }

  /** False: the barrier does not have to wait for its turn. */
  #admitBarrier(channel: InputChannel, barrier: Barrier, bytes: number): boolean {
    const { checkpointId } = barrier;
    const isStale = checkpointId <= channel.barrierSeen;
    if (!isStale) {
      channel.barrierSeen = checkpointId;
      // Those before it belong to checkpoints that were given up.
      this.#removeBarriers(channel, checkpointId);
      const recording = this.#recording;
      if (recording?.isOpen(channel.index) === true) {
        if (checkpointId > recording.checkpointId) recording.cancel();
        else if (checkpointId === recording.checkpointId) {
          channel.barrierTaken = checkpointId;
          channel.consume(creditUnits(bytes));
          this.#grantCredit(channel);
          recording.close(channel.index);
          return false;
        }
      }
      return true;
    }
    channel.consume(creditUnits(bytes));
    this.#grantCredit(channel);
    return false;
  }

  #recordEvent(channel: InputChannel, event: StreamEvent): void {
    const recording = this.#recording;
    if (recording?.isOpen(channel.index) !== true) return;
    if (event.kind === 'end-of-input') recording.close(channel.index);
    else if (isChannelState(event)) {
      recording.add(channel.index, new Uint8Array(encodeEvent(event, 0)));
    }
  }

  #removeBarriers(channel: InputChannel, checkpointId: number): void {
    this.#buffersQueued -= channel.removeBarriers(checkpointId);
    this.#grantCredit(channel);
  }

  #grantCredit(channel: InputChannel): void {
    const units = channel.creditToGrant();
    if (units > 0) this.#environment.grantCredit(channel, units);
  }

  #restored(payload: Uint8Array): readonly QueuedInput[] {
    const buffer = bufferOf(payload);
    const bytes = buffer.byteLength;
    if (!isEventPayload(payload)) return [{ kind: 'records', buffer, bytes, units: 0 }];
    const decoded = this.#decode(buffer, bytes);
    return decoded?.kind === 'event'
      ? [{ kind: 'event', event: decoded.event, bytes, units: 0 }]
      : [];
  }

  #reportFailure(error: Error): void {
    const callback = this.#onFailure;
    if (callback === null) return;
    this.#onFailure = null;
    this.#environment.defer(() => {
      if (!this.#isClosed) callback(error);
    });
  }

  #decode(buffer: ArrayBuffer, bytes: number): Payload | null {
    try {
      return this.#environment.decoder.decode(new Uint8Array(buffer), FRAME_HEADER_BYTES, bytes);
    } catch (error) {
      this.fail(error as Error);
      return null;
    }
  }

  #drop(): void {
    this.#listed = [];
    this.#listedNext = [];
    this.#position = 0;
    this.#buffersQueued = 0;
    this.#recording?.cancel();
    for (const channel of this.channels) channel.clear();
  }

  /** The next listed channel that is not blocked; a blocked one is listed again when it resumes. */
  #nextChannel(): InputChannel | null {
    for (;;) {
      if (this.#position === this.#listed.length) {
        if (this.#listedNext.length === 0) return null;
        const emptied = this.#listed;
        emptied.length = 0;
        this.#listed = this.#listedNext;
        this.#listedNext = emptied;
        this.#position = 0;
      }
      const channel = this.#listed[this.#position] as InputChannel;
      this.#position += 1;
      channel.isListed = false;
      if (!channel.isBlocked) return channel;
    }
  }

  #list(channel: InputChannel): void {
    if (channel.isListed || channel.isBlocked) return;
    channel.isListed = true;
    this.#listedNext.push(channel);
  }

  #listAndNotify(channel: InputChannel): void {
    this.#list(channel);
    if (!channel.isListed || !this.#isAwaited) return;
    this.#isAwaited = false;
    this.#onAvailable();
  }
}

/** What a restored channel must say again; barriers and ends belong to the checkpoint or the attempt. */
function isChannelState(event: StreamEvent): boolean {
  return event.kind === 'watermark' || event.kind === 'status';
}
