import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { keyGroupOf, subtaskOfKeyGroup } from '../../../shared/key-groups/key-group-assignment.ts';
import { keyHash } from '../../../shared/key-groups/key-hash.ts';
import { END_OF_INPUT } from '../../../shared/record/stream-event.ts';
import { BUFFER_BYTES, CHANNEL_CREDIT_MAX } from '../../../taskmanager/network/network-options.ts';
import { ExchangePair, record, takeAll } from './exchange-pair.ts';

const FORWARD = { kind: 'forward' } as const;
const nearlyABuffer = record({ filling: new Uint8Array(BUFFER_BYTES - 200) });

describe('buffers', () => {
  test('when a buffer is not full, then it leaves after the time-out, not before', () => {
    const pair = new ExchangePair();
    const partition = pair.partition(FORWARD, 1, { bufferTimeoutMs: 10 });
    const gate = pair.gate(0);
    pair.settle();
    partition.emit(record({ a: 1 }));
    partition.emit(record({ a: 2 }));
    pair.pass(9);
    assert.deepEqual(takeAll(gate), []);
    pair.pass(1);
    assert.deepEqual(takeAll(gate), [{ a: 1 }, { a: 2 }]);
  });

  test('when an event is broadcast, then it comes at once, behind the records in front of it', () => {
    const pair = new ExchangePair();
    const partition = pair.partition({ kind: 'broadcast' }, 2);
    const gates = [pair.gate(0), pair.gate(1)];
    pair.settle();
    partition.emit(record({ a: 1 }));
    partition.broadcastEvent({ kind: 'watermark', timestampMs: 5 });
    partition.emit(record({ a: 2 }));
    partition.broadcastEvent(END_OF_INPUT);
    pair.settle();
    const expected = [{ a: 1 }, { kind: 'watermark', timestampMs: 5 }, { a: 2 }, END_OF_INPUT];
    for (const gate of gates) assert.deepEqual(takeAll(gate), expected);
  });

  test('when a record is larger than a buffer, then it has one of its own, in its place', () => {
    const pair = new ExchangePair();
    const partition = pair.partition(FORWARD, 1);
    const gate = pair.gate(0);
    pair.settle();
    const large = { filling: new Uint8Array(5 * BUFFER_BYTES).fill(3) };
    partition.emit(record({ a: 1 }));
    partition.emit(record(large));
    partition.emit(record({ a: 2 }));
    partition.flush();
    pair.settle();
    assert.deepEqual(takeAll(gate), [{ a: 1 }, large, { a: 2 }]);
  });

  test('when a record is larger than any buffer may be, then emitting it says so', () => {
    const pair = new ExchangePair();
    const partition = pair.partition(FORWARD, 1);
    assert.throws(
      () => partition.emit(record({ filling: new Uint8Array(17 * 1024 * 1024) })),
      (error) => error instanceof SluiceError && error.code === 'MESSAGE_TOO_LARGE',
    );
  });
});

describe('flow control', () => {
  test('when the consumer takes nothing, then the producer becomes unavailable, and wakes when it does', () => {
    const pair = new ExchangePair();
    const partition = pair.partition(FORWARD, 1, { buffersQueuedMax: 4 });
    const gate = pair.gate(0);
    pair.settle();
    let woken = 0;
    partition.onAvailable(() => {
      woken += 1;
    });
    let emitted = 0;
    while (partition.isAvailable()) {
      partition.emit(nearlyABuffer);
      emitted += 1;
      pair.settle();
      assert.ok(emitted < 1000);
    }
    // One is in the open buffer.
    assert.equal(emitted, CHANNEL_CREDIT_MAX + 4 + 1);
    assert.equal(gate.buffersQueued, CHANNEL_CREDIT_MAX);
    assert.equal(partition.buffersQueued, 4);
    assert.equal(woken, 0);
    assert.notEqual(gate.poll(), null);
    pair.settle();
    assert.equal(woken, 0, 'credit for one buffer is not worth a message');
    assert.equal(takeAll(gate).length, CHANNEL_CREDIT_MAX - 1);
    pair.settle();
    assert.equal(woken, 1);
    assert.ok(partition.isAvailable());
  });

  test('when buffers wait for credit, then the time-out adds no small ones', () => {
    const pair = new ExchangePair();
    const partition = pair.partition(FORWARD, 1, { bufferTimeoutMs: 10, buffersQueuedMax: 2 });
    for (let index = 0; index < 3; index += 1) partition.emit(nearlyABuffer);
    assert.equal(partition.isAvailable(), false);
    for (let index = 0; index < 5; index += 1) {
      pair.pass(10);
      assert.equal(partition.buffersQueued, 2);
    }
    const gate = pair.gate(0);
    pair.settle();
    assert.equal(takeAll(gate).length, 3, 'the overdue one leaves with the others');
  });

  test('when a rebalance consumer is stuck, then the others get its share', () => {
    const pair = new ExchangePair();
    const partition = pair.partition({ kind: 'rebalance' }, 3, { buffersQueuedMax: 2 });
    const gates = [pair.gate(0), pair.gate(1), pair.gate(2)];
    pair.settle();
    const counts = [0, 0, 0];
    for (let index = 0; index < 600; index += 1) {
      assert.ok(partition.isAvailable());
      partition.emit(nearlyABuffer);
      pair.settle();
      for (const taking of [0, 2]) {
        counts[taking] = (counts[taking] ?? 0) + takeAll(gates[taking] as never).length;
        pair.settle();
      }
    }
    assert.ok((gates[1]?.buffersQueued ?? 0) <= CHANNEL_CREDIT_MAX);
    assert.ok((counts[0] ?? 0) > 240 && (counts[2] ?? 0) > 240, counts.join());
  });

  test('when a channel is blocked, then its items wait and other channels go on', () => {
    const pair = new ExchangePair();
    const partition = pair.partition(FORWARD, 1);
    const gate = pair.gate(0);
    pair.settle();
    let woken = 0;
    gate.onAvailable(() => {
      woken += 1;
    });
    gate.blockChannel(0);
    partition.emit(record({ a: 1 }));
    partition.flush();
    pair.settle();
    assert.equal(woken, 0);
    assert.equal(gate.poll(), null);
    assert.equal(gate.buffersQueued, 1);
    gate.resumeChannel(0);
    assert.equal(woken, 1);
    assert.deepEqual(takeAll(gate), [{ a: 1 }]);
  });
});

test('when records are hashed, then each goes to the owner of its key group', () => {
  const pair = new ExchangePair();
  const partition = pair.partition({ kind: 'hash', keyBy: ['model.name', 'label'] }, 3);
  const gates = [pair.gate(0), pair.gate(1), pair.gate(2)];
  pair.settle();
  for (let index = 0; index < 300; index += 1) {
    partition.emit(record({ model: { name: `m${index % 7}` }, label: index % 11 }));
  }
  partition.flush();
  pair.settle();
  let total = 0;
  for (const [subtask, gate] of gates.entries()) {
    for (const value of takeAll(gate) as { model: { name: string }; label: number }[]) {
      const keyGroup = keyGroupOf(keyHash(value.label, keyHash(value.model.name, 0)), 128);
      assert.equal(subtaskOfKeyGroup(keyGroup, { parallelism: 3, maxParallelism: 128 }), subtask);
      total += 1;
    }
  }
  assert.equal(total, 300);
});

describe('beginning and end', () => {
  test('when a consumer asks before the producer is there, then it is served when it comes', () => {
    const pair = new ExchangePair();
    const gate = pair.gate(0, pair.addSlot());
    pair.pass(20_000);
    const partition = pair.partition(FORWARD, 1);
    partition.emit(record({ a: 1 }));
    partition.flush();
    pair.settle();
    assert.deepEqual(takeAll(gate), [{ a: 1 }]);
  });

  test('when the producer never comes, then the consumer fails after the time-out', () => {
    const pair = new ExchangePair();
    const failures: Error[] = [];
    pair.gate(0).onFailure((error) => failures.push(error));
    pair.pass(29_000);
    assert.deepEqual(failures, []);
    pair.pass(2_000);
    assert.match(String(failures[0]), /result partition p did not appear within 30000 ms/);
    assert.equal(failures.length, 1);
  });

  test('when everything has left, then the partition is drained; closing it disturbs nobody', async () => {
    const pair = new ExchangePair();
    const partition = pair.partition(FORWARD, 1);
    partition.emit(record({ a: 1 }));
    partition.broadcastEvent(END_OF_INPUT);
    let isDrained = false;
    const drained = partition.drained().then(() => {
      isDrained = true;
    });
    await Promise.resolve();
    assert.equal(isDrained, false);
    const gate = pair.gate(0, pair.addSlot());
    gate.onFailure((error) => assert.fail(error));
    pair.settle();
    await drained;
    partition.close();
    pair.settle();
    assert.deepEqual(takeAll(gate), [{ a: 1 }, END_OF_INPUT]);
    gate.close();
    pair.settle();
  });

  test('when a second consumer asks for the same subpartition, then it is refused', () => {
    const pair = new ExchangePair();
    pair.partition(FORWARD, 1);
    pair.gate(0);
    pair.settle();
    const failures: Error[] = [];
    pair.gate(0, pair.addSlot()).onFailure((error) => failures.push(error));
    pair.settle();
    assert.match(String(failures[0]), /subpartition 0 is read already/);
  });

  test('when one end closes too early, then the other fails with CANCELLED', () => {
    for (const closing of ['producer', 'consumer'] as const) {
      const pair = new ExchangePair();
      const partition = pair.partition(FORWARD, 1);
      const gate = pair.gate(0, pair.addSlot());
      pair.settle();
      const codes: unknown[] = [];
      partition.onFailure((error) => codes.push((error as SluiceError).code));
      gate.onFailure((error) => codes.push((error as SluiceError).code));
      if (closing === 'producer') partition.close();
      else gate.close();
      pair.settle();
      assert.deepEqual(codes, ['CANCELLED']);
    }
  });
});
