/**
 * The slot's side of the data plane: keeps the links to the hub and to other slots, and passes what
 * comes over them to the partitions and gates. Ports and the event loop are injected, so that the
 * simulation runs this very code. In the slot's thread.
 */
import { deserializeError, serializeError } from '../../shared/errors/sluice-error.ts';
import type {
  InputGateDescriptor,
  ResultPartitionDescriptor,
} from '../../shared/job-graph/task-deployment.ts';
import { RecordBatchDecoder } from '../../shared/serialization/record-batch-decoder.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { InputGate } from '../task/input-gate.ts';
import type { ResultPartition } from '../task/result-partition.ts';
import { BufferPool } from './buffer-pool.ts';
import { BufferedInputGate } from './buffered-input-gate.ts';
import type { InputChannel } from './input-channel.ts';
import { Link } from './link.ts';
import { HUB_LINK, type LinkMessage, LOOPBACK_LINK, RECYCLED_PER_MESSAGE } from './link-message.ts';
import type { Defer, LinkPort } from './link-port.ts';
import { connectionClosed, producerEnded } from './network-errors.ts';
import { BUFFER_BYTES, type ResultPartitionOptions } from './network-options.ts';
import { PipelinedResultPartition } from './pipelined-result-partition.ts';

export interface SlotNetworkEnvironment {
  readonly clock: Clock;
  readonly defer: Defer;
  /** Makes a link port of what arrived with a `link` message. */
  readonly openPort: (port: unknown) => LinkPort;
}

interface Incoming {
  readonly gate: BufferedInputGate;
  readonly channel: InputChannel;
  /** Known once the hub has found the producer, or its first buffer is here. */
  link: Link | null;
}

interface Outgoing {
  readonly partition: PipelinedResultPartition;
  readonly subpartition: number;
}

/** A link and the subpartitions that are read over it, by the numbers of its consuming end. */
interface LinkEnd {
  readonly link: Link;
  readonly outgoing: Map<number, Outgoing>;
}

/** Ordinary buffers kept for use: 4 MiB a slot. */
const IDLE_BUFFERS_MAX = 128;

export class SlotNetworkCore {
  readonly #environment: SlotNetworkEnvironment;
  readonly #links = new Map<number, LinkEnd>();
  readonly #hub: Link;
  readonly #pool = new BufferPool(IDLE_BUFFERS_MAX);
  readonly #decoder = new RecordBatchDecoder();
  readonly #partitions = new Map<string, PipelinedResultPartition>();
  readonly #gates = new Set<BufferedInputGate>();
  readonly #incoming = new Map<number, Incoming>();
  /** Buffers on their way back to the hub. */
  #recycled: ArrayBuffer[] = [];
  #channelNumber = 0;
  #isClosed = false;

  constructor(hub: LinkPort, environment: SlotNetworkEnvironment) {
    this.#environment = environment;
    this.#hub = this.#addLink(HUB_LINK, hub);
    this.#addLink(LOOPBACK_LINK, loopbackPort(environment.defer));
  }

  createResultPartition(
    descriptor: ResultPartitionDescriptor,
    options: ResultPartitionOptions,
  ): ResultPartition {
    const { partitionId, subpartitions } = descriptor;
    const partition = new PipelinedResultPartition(descriptor, options, {
      clock: this.#environment.clock,
      defer: this.#environment.defer,
      pool: this.#pool,
      onClose: () => {
        this.#partitions.delete(partitionId);
        this.#hub.send({ kind: 'release-partition', partitionId });
        for (const { outgoing } of this.#links.values()) {
          for (const [channel, { partition: owner }] of outgoing) {
            if (owner === partition) outgoing.delete(channel);
          }
        }
      },
    });
    this.#partitions.set(partitionId, partition);
    this.#hub.send({ kind: 'register-partition', partitionId, subpartitions });
    return partition;
  }

  createInputGate(descriptor: InputGateDescriptor): InputGate {
    const gate: BufferedInputGate = new BufferedInputGate(descriptor, {
      decoder: this.#decoder,
      recycle: (buffer) => this.#recycle(buffer),
      defer: this.#environment.defer,
      nextChannelNumber: () => {
        this.#channelNumber += 1;
        return this.#channelNumber;
      },
      grantCredit: (channel, units) => {
        const incoming = this.#incoming.get(channel.number);
        incoming?.link?.send({ kind: 'credit', channel: channel.number, units });
      },
      release: (channel) => this.#releaseIncoming(channel),
    });
    this.#gates.add(gate);
    for (const channel of gate.channels) {
      this.#incoming.set(channel.number, { gate, channel, link: null });
      const { partitionId, subpartition, producer } = channel.descriptor;
      const credit = gate.channelCredit;
      const { number } = channel;
      const request = { partitionId, subpartition, producer, credit };
      this.#hub.send({ kind: 'request', channel: number, ...request });
    }
    return gate;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const gate of this.#gates) gate.close();
    for (const partition of this.#partitions.values()) partition.close();
    for (const { link } of this.#links.values()) link.close();
  }

  #addLink(number: number, port: LinkPort): Link {
    const link = new Link(number, port, this.#environment.defer);
    const end: LinkEnd = { link, outgoing: new Map() };
    this.#links.set(number, end);
    port.onMessages((messages) => {
      for (const message of messages) this.#handle(end, message);
    });
    port.onClose(() => this.#linkClosed(end));
    return link;
  }

  #handle(end: LinkEnd, message: LinkMessage): void {
    switch (message.kind) {
      case 'data': {
        const incoming = this.#incoming.get(message.channel);
        if (incoming === undefined) return;
        incoming.link = end.link;
        incoming.gate.receive(incoming.channel, message.buffer, message.bytes);
        return;
      }
      case 'credit': {
        const outgoing = end.outgoing.get(message.channel);
        outgoing?.partition.grantCredit(outgoing.subpartition, message.units);
        return;
      }
      case 'released': {
        const outgoing = end.outgoing.get(message.channel);
        end.outgoing.delete(message.channel);
        const error = message.error === null ? null : deserializeError(message.error);
        outgoing?.partition.release(outgoing.subpartition, error);
        return;
      }
      case 'failed':
        this.#channelFailed(message.channel, deserializeError(message.error), end);
        return;
      case 'subscribe':
        this.#subscribe(message);
        return;
      case 'recycle':
        for (const buffer of message.buffers) this.#pool.give(buffer);
        return;
      case 'established':
        this.#established(message.link, message.channel);
        return;
      case 'link':
        this.#addLink(message.link, this.#environment.openPort(message.port));
        return;
      case 'register-partition':
      case 'release-partition':
      case 'request':
        // Only the hub is told these.
        return;
      default:
        message satisfies never;
    }
  }

  #channelFailed(channel: number, error: Error, end: LinkEnd): void {
    const incoming = this.#incoming.get(channel);
    if (incoming === undefined) return;
    incoming.link = end.link;
    incoming.gate.failChannel(incoming.channel, error);
  }

  #subscribe(message: Extract<LinkMessage, { kind: 'subscribe' }>): void {
    const end = this.#links.get(message.link);
    const partition = this.#partitions.get(message.partitionId);
    if (end === undefined) return;
    const { channel, subpartition, credit } = message;
    if (partition === undefined) {
      // Closed while the hub's message was on its way.
      const error = serializeError(producerEnded(message.partitionId));
      end.link.send({ kind: 'failed', channel, error });
      return;
    }
    end.outgoing.set(channel, { partition, subpartition });
    partition.subscribe(subpartition, credit, { link: end.link, channel });
  }

  #established(linkNumber: number, channel: number): void {
    const link = this.#links.get(linkNumber)?.link;
    const incoming = this.#incoming.get(channel);
    if (link === undefined) return;
    // Closed before the hub's answer was here: the producer has to hear it from us.
    if (incoming === undefined) link.send({ kind: 'released', channel, error: null });
    else incoming.link = link;
  }

  /** Own producers come first; what they do not need goes back to where it was received. */
  #recycle(buffer: ArrayBuffer): void {
    if (buffer.byteLength !== BUFFER_BYTES) return;
    if (this.#partitions.size > 0 && this.#pool.idle < IDLE_BUFFERS_MAX) {
      this.#pool.give(buffer);
      return;
    }
    this.#recycled.push(buffer);
    if (this.#recycled.length < RECYCLED_PER_MESSAGE) return;
    this.#hub.send({ kind: 'recycle', buffers: this.#recycled });
    this.#recycled = [];
  }

  #releaseIncoming(channel: InputChannel): void {
    const incoming = this.#incoming.get(channel.number);
    if (incoming === undefined) return;
    this.#incoming.delete(channel.number);
    const link = incoming.link ?? this.#hub;
    link.send({ kind: 'released', channel: channel.number, error: null });
    if ([...incoming.gate.channels].every(({ number }) => !this.#incoming.has(number))) {
      this.#gates.delete(incoming.gate);
    }
  }

  /** The other thread has ended (or the task manager closes): whatever went over the link is lost. */
  #linkClosed(end: LinkEnd): void {
    this.#links.delete(end.link.number);
    if (this.#isClosed) return;
    const peer = end.link.number === HUB_LINK ? 'the task manager' : 'a slot of this task manager';
    const error = connectionClosed(peer, null);
    for (const { partition, subpartition } of end.outgoing.values()) {
      partition.release(subpartition, error);
    }
    for (const incoming of [...this.#incoming.values()]) {
      if (incoming.link === end.link || end.link === this.#hub) {
        incoming.gate.failChannel(incoming.channel, error);
      }
    }
  }
}

/** Both ends in one thread: what is posted arrives in the next turn. */
function loopbackPort(defer: Defer): LinkPort {
  let deliver: (messages: readonly LinkMessage[]) => void = () => {};
  let isClosed = false;
  return {
    post(messages) {
      defer(() => {
        if (!isClosed) deliver(messages);
      });
    },
    onMessages(callback) {
      deliver = callback;
    },
    receivePending() {},
    onClose() {},
    close() {
      isClosed = true;
    },
  };
}
