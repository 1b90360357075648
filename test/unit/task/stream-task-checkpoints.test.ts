import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TaskRestore } from '../../../shared/checkpoint/snapshot.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { OperatorBody } from '../../../taskmanager/operators/runtime/operator-body.ts';
import { kinds, numbers, stateOf } from '../../support/checkpoint-helpers.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  CountingOperator,
  DelayingFunction,
  MappingOperator,
} from '../../support/fake-operators.ts';
import {
  barrier,
  chainOf,
  FakeInputGate,
  FakeResultPartition,
  node,
  record,
  TaskHarness,
} from '../../support/task-harness.ts';
import { TransactionalStorage, transactionalSink } from '../../support/transactional-sink.ts';

function countingTask(mode: 'exactly-once' | 'at-least-once', restore?: TaskRestore) {
  const gate = new FakeInputGate(2);
  const partition = new FakeResultPartition();
  const operator = new CountingOperator();
  const harness = new TaskHarness({
    clock: new FakeClock(),
    operators: chainOf('count'),
    bodies: { count: () => ({ sort: 'synchronous', operator }) },
    gates: [gate],
    partitions: { count: partition },
    mode,
    ...(restore === undefined ? {} : { restore }),
  });
  harness.task.start();
  return { gate, partition, operator, harness };
}

describe('a task whose barriers come through gates', () => {
  it('when one channel is ahead, then what is behind its barrier waits for the other', async () => {
    const { gate, partition, harness } = countingTask('exactly-once');
    gate.pushRecords(0, numbers(0, 2));
    gate.pushEvent(0, barrier(1));
    gate.pushRecords(0, numbers(2, 4));
    await harness.run();
    gate.pushRecords(1, numbers(10, 11));
    gate.pushEvent(1, barrier(1));
    await harness.run();
    partition.take();
    assert.deepEqual(kinds(partition), [0, 1, 10, 'barrier 1', 2, 3]);
    assert.deepEqual(harness.acknowledged, [1]);
    assert.deepEqual(stateOf(harness, 1, 'count', 'count'), [3]);
    assert.deepEqual(harness.snapshots.handedOver, ['job/vertex/0/0 1']);
  });

  it('when records may count twice, then nothing waits', async () => {
    const { gate, harness } = countingTask('at-least-once');
    gate.pushEvent(0, barrier(1));
    gate.pushRecords(0, numbers(2, 4));
    await harness.run();
    gate.pushEvent(1, barrier(1));
    await harness.run();
    assert.deepEqual(stateOf(harness, 1, 'count', 'count'), [2]);
  });

  it('when the checkpoint is aborted, then the blocked channel goes on and operators hear', async () => {
    const { gate, partition, operator, harness } = countingTask('exactly-once');
    gate.pushEvent(0, barrier(1));
    gate.pushRecords(0, numbers(0, 2));
    await harness.run();
    assert.equal(operator.count, 0);
    harness.task.checkpointAborted(1);
    await harness.run();
    gate.pushEvent(1, barrier(1));
    await harness.run();
    partition.take();
    assert.deepEqual(kinds(partition), [0, 1]);
    assert.deepEqual(harness.reports, []);
    assert.deepEqual(operator.aborted, [1]);
  });

  it('when an attempt is restored, then it goes on with the state of the one before', async () => {
    const first = countingTask('exactly-once');
    first.gate.pushRecords(0, numbers(0, 5));
    for (const channel of [0, 1]) first.gate.pushEvent(channel, barrier(1));
    await first.harness.run();
    const second = countingTask('exactly-once', first.harness.restoreOf(1));
    await second.harness.run();
    assert.equal(second.harness.state, 'RUNNING');
    assert.equal(second.operator.count, 5);
  });

  it('when entries are dealt out, then the subtask gets its own', async () => {
    const first = countingTask('exactly-once');
    for (const [id, count] of [3, 4, 5].entries()) {
      first.operator.count = count;
      for (const channel of [0, 1]) first.gate.pushEvent(channel, barrier(id + 1));
      await first.harness.run();
    }
    const handles = [1, 2, 3].flatMap(
      (id) => first.harness.restoreOf(id).operators['count']?.lists['count']?.handles ?? [],
    );
    const lists = { count: { handles, deal: { index: 1, of: 2 } } };
    const restore = { checkpointId: 3, operators: { count: { lists, keyed: {} } }, channels: [] };
    const second = countingTask('exactly-once', restore);
    await second.harness.run();
    assert.equal(second.operator.count, 4);
  });

  it('when state cannot be stored, then that checkpoint is declined and the task goes on', async () => {
    const { gate, harness } = countingTask('exactly-once');
    harness.snapshots.failure = new SluiceError('STORAGE_UNAVAILABLE', 'no answer', {
      domain: 'external',
    });
    for (const channel of [0, 1]) gate.pushEvent(channel, barrier(1));
    await harness.run();
    harness.snapshots.failure = null;
    for (const channel of [0, 1]) gate.pushEvent(channel, barrier(2));
    await harness.run();
    const [declined, acknowledged] = harness.reports;
    assert.ok(declined?.kind === 'decline-checkpoint');
    assert.equal(declined.reason, 'STORAGE_FAILED');
    assert.equal(acknowledged?.kind, 'acknowledge-checkpoint');
    assert.equal(harness.state, 'RUNNING');
  });

  it('when a checkpoint is aborted while its state is stored, then nothing is said of it', async () => {
    const { gate, harness } = countingTask('exactly-once');
    const { promise, resolve } = Promise.withResolvers<void>();
    harness.snapshots.gate = promise;
    for (const channel of [0, 1]) gate.pushEvent(channel, barrier(1));
    await harness.run();
    harness.task.checkpointAborted(1);
    await harness.run();
    resolve();
    await harness.run();
    assert.deepEqual(harness.reports, []);
  });

  it('when storing is slow, then at most four checkpoints are stored at a time', async () => {
    const { gate, harness } = countingTask('exactly-once');
    const { promise, resolve } = Promise.withResolvers<void>();
    harness.snapshots.gate = promise;
    for (const id of [1, 2, 3, 4, 5]) {
      for (const channel of [0, 1]) gate.pushEvent(channel, barrier(id));
    }
    await harness.run();
    assert.deepEqual(
      harness.reports.map((report) => report.kind),
      ['decline-checkpoint'],
    );
    resolve();
    await harness.run();
    assert.deepEqual(harness.acknowledged, [1, 2, 3, 4]);
  });
});

/** `sync` (rejects multiples of 5) ─► `slow` (rejects multiples of 7) ─► partition; dead letters. */
function rejectingTask() {
  const clock = new FakeClock();
  const gate = new FakeInputGate(1);
  const partition = new FakeResultPartition();
  const letters = new TransactionalStorage();
  const bad = new SluiceError('RECORD_INVALID', 'bad', { domain: 'user' });
  const slow = new DelayingFunction({
    clock,
    concurrency: 4,
    ordered: true,
    work: (r) => {
      const n = Number(r.value['n']);
      return n % 7 === 0 ? { delayMs: 1, error: bad } : { delayMs: 100 };
    },
  });
  const operator = new MappingOperator((r) => {
    if (Number(r.value['n']) % 5 === 0) throw bad;
    return [r];
  });
  const bodies: Record<string, () => OperatorBody> = {
    sync: () => ({ sort: 'synchronous', operator }),
    slow: () => ({ sort: 'asynchronous', function: slow }),
    rejected: () => ({
      sort: 'sink',
      sink: transactionalSink(letters, (letter) => letter.value['node']),
    }),
  };
  const harness = new TaskHarness({
    clock,
    operators: [...chainOf('sync', 'slow'), node('rejected', 'sync', 'sink/dead-letters')],
    bodies,
    gates: [gate],
    partitions: { slow: partition },
    mode: 'exactly-once',
  });
  harness.task.start();
  return { clock, gate, partition, letters, harness };
}

describe('a barrier on its way through a chain', () => {
  it('when records are in flight, then a savepoint waits behind them', async () => {
    const { clock, gate, partition, harness } = rejectingTask();
    gate.pushRecords(0, [record(1)]);
    gate.pushEvent(0, barrier(1, 'savepoint'));
    gate.pushRecords(0, [record(2)]);
    await harness.run();
    assert.deepEqual(harness.reports, []);
    await clock.advance(100);
    await harness.run();
    partition.take();
    assert.deepEqual(kinds(partition), [1, 'barrier 1', 2]);
    assert.deepEqual(harness.acknowledged, [1]);
  });

  it('when an operator rejects behind a savepoint that is still in the chain, then the letter waits', async () => {
    const { clock, gate, letters, harness } = rejectingTask();
    gate.pushRecords(0, [record(1), record(5)]);
    gate.pushEvent(0, barrier(1, 'savepoint'));
    gate.pushRecords(0, [record(10), record(2)]);
    await harness.run();
    await clock.advance(100);
    await harness.run();
    harness.task.checkpointComplete(1);
    await harness.run();
    assert.deepEqual(letters.values, ['sync'], 'the one in front of the barrier');
    gate.pushEvent(0, barrier(2, 'savepoint'));
    await clock.advance(100);
    await harness.run();
    harness.task.checkpointComplete(2);
    await harness.run();
    assert.deepEqual(letters.values, ['sync', 'sync']);
  });

  it('when a rejection settles early, then it takes effect where its record stood', async () => {
    const { clock, gate, letters, harness } = rejectingTask();
    gate.pushRecords(0, [record(1)]);
    gate.pushEvent(0, barrier(1, 'savepoint'));
    gate.pushRecords(0, [record(7)]);
    await harness.run();
    await clock.advance(1);
    await harness.run();
    assert.equal(harness.task.metrics().recordsRejected, 0, 'record 1 is in front of it');
    await clock.advance(99);
    await harness.run();
    assert.deepEqual(harness.acknowledged, [1]);
    harness.task.checkpointComplete(1);
    await harness.run();
    assert.deepEqual(letters.values, []);
    assert.equal(harness.task.metrics().recordsRejected, 1);
  });

  it('when very many are rejected behind a savepoint, then the chain stops taking records', async () => {
    const { clock, gate, letters, harness } = rejectingTask();
    gate.pushRecords(0, [record(1)]);
    gate.pushEvent(0, barrier(1, 'savepoint'));
    gate.pushRecords(
      0,
      Array.from({ length: 1000 }, () => record(5)),
    );
    await harness.run();
    assert.equal(harness.task.metrics().recordsRejected, 256);
    await clock.advance(100);
    await harness.run();
    assert.equal(harness.task.metrics().recordsRejected, 1000);
    gate.pushEvent(0, barrier(2, 'savepoint'));
    await harness.run();
    harness.task.checkpointComplete(2);
    await harness.run();
    assert.equal(letters.values.length, 1000);
  });
});
