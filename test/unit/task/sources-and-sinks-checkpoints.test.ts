import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TaskRestore } from '../../../shared/checkpoint/snapshot.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { END_OF_INPUT } from '../../../shared/record/stream-event.ts';
import type { SourceReader } from '../../../taskmanager/operators/source-reader.ts';
import { kinds, numbers, stateOf } from '../../support/checkpoint-helpers.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { CountingOperator, ListReader } from '../../support/fake-operators.ts';
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

  it('when all is read, then it says so, stays, and ends with the final checkpoint', async () => {
    const { reader, partition, operator, harness } = sourceTask();
    await harness.run();
    reader.add(record(1));
    reader.noMoreSplits();
    await harness.run();
    harness.task.triggerCheckpoint(barrier(1));
    await harness.run();
    assert.deepEqual(
      harness.reports.map(({ kind }) => kind),
      ['source-drained', 'source-drained', 'acknowledge-checkpoint'],
      'with a checkpoint it says so again: another job manager may have begun it',
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
    harness.task.triggerCheckpoint(barrier(3));
    reader.add(record(2));
    for (let turn = 0; turn < 2; turn += 1) {
      await harness.run();
      partition.take();
    }
    const seen = kinds(partition);
    assert.deepEqual(seen, ['barrier 1', 1, 'barrier 2', 'barrier 3', 2], 'another one followed');
    harness.task.triggerCheckpoint(barrier(4, 'suspend'));
    await harness.run();
    harness.task.checkpointComplete(4);
    await harness.run();
    partition.take();
    await harness.run();
    assert.equal(harness.state, 'FINISHED');
    assert.equal(operator.finished, 0, 'it is to be continued');
  });
});

function sinkTask(
  storage: TransactionalStorage,
  options: { restore?: TaskRestore; storageSilentMs?: () => number } = {},
) {
  const gate = new FakeInputGate(1);
  const clock = new FakeClock();
  const harness = new TaskHarness({
    clock,
    operators: [node('sink', null, 'sink/files')],
    bodies: { sink: () => ({ sort: 'sink', sink: transactionalSink(storage) }) },
    gates: [gate],
    mode: 'exactly-once',
    attempt: options.restore === undefined ? 0 : 1,
    ...options,
  });
  harness.task.start();
  return { gate, harness, clock };
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

  it('when the storage is silent, then the checkpoint is declined and the next one has its results', async () => {
    const storage = new TransactionalStorage();
    let silentMs = 0;
    const { gate, harness, clock } = sinkTask(storage, { storageSilentMs: () => silentMs });
    let answer = (): void => {};
    storage.gate = new Promise((resolve) => {
      answer = resolve;
    });
    gate.pushRecords(0, [record(1)]);
    gate.pushEvent(0, barrier(1));
    await harness.run();
    await clock.advance(60_000);
    await harness.run();
    assert.equal(harness.reports.length, 0, 'slow is not silent');
    silentMs = 10_000;
    await clock.advance(1_000);
    await harness.run();
    const [report] = harness.reports;
    assert.ok(report?.kind === 'decline-checkpoint');
    assert.equal(report.reason, 'STORAGE_FAILED');
    silentMs = 0;
    answer();
    storage.gate = null;
    gate.pushRecords(0, [record(2)]);
    gate.pushEvent(0, barrier(2));
    await harness.run();
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
