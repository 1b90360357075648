/**
 * The consuming half of the hub: one connection to each task manager that this one reads from, and
 * the channels over it. Channels are numbered per connection. The hub's thread.
 */
import { type SluiceError, serializeError } from '../../shared/errors/sluice-error.ts';
import type { DataAddress } from '../../shared/job-graph/task-deployment.ts';
import { BufferPool } from './buffer-pool.ts';
import { Connection, type ConnectionHandler } from './connection.ts';
import type { PartitionRequest } from './frame.ts';
import type { HubEnvironment } from './hub-core.ts';
import type { HubSlot } from './hub-slot.ts';
import { peerName, tooManyConnections } from './network-errors.ts';
import { BUFFER_BYTES } from './network-options.ts';

/** The consuming end of a channel. */
interface RemoteChannel {
  readonly slot: HubSlot;
  /** Its number at the slot. */
  readonly slotChannel: number;
  /** Its number on the connection. */
  readonly number: number;
  readonly peer: ConsumerPeer;
}

interface ConsumerPeer {
  readonly connection: Connection;
  readonly channels: Map<number, RemoteChannel>;
  channelNumber: number;
}

/** Buffers below this are made to measure, larger ones in the size that pools keep. */
const SMALL_BUFFER_BYTES = BUFFER_BYTES / 4;
/** Ordinary buffers kept for use: 8 MiB. */
const IDLE_BUFFERS_MAX = 256;

export class ConsumerConnections {
  readonly #environment: HubEnvironment;
  /** By host, port and task manager id. */
  readonly #peers = new Map<string, ConsumerPeer>();
  readonly #pool = new BufferPool(IDLE_BUFFERS_MAX);
  readonly #channels = new Map<HubSlot, Map<number, RemoteChannel>>();

  constructor(environment: HubEnvironment) {
    this.#environment = environment;
  }

  /** A slot has read what was received in this buffer. */
  recycle(buffer: ArrayBuffer): void {
    this.#pool.give(buffer);
  }

  get size(): number {
    return this.#peers.size;
  }

  /** Asks the producer's task manager for a subpartition; connects to it where that is new. */
  request(
    consumer: {
      readonly slot: HubSlot;
      readonly channel: number;
      readonly producer: DataAddress;
      readonly mayOpen: boolean;
    },
    request: PartitionRequest,
  ): void {
    const { slot, channel, producer } = consumer;
    const key = `${producer.taskManagerId} ${producer.host}:${producer.port}`;
    let peer = this.#peers.get(key);
    if (peer === undefined) {
      if (!consumer.mayOpen) {
        const { connectionsMax } = this.#environment.limits;
        const error = tooManyConnections(peerName(producer), connectionsMax);
        slot.link.send({ kind: 'failed', channel, error: serializeError(error) });
        return;
      }
      peer = this.#open(key, producer);
    }
    peer.channelNumber += 1;
    const number = peer.channelNumber;
    const remote = { slot, slotChannel: channel, number, peer };
    peer.channels.set(number, remote);
    const ofSlot = this.#channels.get(slot) ?? new Map<number, RemoteChannel>();
    this.#channels.set(slot, ofSlot.set(channel, remote));
    peer.connection.sendRequest(number, request);
  }

  sendCredit(slot: HubSlot, slotChannel: number, units: number): void {
    const remote = this.#channels.get(slot)?.get(slotChannel);
    remote?.peer.connection.sendCredit(remote.number, units);
  }

  /** The consumer wants nothing more of the channel. */
  release(slot: HubSlot, slotChannel: number): void {
    const remote = this.#channels.get(slot)?.get(slotChannel);
    if (remote === undefined) return;
    this.#forget(remote);
    remote.peer.connection.sendReleased(remote.number);
  }

  slotClosed(slot: HubSlot): void {
    for (const slotChannel of [...(this.#channels.get(slot)?.keys() ?? [])]) {
      this.release(slot, slotChannel);
    }
    this.#channels.delete(slot);
  }

  tick(isLate: boolean): void {
    for (const { connection } of [...this.#peers.values()]) connection.tick(isLate);
  }

  end(): void {
    for (const { connection } of [...this.#peers.values()]) connection.end();
  }

  #open(key: string, producer: DataAddress): ConsumerPeer {
    const { connect, taskManagerId, clock, limits } = this.#environment;
    const channels = new Map<number, RemoteChannel>();
    const connection = new Connection({
      stream: connect(producer.host, producer.port),
      taskManagerId,
      role: 'consumer',
      expected: { taskManagerId: producer.taskManagerId, name: peerName(producer) },
      clock,
      limits,
      handler: this.#handler(channels, (error) => this.#closed(key, peer, error)),
    });
    const peer: ConsumerPeer = { connection, channels, channelNumber: 0 };
    this.#peers.set(key, peer);
    return peer;
  }

  #handler(
    channels: Map<number, RemoteChannel>,
    closed: (error: SluiceError | null) => void,
  ): ConnectionHandler {
    return {
      allocate: (number, bytes) => {
        if (!channels.has(number)) return null;
        const isOrdinary = bytes > SMALL_BUFFER_BYTES && bytes <= BUFFER_BYTES;
        return isOrdinary ? this.#pool.take() : new ArrayBuffer(bytes);
      },
      data(number, buffer, bytes) {
        const remote = channels.get(number);
        if (remote === undefined) return;
        remote.slot.link.send({ kind: 'data', channel: remote.slotChannel, buffer, bytes });
      },
      failed: (number, error) => {
        const remote = channels.get(number);
        if (remote !== undefined) this.#fail(remote, error);
      },
      // A connection in the role of consumer lets none of these through.
      request() {},
      credit() {},
      released() {},
      closed,
    };
  }

  #closed(key: string, peer: ConsumerPeer, error: SluiceError | null): void {
    if (this.#peers.get(key) === peer) this.#peers.delete(key);
    if (error === null) return;
    const context = { peer: peer.connection.peer, error: error.message };
    this.#environment.log('warn', 'data plane: connection lost', context);
    for (const remote of [...peer.channels.values()]) this.#fail(remote, error);
  }

  #fail(remote: RemoteChannel, error: Error): void {
    this.#forget(remote);
    const { slot, slotChannel } = remote;
    slot.link.send({ kind: 'failed', channel: slotChannel, error: serializeError(error) });
  }

  #forget(remote: RemoteChannel): void {
    remote.peer.channels.delete(remote.number);
    this.#channels.get(remote.slot)?.delete(remote.slotChannel);
  }
}
