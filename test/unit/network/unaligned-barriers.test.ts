import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Barrier } from '../../../shared/record/stream-event.ts';
import { END_OF_INPUT } from '../../../shared/record/stream-event.ts';
import { RecordBatchDecoder } from '../../../shared/serialization/record-batch-decoder.ts';
import { BUFFER_BYTES, CHANNEL_CREDIT_MAX } from '../../../taskmanager/network/network-options.ts';
import type { ChannelBuffers } from '../../../taskmanager/task/channel-buffers.ts';
import type { InputGate } from '../../../taskmanager/task/input-gate.ts';
import { ExchangePair, record, takeAll } from './exchange-pair.ts';

const FORWARD = { kind: 'forward' } as const;
const filling = new Uint8Array(BUFFER_BYTES - 200);

function barrier(checkpointId: number, alignment: Barrier['alignment'] = 'aligned'): Barrier {
  return { kind: 'barrier', checkpointId, triggeredAtMs: 0, alignment, purpose: 'checkpoint' };
}

/** The numbers of the records, and the events, that channel state holds. */
function contents(channels: readonly ChannelBuffers[] | null): unknown {
  const decoder = new RecordBatchDecoder();
  return channels?.map(({ channel, buffers }) => [
    channel,
    ...buffers.flatMap((payload): unknown[] => {
      const decoded = decoder.decode(payload, 0, payload.length);
      if (decoded.kind === 'event') return [decoded.event.kind];
      return decoded.records.map(({ value }) => value['n']);
    }),
  ]);
}

function numbers(gate: InputGate): unknown[] {
  return takeAll(gate).map((item) => {
    const { n, kind } = item as { n?: number; kind?: string };
    return n ?? kind;
  });
}

/** A producer whose queue is full, and its consumer, which has taken nothing. */
function blockedExchange(): {
  pair: ExchangePair;
  partition: ReturnType<ExchangePair['partition']>;
  gate: InputGate;
  emitted: number;
} {
  const pair = new ExchangePair();
  const partition = pair.partition(FORWARD, 1, { buffersQueuedMax: 4 });
  const gate = pair.gate(0);
  pair.settle();
  let emitted = 0;
  while (partition.isAvailable()) {
    partition.emit(record({ n: emitted, filling }));
    emitted += 1;
    pair.settle();
  }
  return { pair, partition, gate, emitted };
}

const upTo = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

describe('a barrier leaves its producer', () => {
  test('when it overtakes at once, then it goes without credit, past copies of what waits', () => {
    const { pair, partition, gate, emitted } = blockedExchange();
    partition.emit(record({ n: emitted }));
    const arrived: Barrier[] = [];
    gate.onBarrier((_, came) => arrived.push(came));
    let output: readonly ChannelBuffers[] | null = null;
    partition.broadcastBarrier(barrier(1), 0, (channels) => {
      output = channels;
    });
    pair.settle();
    assert.deepEqual(arrived, [barrier(1, 'unaligned')]);
    assert.deepEqual(contents(output), [[0, ...upTo(CHANNEL_CREDIT_MAX, emitted + 1)]]);
    let input: readonly ChannelBuffers[] | null = null;
    gate.overtake(1, null, (channels) => {
      input = channels;
    });
    assert.deepEqual(contents(input), [[0, ...upTo(0, CHANNEL_CREDIT_MAX)]]);
    // What was overtaken still comes, once, and the barrier does not.
    const received: unknown[] = [];
    partition.broadcastEvent(END_OF_INPUT);
    for (let round = 0; round < 10; round += 1) {
      received.push(...numbers(gate));
      pair.settle();
    }
    assert.deepEqual(received, [...upTo(0, emitted + 1), 'end-of-input']);
  });

  test('when it waits for credit too long, then it overtakes; when not, then nothing is in flight', () => {
    const { pair, partition, gate, emitted } = blockedExchange();
    const outputs: unknown[] = [];
    partition.broadcastBarrier(barrier(1), 100, (channels) => outputs.push(contents(channels)));
    pair.pass(99);
    assert.equal(outputs.length, 0);
    pair.pass(1);
    assert.deepEqual(outputs, [[[0, ...upTo(CHANNEL_CREDIT_MAX, emitted)]]] as unknown[]);
    for (let round = 0; round < 10; round += 1) {
      takeAll(gate);
      pair.settle();
    }
    partition.broadcastBarrier(barrier(2), 100, (channels) => outputs.push(contents(channels)));
    assert.deepEqual(outputs.slice(1), [[]]);
    pair.settle();
    assert.deepEqual(takeAll(gate), [barrier(2)]);
  });

  test('when a newer one follows, then the one that waits is dropped', () => {
    const { pair, partition, gate } = blockedExchange();
    const outputs: unknown[] = [];
    partition.broadcastBarrier(barrier(1), 100, (channels) => outputs.push(channels));
    partition.broadcastBarrier(barrier(2), 0, () => {});
    assert.deepEqual(outputs, [null]);
    const arrived: number[] = [];
    gate.onBarrier((_, { checkpointId }) => arrived.push(checkpointId));
    pair.settle();
    partition.broadcastBarrier(barrier(3), 0, () => {});
    pair.settle();
    assert.deepEqual(arrived, [2, 3]);
    const events: unknown[] = [];
    for (let round = 0; round < 10; round += 1) {
      events.push(...takeAll(gate).filter((item) => (item as Barrier).kind === 'barrier'));
      pair.settle();
    }
    assert.deepEqual(events, [barrier(3, 'unaligned')]);
  });

  test('when the partition closes or fails, then nobody waits for channel state', () => {
    const { partition } = blockedExchange();
    const outputs: unknown[] = [];
    partition.broadcastBarrier(barrier(1), 100, (channels) => outputs.push(channels));
    partition.close();
    partition.broadcastBarrier(barrier(2), 0, (channels) => outputs.push(channels));
    assert.deepEqual(outputs, [null, null]);
  });
});

/** Two producers' channels in one gate. */
function twoChannels(): {
  pair: ExchangePair;
  partitions: readonly ReturnType<ExchangePair['partition']>[];
  gate: InputGate;
} {
  const pair = new ExchangePair();
  const partitions = ['p', 'q'].map((partitionId) =>
    pair.network.createResultPartition(
      {
        partitionId,
        sourceOperator: 's',
        partitioner: FORWARD,
        subpartitions: 1,
        maxParallelism: 8,
      },
      { subtaskIndex: 0 },
    ),
  );
  const producer = { taskManagerId: 'tm', host: '127.0.0.1', port: 1 };
  const channels = ['p', 'q'].map((partitionId) => ({ partitionId, subpartition: 0, producer }));
  const gate = pair.network.createInputGate({ edgeId: 'e', channels });
  pair.settle();
  return { pair, partitions, gate };
}

describe('a barrier overtakes in its consumer', () => {
  test('when alignment takes too long, then each channel gives what lies in front of its barrier', () => {
    const { pair, partitions, gate } = twoChannels();
    const [p, q] = partitions as [(typeof partitions)[0], (typeof partitions)[0]];
    const send = (partition: typeof p, n: number): void => {
      partition.emit(record({ n }));
      partition.flush();
      pair.settle();
    };
    p.broadcastEvent(barrier(1));
    pair.settle();
    assert.deepEqual(takeAll(gate), [barrier(1)]);
    gate.blockChannel(0);
    send(p, 1);
    send(q, 2);
    const outcomes: unknown[] = [];
    const unread = { channel: 1, records: [record({ n: 0 })] };
    gate.overtake(1, unread, (channels) => outcomes.push(contents(channels)));
    send(q, 3);
    q.broadcastEvent({ kind: 'watermark', timestampMs: 9 });
    send(p, 4);
    assert.equal(outcomes.length, 0);
    q.broadcastEvent(barrier(1));
    send(q, 5);
    assert.deepEqual(outcomes, [[[1, 0, 2, 3, 'watermark']]]);
    assert.deepEqual(numbers(gate).toSorted(), [1, 2, 3, 4, 5, 'watermark']);
  });

  test('when a channel ends or a newer barrier comes, then no barrier is awaited there', () => {
    const { pair, partitions, gate } = twoChannels();
    const [p, q] = partitions as [(typeof partitions)[0], (typeof partitions)[0]];
    const outcomes: unknown[] = [];
    const overtake = (id: number): void =>
      gate.overtake(id, null, (channels) => outcomes.push(contents(channels)));
    overtake(1);
    p.emit(record({ n: 1 }));
    p.broadcastEvent(END_OF_INPUT);
    q.broadcastEvent(barrier(1));
    pair.settle();
    assert.deepEqual(outcomes, [[[0, 1]]]);
    overtake(2);
    q.broadcastEvent(barrier(3));
    pair.settle();
    assert.deepEqual(outcomes.slice(1), [undefined]);
    overtake(3);
    assert.deepEqual(outcomes.slice(2), [[[0, 1]]]);
    overtake(4);
    gate.close();
    overtake(5);
    assert.deepEqual(outcomes.slice(3), [undefined, undefined]);
  });

  test('when a barrier comes late, after a newer one, then it is not handed out', () => {
    const { pair, partitions, gate } = twoChannels();
    partitions[0]?.broadcastEvent(barrier(2));
    partitions[0]?.broadcastEvent(barrier(1));
    pair.settle();
    assert.deepEqual(takeAll(gate), [barrier(2)]);
  });
});

describe('channel state', () => {
  test('when both ends restore, then everything comes once, in order, before anything new', () => {
    const { pair, partition, gate, emitted } = blockedExchange();
    partition.broadcastEvent({ kind: 'watermark', timestampMs: 7 });
    let output: readonly ChannelBuffers[] = [];
    let input: readonly ChannelBuffers[] = [];
    partition.broadcastBarrier(barrier(1), 0, (channels) => {
      output = channels ?? [];
    });
    pair.settle();
    gate.overtake(1, null, (channels) => {
      input = channels ?? [];
    });
    const restored = new ExchangePair();
    const nextPartition = restored.partition(FORWARD, 1);
    const nextGate = restored.gate(0);
    nextPartition.restore(output);
    nextPartition.emit(record({ n: 'new' }));
    nextPartition.broadcastEvent(END_OF_INPUT);
    restored.settle();
    nextGate.restore(input);
    const received: unknown[] = [];
    for (let round = 0; round < 10; round += 1) {
      received.push(...numbers(nextGate));
      restored.settle();
    }
    assert.deepEqual(received, [...upTo(0, emitted), 'watermark', 'new', 'end-of-input']);
    assert.equal(nextGate.buffersQueued, 0);
  });
});
