import assert from 'node:assert/strict';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { Partitioner } from '../../../shared/job-graph/job-graph.ts';
import { END_OF_INPUT } from '../../../shared/record/stream-event.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import { GATE_CREDIT } from '../../../taskmanager/network/network-options.ts';
import type { SlotNetworkCore } from '../../../taskmanager/network/slot-network-core.ts';
import type { InputGate } from '../../../taskmanager/task/input-gate.ts';
import type { ResultPartition } from '../../../taskmanager/task/result-partition.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { SimulatedCluster, type SimulatedSlot } from './simulated-cluster.ts';
import { SimulatedWorld } from './simulated-world.ts';

/**
 * One exchange between slots of several task managers, the real hubs and slot networks over
 * simulated ports and connections. Checked throughout: per channel nothing is lost, doubled or out
 * of order; queues stay within their bounds; a loss is reported to whom it concerns, once.
 */
export interface SimulationOutcome {
  readonly fault: Fault;
  readonly recordsReceived: number;
  /** Codes of the failures that were reported. */
  readonly failures: readonly string[];
}

type Fault =
  | 'none'
  | 'connection-reset'
  | 'peer-silent'
  | 'producer-closed'
  | 'consumer-closed'
  | 'slot-ended';
const FAULTS: readonly Fault[] = [
  'none',
  'none',
  'connection-reset',
  'peer-silent',
  'producer-closed',
  'consumer-closed',
  'slot-ended',
];

interface Producer {
  readonly partition: ResultPartition;
  readonly slot: SimulatedSlot;
  readonly index: number;
  readonly total: number;
  emitted: number;
  failure: Error | null;
  hasEnded: boolean;
  isClosed: boolean;
}

interface Consumer {
  readonly gate: InputGate;
  readonly slot: SimulatedSlot;
  readonly index: number;
  /** Per channel: the sequence numbers received. */
  readonly received: number[][];
  readonly ended: boolean[];
  /** Chance of taking something in a step: slow consumers have a small one. */
  readonly speed: number;
  failure: Error | null;
  isClosed: boolean;
}

export function simulate(seed: number): SimulationOutcome {
  return new ExchangeSimulation(seed).run();
}

const STEPS_MAX = 400_000;
const BUFFERS_QUEUED_MAX = 8;
const CANCEL_AFTER_MS = 20_000;

class ExchangeSimulation {
  readonly #random: SeededRandom;
  readonly #world: SimulatedWorld;
  readonly #cluster: SimulatedCluster;
  readonly #producers: Producer[] = [];
  readonly #consumers: Consumer[] = [];
  readonly #partitioner: Partitioner;
  readonly #fault: Fault;
  readonly #faultAtStep: number;
  #cancelAtMs = Number.POSITIVE_INFINITY;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#world = new SimulatedWorld(this.#random);
    const random = this.#random;
    this.#fault = FAULTS[random.integer(0, FAULTS.length - 1)] as Fault;
    this.#faultAtStep = random.integer(20, 3000);
    const kinds = ['forward', 'rebalance', 'hash', 'broadcast'] as const;
    const kind = kinds[random.integer(0, 3)] as (typeof kinds)[number];
    this.#partitioner = kind === 'hash' ? { kind, keyBy: ['key'] } : { kind };
    this.#cluster = new SimulatedCluster(this.#world);
    this.#deploy();
  }

  run(): SimulationOutcome {
    let faultDone = this.#fault === 'none';
    for (let step = 0; !this.#isOver(); step += 1) {
      assert.ok(step < STEPS_MAX, `the exchange came to a stand: ${this.#describe()}`);
      if (!faultDone && step >= this.#faultAtStep) {
        faultDone = true;
        this.#strike();
      }
      this.#step();
      this.#cancelLeftOver();
      this.#checkBounds();
    }
    this.#checkOutcome();
    const failures = [...this.#producers, ...this.#consumers].flatMap(({ failure }) =>
      failure instanceof SluiceError ? [failure.code] : [],
    );
    return {
      fault: this.#fault,
      recordsReceived: this.#consumers.flatMap(({ received }) => received.flat()).length,
      failures,
    };
  }

  #deploy(): void {
    const random = this.#random;
    const isForward = this.#partitioner.kind === 'forward';
    const producers = random.integer(1, 3);
    const consumers = isForward ? producers : random.integer(1, 3);
    const producerSlots = Array.from({ length: producers }, () => this.#cluster.anySlot());
    // Either side may be there first.
    const deployProducers = (): void => {
      for (const [index, slot] of producerSlots.entries()) {
        this.#deployProducer(slot, { index, subpartitions: isForward ? 1 : consumers });
      }
    };
    const isProducerFirst = random.chance(0.5);
    if (isProducerFirst) deployProducers();
    for (let index = 0; index < consumers; index += 1) {
      const from = isForward ? [index] : producerSlots.map((_, producer) => producer);
      this.#deployConsumer(
        index,
        from.map((producer) => ({
          partitionId: partitionId(producer),
          subpartition: isForward ? 0 : index,
          producer: this.#cluster.address(producerSlots[producer] as SimulatedSlot),
        })),
      );
    }
    for (let step = random.integer(0, 30); step > 0; step -= 1) this.#world.deliverOne();
    if (!isProducerFirst) deployProducers();
    this.#world.runDeferred();
  }

  #deployProducer(
    slot: SimulatedSlot,
    of: { readonly index: number; readonly subpartitions: number },
  ): void {
    const { index, subpartitions } = of;
    const partition = slot.network.createResultPartition(
      {
        partitionId: partitionId(index),
        sourceOperator: 'source',
        partitioner: this.#partitioner,
        subpartitions,
        maxParallelism: 128,
      },
      { subtaskIndex: index, buffersQueuedMax: BUFFERS_QUEUED_MAX },
    );
    const total = this.#random.integer(0, 800);
    const producer: Producer = {
      partition,
      slot,
      index,
      total,
      emitted: 0,
      failure: null,
      hasEnded: false,
      isClosed: false,
    };
    partition.onFailure((error) => {
      assert.equal(producer.failure, null, 'a failure is reported once');
      producer.failure = error;
    });
    this.#producers.push(producer);
  }

  #deployConsumer(
    index: number,
    channels: Parameters<SlotNetworkCore['createInputGate']>[0]['channels'],
  ): void {
    const slot = this.#cluster.anySlot();
    const gate = slot.network.createInputGate({ edgeId: 'edge', channels });
    const consumer: Consumer = {
      gate,
      slot,
      index,
      received: channels.map(() => []),
      ended: channels.map(() => false),
      speed: this.#random.chance(0.3) ? 0.02 : 0.9,
      failure: null,
      isClosed: false,
    };
    gate.onFailure((error) => {
      assert.equal(consumer.failure, null, 'a failure is reported once');
      consumer.failure = error;
    });
    this.#consumers.push(consumer);
  }

  #step(): void {
    const random = this.#random;
    const dice = random.next();
    if (dice < 0.25) this.#produce(this.#producers[random.integer(0, this.#producers.length - 1)]);
    else if (dice < 0.5)
      this.#consume(this.#consumers[random.integer(0, this.#consumers.length - 1)]);
    else if (dice > 0.97 || !this.#world.deliverOne()) this.#world.advance(random.integer(1, 20));
    this.#world.runDeferred();
  }

  #produce(producer: Producer | undefined): void {
    if (producer === undefined || producer.isClosed || producer.hasEnded) return;
    const { partition } = producer;
    if (producer.failure !== null) {
      producer.isClosed = true;
      partition.close();
      return;
    }
    for (let burst = this.#random.integer(1, 60); burst > 0; burst -= 1) {
      if (producer.emitted === producer.total) {
        partition.broadcastEvent(END_OF_INPUT);
        producer.hasEnded = true;
        partition.drained().then(
          () => {},
          () => {},
        );
        return;
      }
      if (!partition.isAvailable()) return;
      partition.emit(this.#record(producer.emitted));
      producer.emitted += 1;
      if (this.#random.chance(0.02)) {
        partition.broadcastEvent({ kind: 'watermark', timestampMs: producer.emitted });
      }
    }
  }

  /** Mostly small, some as large as an image tensor. */
  #record(sequence: number): StreamRecord {
    const size = this.#random.chance(0.05) ? this.#random.integer(1, 200_000) : 100;
    const value = { sequence, key: `key-${sequence % 17}`, filling: new Uint8Array(size) };
    return new StreamRecord(value, 0, 0, null, null, null);
  }

  #consume(consumer: Consumer | undefined): void {
    if (consumer === undefined || consumer.isClosed) return;
    const { gate } = consumer;
    const random = this.#random;
    if (consumer.failure !== null || consumer.ended.every(Boolean)) {
      consumer.isClosed = true;
      gate.close();
      return;
    }
    if (!random.chance(consumer.speed)) return;
    const channel = random.integer(0, gate.channelCount - 1);
    if (random.chance(0.05)) gate.blockChannel(channel);
    else if (random.chance(0.5)) gate.resumeChannel(channel);
    for (let burst = random.integer(1, 4); burst > 0; burst -= 1) {
      const item = gate.poll();
      if (item === null) return;
      assert.equal(consumer.ended[item.channel], false, 'nothing comes after the end of input');
      const received = consumer.received[item.channel] as number[];
      if (item.kind === 'records') {
        for (const record of item.records) received.push(record.value['sequence'] as number);
      } else if (item.event.kind === 'end-of-input') {
        consumer.ended[item.channel] = true;
      } else if (item.event.kind === 'watermark') {
        // Every record in front of it is here already, and none behind it.
        const last = received.at(-1);
        assert.ok(
          last === undefined || last < item.event.timestampMs,
          'a watermark keeps its place',
        );
      }
    }
  }

  #strike(): void {
    const random = this.#random;
    const { streams } = this.#cluster;
    const stream = streams[random.integer(0, streams.length - 1)];
    const producer = this.#producers[random.integer(0, this.#producers.length - 1)] as Producer;
    const consumer = this.#consumers[random.integer(0, this.#consumers.length - 1)] as Consumer;
    switch (this.#fault) {
      case 'none':
        return;
      case 'connection-reset':
        stream?.breakNow();
        return;
      case 'peer-silent':
        stream?.fallSilent();
        return;
      case 'producer-closed':
        producer.isClosed = true;
        producer.partition.close();
        return;
      case 'consumer-closed':
        consumer.isClosed = true;
        consumer.gate.close();
        return;
      case 'slot-ended':
        this.#endSlot(this.#cluster.anySlot());
        return;
      default:
        this.#fault satisfies never;
    }
  }

  /** The thread is terminated: its ports close, and it does nothing in order. */
  #endSlot(slot: SimulatedSlot): void {
    for (const task of [...this.#producers, ...this.#consumers]) {
      if (task.slot === slot) task.isClosed = true;
    }
    for (const port of slot.ports) port.close();
  }

  /** A request lost with its connection leaves a producer that nobody reads: the job manager's task. */
  #cancelLeftOver(): void {
    if (this.#fault === 'none' || !this.#consumers.every(({ isClosed }) => isClosed)) return;
    this.#cancelAtMs = Math.min(this.#cancelAtMs, this.#world.nowMs() + CANCEL_AFTER_MS);
    if (this.#world.nowMs() < this.#cancelAtMs) return;
    for (const producer of this.#producers) {
      producer.isClosed = true;
      producer.partition.close();
    }
  }

  #isOver(): boolean {
    return (
      this.#producers.every(
        ({ isClosed, hasEnded, failure }) => isClosed || hasEnded || failure !== null,
      ) && this.#consumers.every(({ isClosed }) => isClosed)
    );
  }

  #checkBounds(): void {
    for (const { gate } of this.#consumers) {
      assert.ok(gate.buffersQueued <= GATE_CREDIT, `${gate.buffersQueued} buffers in a gate`);
    }
    for (const { partition } of this.#producers) {
      // Full, one more for the record that filled it, its oversize companion, and an event each.
      const perSubpartition = BUFFERS_QUEUED_MAX + 40;
      assert.ok(
        partition.buffersQueued <= perSubpartition * 3,
        `${partition.buffersQueued} queued`,
      );
    }
  }

  #checkOutcome(): void {
    const isForward = this.#partitioner.kind === 'forward';
    for (const producer of this.#producers) {
      const channels = this.#consumers
        .filter(({ index }) => !isForward || index === producer.index)
        .map((consumer) => ({ consumer, channel: isForward ? 0 : producer.index }));
      const all: number[] = [];
      for (const { consumer, channel } of channels) {
        const received = consumer.received[channel] as number[];
        const sorted = received.toSorted((a, b) => a - b);
        assert.deepEqual(received, sorted, 'a channel keeps its order');
        assert.equal(new Set(received).size, received.length, 'nothing comes twice');
        if (this.#partitioner.kind === 'broadcast' && consumer.ended[channel]) {
          assert.equal(received.length, producer.total, 'broadcast reaches everyone');
        }
        all.push(...received);
      }
      if (this.#partitioner.kind !== 'broadcast') {
        assert.equal(new Set(all).size, all.length, 'a record goes to one consumer');
        if (channels.every(({ consumer, channel }) => consumer.ended[channel])) {
          assert.equal(all.length, producer.total, 'nothing is lost');
        }
      }
    }
    if (this.#fault !== 'none') return;
    for (const { failure } of [...this.#producers, ...this.#consumers]) {
      assert.equal(failure, null, 'nothing fails where nothing is broken');
    }
    for (const { ended } of this.#consumers) assert.ok(ended.every(Boolean));
  }

  #describe(): string {
    return JSON.stringify({
      fault: this.#fault,
      partitioner: this.#partitioner.kind,
      producers: this.#producers.map((producer) => ({
        emitted: `${producer.emitted}/${producer.total}`,
        queued: producer.partition.buffersQueued,
        hasEnded: producer.hasEnded,
        failure: producer.failure?.message,
      })),
      consumers: this.#consumers.map((consumer) => ({
        queued: consumer.gate.buffersQueued,
        ended: consumer.ended,
        isClosed: consumer.isClosed,
        failure: consumer.failure?.message,
      })),
    });
  }
}

function partitionId(producer: number): string {
  return `job/source/${producer}/0#edge`;
}
