/**
 * The switchboard of a task manager's data plane: requests find their partitions, buffers find their
 * way between the slots' ports and the connections to other task managers. Slots of this task
 * manager are linked to each other directly; the hub only introduces them.
 *
 * Streams, ports and time are injected, so that the simulation runs this very code. In the task
 * manager's main thread.
 */
import { serializeError } from '../../shared/errors/sluice-error.ts';
import type { DataAddress } from '../../shared/job-graph/task-deployment.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import { ConsumerConnections } from './consumer-connections.ts';
import type { HubSlot } from './hub-slot.ts';
import { Link } from './link.ts';
import { HUB_LINK, type LinkMessage, LOOPBACK_LINK } from './link-message.ts';
import type { Defer, LinkPort } from './link-port.ts';
import { connectionClosed } from './network-errors.ts';
import type { NetworkLimits, NetworkLog } from './network-options.ts';
import { PartitionDirectory } from './partition-directory.ts';
import { ProducerConnections } from './producer-connections.ts';
import type { ByteStream } from './transport.ts';

export interface HubEnvironment {
  readonly taskManagerId: string;
  readonly clock: Clock;
  readonly defer: Defer;
  readonly limits: NetworkLimits;
  readonly log: NetworkLog;
  readonly connect: (host: string, port: number) => ByteStream;
  /** The two ends of a link between slots, in the form that `post` can transfer. */
  readonly createChannel: () => readonly [unknown, unknown];
}

export class HubCore {
  readonly #environment: HubEnvironment;
  readonly #directory: PartitionDirectory<HubSlot>;
  /** Connections that others opened, to read from here. */
  readonly #producing: ProducerConnections;
  /** Connections that this hub opened, to read from others. */
  readonly #consuming: ConsumerConnections;
  readonly #slots = new Set<HubSlot>();
  #cancelTick: CancelTimer;
  #tickedAtMs: number;

  constructor(environment: HubEnvironment) {
    const { clock, limits } = environment;
    this.#environment = environment;
    this.#directory = new PartitionDirectory({
      clock,
      waitingMax: limits.requestsWaitingMax,
      timeoutMs: limits.requestTimeoutMs,
    });
    this.#producing = new ProducerConnections(environment, this.#directory);
    this.#consuming = new ConsumerConnections(environment);
    this.#tickedAtMs = clock.monotonicMs();
    this.#cancelTick = this.#scheduleTick();
  }

  addSlot(port: LinkPort): void {
    const link = new Link(HUB_LINK, port, this.#environment.defer);
    const slot: HubSlot = {
      link,
      peers: new Map(),
      waiting: new Map(),
      recycled: [],
      linksMade: 0,
    };
    this.#slots.add(slot);
    port.onMessages((messages) => {
      for (const message of messages) this.#handle(slot, message);
    });
    port.onClose(() => this.#slotClosed(slot));
  }

  /** Another task manager has connected. */
  accept(stream: ByteStream): void {
    const { connectionsMax } = this.#environment.limits;
    if (this.connectionCount >= connectionsMax) {
      const context = { peer: stream.peer, connectionsMax };
      this.#environment.log('warn', 'data plane: too many connections, one refused', context);
      stream.destroy();
      return;
    }
    this.#producing.accept(stream);
  }

  get connectionCount(): number {
    return this.#producing.size + this.#consuming.size;
  }

  close(): void {
    this.#cancelTick();
    // Buffers of partitions that count as drained may still lie in the ports.
    for (const slot of this.#slots) slot.link.receivePending();
    this.#producing.end();
    this.#consuming.end();
    for (const slot of this.#slots) slot.link.close();
    this.#slots.clear();
  }

  #scheduleTick(): CancelTimer {
    const { clock, limits } = this.#environment;
    return clock.setTimer(limits.pingIntervalMs, () => {
      const nowMs = clock.monotonicMs();
      // A tick that comes this late means that this thread, not the peers, was silent.
      const isLate = nowMs - this.#tickedAtMs > 2 * limits.pingIntervalMs;
      this.#tickedAtMs = nowMs;
      this.#producing.tick(isLate);
      this.#consuming.tick(isLate);
      this.#cancelTick = this.#scheduleTick();
    });
  }

  #handle(slot: HubSlot, message: LinkMessage): void {
    switch (message.kind) {
      case 'data':
        this.#producing.sendData(message.channel, message.buffer, message.bytes);
        return;
      case 'failed':
        this.#producing.sendFailed(message.channel, message.error);
        return;
      case 'credit':
        this.#consuming.sendCredit(slot, message.channel, message.units);
        return;
      case 'released':
        this.#consuming.release(slot, message.channel);
        slot.waiting.get(message.channel)?.();
        slot.waiting.delete(message.channel);
        return;
      case 'recycle':
        for (const buffer of message.buffers) this.#consuming.recycle(buffer);
        return;
      case 'register-partition':
        this.#directory.register(message.partitionId, slot, message.subpartitions);
        return;
      case 'release-partition':
        this.#directory.release(message.partitionId);
        return;
      case 'request':
        this.#request(slot, message);
        return;
      case 'subscribe':
      case 'established':
      case 'link':
        // Only the hub says these.
        return;
      default:
        message satisfies never;
    }
  }

  #request(slot: HubSlot, message: Extract<LinkMessage, { kind: 'request' }>): void {
    const { channel, producer, partitionId, subpartition, credit } = message;
    if (producer.taskManagerId !== this.#environment.taskManagerId) {
      slot.link.send({ kind: 'established', link: HUB_LINK, channel });
      this.#requestRemote(slot, producer, message);
      return;
    }
    slot.waiting.set(channel, () => {});
    const forget = this.#directory.request({
      partitionId,
      subpartition,
      credit,
      serve: (producerSlot) => {
        slot.waiting.delete(channel);
        this.#introduce(producerSlot, {
          consumer: slot,
          channel,
          partitionId,
          subpartition,
          credit,
        });
      },
      refuse: (error) => {
        slot.waiting.delete(channel);
        slot.link.send({ kind: 'failed', channel, error: serializeError(error) });
      },
    });
    if (slot.waiting.has(channel)) slot.waiting.set(channel, forget);
  }

  #requestRemote(
    slot: HubSlot,
    producer: DataAddress,
    message: Extract<LinkMessage, { kind: 'request' }>,
  ): void {
    const { channel, partitionId, subpartition, credit } = message;
    const mayOpen = this.connectionCount < this.#environment.limits.connectionsMax;
    this.#consuming.request(
      { slot, channel, producer, mayOpen },
      { partitionId, subpartition, credit },
    );
  }

  /** Producer and consumer are slots of this task manager, perhaps the same one. */
  #introduce(producer: HubSlot, request: LocalRequest): void {
    const { consumer, channel, partitionId, subpartition, credit } = request;
    const [toConsumer, toProducer] =
      producer === consumer
        ? [LOOPBACK_LINK, LOOPBACK_LINK]
        : this.#linkNumbers(producer, consumer);
    const subscription = { channel, partitionId, subpartition, credit };
    consumer.link.send({ kind: 'established', link: toProducer, channel });
    producer.link.send({ kind: 'subscribe', link: toConsumer, ...subscription });
  }

  /** The numbers of the link between two slots at either end; made when first needed. */
  #linkNumbers(a: HubSlot, b: HubSlot): readonly [number, number] {
    const numberAtA = a.peers.get(b);
    const numberAtB = b.peers.get(a);
    if (numberAtA !== undefined && numberAtB !== undefined) return [numberAtA, numberAtB];
    const [portOfA, portOfB] = this.#environment.createChannel();
    return [linkTo(a, b, portOfA), linkTo(b, a, portOfB)];
  }

  #slotClosed(slot: HubSlot): void {
    if (!this.#slots.delete(slot)) return;
    const error = connectionClosed('a slot of the producing task manager', null);
    this.#directory.releaseSlot(slot);
    for (const forget of slot.waiting.values()) forget();
    this.#producing.slotClosed(slot, serializeError(error));
    this.#consuming.slotClosed(slot);
    for (const other of this.#slots) other.peers.delete(slot);
  }
}

/** A consumer in a slot of this task manager, and what it wants. */
interface LocalRequest {
  readonly consumer: HubSlot;
  readonly channel: number;
  readonly partitionId: string;
  readonly subpartition: number;
  readonly credit: number;
}

function linkTo(slot: HubSlot, other: HubSlot, port: unknown): number {
  slot.linksMade += 1;
  const number = LOOPBACK_LINK + slot.linksMade;
  slot.peers.set(other, number);
  slot.link.send({ kind: 'link', link: number, port });
  return number;
}
