import assert from 'node:assert/strict';
import type { Partitioner } from '../../../shared/job-graph/job-graph.ts';
import { type Barrier, END_OF_INPUT } from '../../../shared/record/stream-event.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { ResultPartition } from '../../../taskmanager/task/result-partition.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { BarrierConsumer, type ConsumerCut, type Sequences, sequencesIn } from './barrier-tasks.ts';
import { SimulatedCluster } from './simulated-cluster.ts';
import { SimulatedWorld } from './simulated-world.ts';

/**
 * Checkpoints through an exchange whose consumers are slow: every one that is completed is a
 * consistent cut. What a producer had emitted to a consumer at its barrier is, record by record and
 * in order, what that consumer had processed at its snapshot, then what the channel's state holds
 * at the consumer's end, then what it holds at the producer's.
 */
export interface BarrierOutcome {
  readonly completed: number;
  /** Checkpoints in which a barrier overtook at least one record. */
  readonly unaligned: number;
  readonly given: number;
}

interface Producer {
  readonly partition: ResultPartition;
  readonly total: number;
  emitted: number;
  /** Barriers it has to send. */
  readonly triggers: number[];
  hasEnded: boolean;
}

interface ProducerCut {
  readonly emitted: number;
  readonly inFlight: Sequences;
}

interface Checkpoint {
  readonly id: number;
  readonly producers: (ProducerCut | null)[];
  readonly consumers: (ConsumerCut | null)[];
}

const STEPS_MAX = 400_000;
const OVERTAKE_AFTER_MS = [null, 0, 1, 30] as const;

export function simulateBarriers(seed: number): BarrierOutcome {
  return new BarrierSimulation(seed).run();
}

class BarrierSimulation {
  readonly #random: SeededRandom;
  readonly #world: SimulatedWorld;
  readonly #producers: Producer[] = [];
  readonly #consumers: BarrierConsumer[] = [];
  readonly #speeds: number[] = [];
  readonly #partitioner: Partitioner;
  readonly #overtakeAfterMs: number | null;
  #current: Checkpoint | null = null;
  #id = 0;
  #completed = 0;
  #unaligned = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#world = new SimulatedWorld(this.#random);
    const random = this.#random;
    const kinds = ['forward', 'rebalance', 'hash', 'broadcast'] as const;
    const kind = kinds[random.integer(0, 3)] as (typeof kinds)[number];
    this.#partitioner = kind === 'hash' ? { kind, keyBy: ['key'] } : { kind };
    this.#overtakeAfterMs = OVERTAKE_AFTER_MS[random.integer(0, 3)] ?? null;
    this.#deploy(new SimulatedCluster(this.#world));
  }

  run(): BarrierOutcome {
    for (let step = 0; !this.#consumers.every(({ hasEnded }) => hasEnded); step += 1) {
      assert.ok(step < STEPS_MAX, 'the exchange came to a stand');
      this.#step();
    }
    for (const consumer of this.#consumers) {
      for (const numbers of consumer.received) {
        assert.deepEqual(
          numbers,
          numbers.toSorted((a, b) => a - b),
          'a channel keeps its order',
        );
        assert.equal(new Set(numbers).size, numbers.length, 'nothing comes twice');
      }
    }
    return { completed: this.#completed, unaligned: this.#unaligned, given: this.#id };
  }

  #deploy(cluster: SimulatedCluster): void {
    const random = this.#random;
    const isForward = this.#partitioner.kind === 'forward';
    const producers = random.integer(1, 3);
    const consumers = isForward ? producers : random.integer(1, 3);
    const slots = Array.from({ length: producers }, () => cluster.anySlot());
    for (const [index, { network }] of slots.entries()) {
      const partition = network.createResultPartition(
        {
          partitionId: partitionId(index),
          sourceOperator: 'source',
          partitioner: this.#partitioner,
          subpartitions: isForward ? 1 : consumers,
          maxParallelism: 128,
        },
        { subtaskIndex: index },
      );
      const total = random.integer(100, 700);
      this.#producers.push({ partition, total, emitted: 0, triggers: [], hasEnded: false });
    }
    for (let index = 0; index < consumers; index += 1) {
      const from = isForward ? [index] : slots.map((_, producer) => producer);
      const channels = from.map((producer) => ({
        partitionId: partitionId(producer),
        subpartition: isForward ? 0 : index,
        producer: cluster.address(slots[producer] as (typeof slots)[0]),
      }));
      const gate = cluster.anySlot().network.createInputGate({ edgeId: 'edge', channels });
      this.#consumers.push(
        new BarrierConsumer({
          gate,
          clock: this.#world,
          alignmentTimeoutMs: this.#overtakeAfterMs,
          onCut: (id, cut) => this.#consumerCut(index, id, cut),
        }),
      );
      this.#speeds.push(random.chance(0.6) ? 0.08 : 0.9);
    }
  }

  #step(): void {
    const random = this.#random;
    const dice = random.next();
    if (dice < 0.3) {
      this.#produce(random.integer(0, this.#producers.length - 1));
    } else if (dice < 0.6) {
      const index = random.integer(0, this.#consumers.length - 1);
      const consumer = this.#consumers[index] as BarrierConsumer;
      if (random.chance(this.#speeds[index] ?? 1)) consumer.step(random.integer(1, 200));
    } else if (dice > 0.97 || !this.#world.deliverOne()) {
      this.#world.advance(random.integer(1, 20));
    }
    this.#world.runDeferred();
    // Given up now and then, whether complete or not.
    const isTime = random.chance(this.#current === null ? 0.005 : 0.0001);
    if (isTime && this.#producers.every(({ hasEnded }) => !hasEnded)) this.#trigger();
  }

  #trigger(): void {
    this.#id += 1;
    this.#current = {
      id: this.#id,
      producers: this.#producers.map(() => null),
      consumers: this.#consumers.map(() => null),
    };
    for (const producer of this.#producers) producer.triggers.push(this.#id);
  }

  #produce(index: number): void {
    const producer = this.#producers[index] as Producer;
    const { partition } = producer;
    if (producer.hasEnded) return;
    for (let burst = this.#random.integer(1, 60); burst > 0; burst -= 1) {
      const trigger = producer.triggers.shift();
      if (trigger !== undefined) this.#sendBarrier(index, trigger);
      if (producer.emitted === producer.total) {
        partition.broadcastEvent(END_OF_INPUT);
        producer.hasEnded = true;
        return;
      }
      if (!partition.isAvailable()) return;
      const sequence = producer.emitted;
      const filling = new Uint8Array(this.#random.chance(0.05) ? 50_000 : 900);
      const value = { sequence, key: `key-${sequence % 17}`, filling };
      partition.emit(new StreamRecord(value, 0, 0, null, null, null));
      producer.emitted += 1;
      if (this.#random.chance(0.02)) {
        partition.broadcastEvent({ kind: 'watermark', timestampMs: sequence });
      }
    }
  }

  #sendBarrier(index: number, checkpointId: number): void {
    const { partition, emitted } = this.#producers[index] as Producer;
    const { random } = this.#world;
    // Each producer may be at a different point of the same checkpoint's time-out.
    const early = this.#overtakeAfterMs !== null && random.chance(0.2);
    const overtakeAfterMs = early ? 0 : this.#overtakeAfterMs;
    const alignment = overtakeAfterMs === 0 ? 'unaligned' : 'aligned';
    const barrier: Barrier = {
      kind: 'barrier',
      checkpointId,
      triggeredAtMs: 0,
      alignment,
      purpose: 'checkpoint',
    };
    const subpartitions = this.#partitioner.kind === 'forward' ? 1 : this.#consumers.length;
    partition.broadcastBarrier(barrier, overtakeAfterMs, (channels) => {
      const current = this.#current;
      if (channels === null || current?.id !== checkpointId) return;
      current.producers[index] = { emitted, inFlight: sequencesIn(channels, subpartitions) };
      this.#completeIfDone();
    });
  }

  #consumerCut(index: number, id: number, cut: ConsumerCut | null): void {
    const current = this.#current;
    if (cut === null || current?.id !== id) return;
    assert.equal(current.consumers[index], null, 'a snapshot is taken once');
    current.consumers[index] = cut;
    this.#completeIfDone();
  }

  #completeIfDone(): void {
    const current = this.#current;
    if (current === null) return;
    const { producers, consumers } = current;
    if (producers.includes(null) || consumers.includes(null)) return;
    this.#current = null;
    this.#completed += 1;
    const sequences = [...producers, ...consumers].flatMap((cut) => cut?.inFlight.flat() ?? []);
    if (sequences.length > 0) this.#unaligned += 1;
    for (const [index, cut] of producers.entries()) {
      if (cut !== null) this.#checkCut(index, cut, consumers);
    }
  }

  #checkCut(producer: number, cut: ProducerCut, consumers: readonly (ConsumerCut | null)[]): void {
    const { kind } = this.#partitioner;
    const all: number[] = [];
    for (const [index, consumer] of consumers.entries()) {
      if (kind === 'forward' && index !== producer) continue;
      const channel = kind === 'forward' ? 0 : producer;
      const subpartition = kind === 'forward' ? 0 : index;
      const path = [
        ...(consumer?.processed[channel] ?? []),
        ...(consumer?.inFlight[channel] ?? []),
        ...(cut.inFlight[subpartition] ?? []),
      ];
      assert.deepEqual(
        path,
        path.toSorted((a, b) => a - b),
        'channel state keeps the order',
      );
      if (kind === 'broadcast') assertComplete(path, cut.emitted);
      all.push(...path);
    }
    if (kind !== 'broadcast')
      assertComplete(
        all.toSorted((a, b) => a - b),
        cut.emitted,
      );
  }
}

/** Everything that was emitted before the barrier, once, and nothing after it. */
function assertComplete(sequences: readonly number[], emitted: number): void {
  assert.deepEqual(
    sequences,
    Array.from({ length: emitted }, (_, sequence) => sequence),
    'the cut is consistent',
  );
}

function partitionId(producer: number): string {
  return `job/source/${producer}/0#edge`;
}
