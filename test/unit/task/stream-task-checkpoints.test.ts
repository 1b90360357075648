import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TaskRestore } from '../../../shared/checkpoint/snapshot.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { END_OF_INPUT } from '../../../shared/record/stream-event.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import { decodeValue } from '../../../shared/serialization/encode-value.ts';
import type { OperatorBody } from '../../../taskmanager/operators/runtime/operator-body.ts';
import type { SourceReader } from '../../../taskmanager/operators/source-reader.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  CountingOperator,
  DelayingFunction,
  ListReader,
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

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => record(from + index));

/** Entries of a list state in the acknowledgement of a checkpoint. */
function stateOf(harness: TaskHarness, checkpointId: number, operator: string, name: string) {
  const { handles } = harness.restoreOf(checkpointId).operators[operator]?.lists[name] ?? {
    handles: [],
  };
  return handles.flatMap((handle) => {
    assert.ok(handle.kind === 'inline');
    return decodeValue(Buffer.from(handle.base64, 'base64')) as unknown[];
  });
}

function kinds(partition: FakeResultPartition): unknown[] {
  return partition.taken.map((element) => {
    if (element instanceof StreamRecord) return element.value['n'];
    return element.kind === 'barrier' ? `barrier ${element.checkpointId}` : element.kind;
  });
}

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
  it('when records are in flight, then it waits behind them, and so does the snapshot', async () => {
    const { clock, gate, partition, harness } = rejectingTask();
    gate.pushRecords(0, [record(1)]);
    gate.pushEvent(0, barrier(1));
    gate.pushRecords(0, [record(2)]);
    await harness.run();
    assert.deepEqual(harness.reports, []);
    await clock.advance(100);
    await harness.run();
    partition.take();
    assert.deepEqual(kinds(partition), [1, 'barrier 1', 2]);
    assert.deepEqual(harness.acknowledged, [1]);
  });

  it('when an operator rejects behind a barrier that is still in the chain, then the letter waits', async () => {
    const { clock, gate, letters, harness } = rejectingTask();
    gate.pushRecords(0, [record(1), record(5)]);
    gate.pushEvent(0, barrier(1));
    gate.pushRecords(0, [record(10), record(2)]);
    await harness.run();
    await clock.advance(100);
    await harness.run();
    harness.task.checkpointComplete(1);
    await harness.run();
    assert.deepEqual(letters.values, ['sync'], 'the one in front of the barrier');
    gate.pushEvent(0, barrier(2));
    await clock.advance(100);
    await harness.run();
    harness.task.checkpointComplete(2);
    await harness.run();
    assert.deepEqual(letters.values, ['sync', 'sync']);
  });

  it('when a rejection settles early, then it takes effect where its record stood', async () => {
    const { clock, gate, letters, harness } = rejectingTask();
    gate.pushRecords(0, [record(1)]);
    gate.pushEvent(0, barrier(1));
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

  it('when very many are rejected behind a barrier, then the chain stops taking records', async () => {
    const { clock, gate, letters, harness } = rejectingTask();
    gate.pushRecords(0, [record(1)]);
    gate.pushEvent(0, barrier(1));
    gate.pushRecords(
      0,
      Array.from({ length: 1000 }, () => record(5)),
    );
    await harness.run();
    assert.equal(harness.task.metrics().recordsRejected, 256);
    await clock.advance(100);
    await harness.run();
    assert.equal(harness.task.metrics().recordsRejected, 1000);
    gate.pushEvent(0, barrier(2));
    await harness.run();
    harness.task.checkpointComplete(2);
    await harness.run();
    assert.equal(letters.values.length, 1000);
  });
});

function sourceTask(options: { restore?: TaskRestore; attempt?: number } = {}) {
  const reader = new ListReader(4);
  const storage = new TransactionalStorage();
  const partition = new FakeResultPartition(2);
  const operator = new CountingOperator();
  const harness = new TaskHarness({
    clock: new FakeClock(),
    operators: [...chainOf('source', 'count')],
    bodies: {
      source: () => ({ sort: 'source', reader: reader as SourceReader<unknown> }),
      count: () => ({ sort: 'synchronous', operator }),
    },
    partitions: { count: partition },
    mode: 'exactly-once',
    ...options,
  });
  harness.task.start();
  return { reader, storage, partition, operator, harness };
}

describe('a source task', () => {
  it('when it is triggered, then what is held leaves in front of the barrier', async () => {
    const { reader, partition, harness } = sourceTask();
    await harness.run();
    reader.splits = [7, 8];
    reader.add(...numbers(0, 4));
    await harness.run();
    assert.equal(partition.buffersQueued, 2);
    harness.task.triggerCheckpoint(barrier(1));
    harness.task.triggerCheckpoint(barrier(1));
    await harness.run();
    partition.take();
    assert.deepEqual(kinds(partition), [0, 1, 2, 3, 'barrier 1']);
    assert.deepEqual(stateOf(harness, 1, 'source', 'splits'), [7, 8]);
    assert.deepEqual(stateOf(harness, 1, 'count', 'count'), [4]);
  });

  it('when it does not run yet, then it declines', async () => {
    const { harness } = sourceTask();
    harness.task.triggerCheckpoint(barrier(1));
    const [report] = harness.reports;
    assert.ok(report?.kind === 'decline-checkpoint');
    assert.equal(report.reason, 'TASK_NOT_RUNNING');
    await harness.run();
  });

  it('when it is restored, then the reader begins with its splits', async () => {
    const first = sourceTask();
    await first.harness.run();
    first.reader.splits = [3, 4];
    first.harness.task.triggerCheckpoint(barrier(1));
    await first.harness.run();
    const second = sourceTask({ restore: first.harness.restoreOf(1), attempt: 1 });
    await second.harness.run();
    assert.deepEqual(second.reader.splits, [3, 4]);
  });

  it('when all is read, then it says so once, stays, and ends with the final checkpoint', async () => {
    const { reader, partition, operator, harness } = sourceTask();
    await harness.run();
    reader.add(record(1));
    reader.noMoreSplits();
    await harness.run();
    harness.task.triggerCheckpoint(barrier(1));
    await harness.run();
    assert.deepEqual(
      harness.reports.map(({ kind }) => kind),
      ['source-drained', 'acknowledge-checkpoint'],
    );
    harness.task.triggerCheckpoint(barrier(2, 'final'));
    await harness.run();
    assert.equal(operator.finished, 1);
    harness.task.checkpointAborted(2);
    harness.task.triggerCheckpoint(barrier(3, 'final'));
    await harness.run();
    assert.equal(operator.finished, 1, 'once');
    assert.equal(harness.state, 'RUNNING');
    harness.task.checkpointComplete(3);
    await harness.run();
    partition.take();
    await harness.run();
    assert.equal(harness.state, 'FINISHED');
    assert.deepEqual(kinds(partition), [1, 'barrier 1', 'barrier 2', 'barrier 3', 'end-of-input']);
  });

  it('when it is suspended, then nothing follows the barrier, until that is aborted', async () => {
    const { reader, partition, operator, harness } = sourceTask();
    await harness.run();
    harness.task.triggerCheckpoint(barrier(1, 'suspend'));
    await harness.run();
    reader.add(record(1));
    await harness.run();
    partition.take();
    assert.deepEqual(kinds(partition), ['barrier 1']);
    harness.task.checkpointAborted(1);
    await harness.run();
    partition.take();
    assert.deepEqual(kinds(partition), ['barrier 1', 1]);
    harness.task.triggerCheckpoint(barrier(2, 'suspend'));
    await harness.run();
    harness.task.checkpointComplete(2);
    await harness.run();
    partition.take();
    await harness.run();
    assert.equal(harness.state, 'FINISHED');
    assert.equal(operator.finished, 0, 'it is to be continued');
  });
});

function sinkTask(storage: TransactionalStorage, options: { restore?: TaskRestore } = {}) {
  const gate = new FakeInputGate(1);
  const harness = new TaskHarness({
    clock: new FakeClock(),
    operators: [node('sink', null, 'sink/files')],
    bodies: { sink: () => ({ sort: 'sink', sink: transactionalSink(storage) }) },
    gates: [gate],
    mode: 'exactly-once',
    attempt: options.restore === undefined ? 0 : 1,
    ...options,
  });
  harness.task.start();
  return { gate, harness };
}

describe('a sink task', () => {
  it('when a checkpoint completes, then exactly what was in front of its barrier is visible', async () => {
    const storage = new TransactionalStorage();
    const { gate, harness } = sinkTask(storage);
    gate.pushRecords(0, numbers(0, 2));
    gate.pushEvent(0, barrier(1));
    gate.pushRecords(0, numbers(2, 3));
    await harness.run();
    assert.deepEqual(storage.values, []);
    harness.task.checkpointComplete(1);
    harness.task.checkpointComplete(1);
    await harness.run();
    assert.deepEqual(storage.values, [0, 1]);
    assert.deepEqual(storage.log, ['pre-commit sink/0/0/0', 'commit sink/0/0/0']);
  });

  it('when a checkpoint is aborted, then its results belong to the next one', async () => {
    const storage = new TransactionalStorage();
    const { gate, harness } = sinkTask(storage);
    for (const id of [1, 2]) {
      gate.pushRecords(0, [record(id)]);
      gate.pushEvent(0, barrier(id));
      await harness.run();
      if (id === 1) harness.task.checkpointAborted(1);
    }
    assert.equal(stateOf(harness, 2, 'sink', 'committables').length, 2);
    harness.task.checkpointComplete(2);
    await harness.run();
    assert.deepEqual(storage.values, [1, 2]);
  });

  it('when the attempt dies before its commit, then the next one commits what it restores', async () => {
    const storage = new TransactionalStorage();
    const first = sinkTask(storage);
    first.gate.pushRecords(0, numbers(0, 2));
    first.gate.pushEvent(0, barrier(1));
    first.gate.pushRecords(0, numbers(2, 4));
    first.gate.pushEvent(0, barrier(2));
    await first.harness.run();
    assert.equal(storage.pending.size, 2);
    const second = sinkTask(storage, { restore: first.harness.restoreOf(1) });
    await second.harness.run();
    assert.deepEqual(storage.values, [0, 1]);
    assert.equal(storage.pending.size, 0, 'what no checkpoint has is nobody’s');
  });

  it('when it is cancelled, then what a checkpoint may have stays, and the rest goes', async () => {
    const storage = new TransactionalStorage();
    const { gate, harness } = sinkTask(storage);
    gate.pushRecords(0, [record(1)]);
    gate.pushEvent(0, barrier(1));
    await harness.run();
    gate.pushRecords(0, [record(2)]);
    gate.pushEvent(0, barrier(2));
    await harness.run();
    harness.task.checkpointAborted(2);
    await harness.run();
    harness.task.cancel();
    await harness.run();
    assert.deepEqual([...storage.pending.keys()], ['sink/0/0/0']);
  });

  it('when a commit fails, then the task does', async () => {
    const storage = new TransactionalStorage();
    storage.commitFailure = new SluiceError('STORAGE_UNAVAILABLE', 'gone', { domain: 'external' });
    const { gate, harness } = sinkTask(storage);
    gate.pushRecords(0, [record(1)]);
    gate.pushEvent(0, barrier(1));
    await harness.run();
    harness.task.checkpointComplete(1);
    await harness.run();
    assert.equal(harness.state, 'FAILED');
    assert.equal(storage.pending.size, 1, 'the restart commits it');
  });

  it('when the final checkpoint completes, then it commits and ends with its input', async () => {
    const storage = new TransactionalStorage();
    const { gate, harness } = sinkTask(storage);
    gate.pushRecords(0, [record(1)]);
    gate.pushEvent(0, barrier(1, 'final'));
    await harness.run();
    assert.equal(harness.state, 'RUNNING');
    gate.pushEvent(0, END_OF_INPUT);
    await harness.run();
    assert.equal(harness.state, 'RUNNING', 'the other tasks were told first');
    harness.task.checkpointComplete(1);
    await harness.run();
    assert.equal(harness.state, 'FINISHED');
    assert.deepEqual(storage.values, [1]);
  });

  it('when the input ends without a last checkpoint, then nothing is committed', async () => {
    const storage = new TransactionalStorage();
    const { gate, harness } = sinkTask(storage);
    gate.pushRecords(0, [record(1)]);
    gate.pushEvent(0, END_OF_INPUT);
    await harness.run();
    assert.equal(harness.state, 'FAILED');
    assert.deepEqual(storage.values, []);
  });
});
