import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { END_OF_INPUT } from '../../../shared/record/stream-event.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { OperatorBody } from '../../../taskmanager/operators/runtime/operator-body.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  DelayingFunction,
  ListReader,
  MappingOperator,
  RecordingWriter,
} from '../../support/fake-operators.ts';
import {
  chainOf,
  FakeInputGate,
  FakeResultPartition,
  node,
  record,
  TaskHarness,
} from '../../support/task-harness.ts';

const synchronous = (operator: MappingOperator): OperatorBody => ({
  sort: 'synchronous',
  operator,
});
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => record(from + index));
const bad = (n: number) =>
  new SluiceError('RECORD_INVALID', `record ${n} is bad`, { domain: 'user' });

function mappingTask(capacity: number, operator = new MappingOperator()) {
  const gate = new FakeInputGate();
  const partition = new FakeResultPartition(capacity);
  const harness = new TaskHarness({
    clock: new FakeClock(),
    operators: chainOf('map'),
    bodies: { map: () => synchronous(operator) },
    gates: [gate],
    partitions: { map: partition },
  });
  return { gate, partition, harness, operator };
}

describe('StreamTask', () => {
  it('when the input ends, then everything has passed and the task is finished', async () => {
    const { gate, partition, harness, operator } = mappingTask(Number.POSITIVE_INFINITY);
    harness.task.start();
    gate.pushRecords(0, numbers(0, 100));
    gate.pushEvent(0, END_OF_INPUT);
    await harness.run();
    assert.equal(harness.state, 'RUNNING', 'what was emitted has not left yet');
    partition.take();
    await harness.run();
    assert.deepEqual(harness.states, ['INITIALIZING', 'RUNNING', 'FINISHED']);
    assert.deepEqual(
      partition.numbers,
      numbers(0, 100).map((r) => r.value['n']),
    );
    assert.deepEqual(partition.taken.at(-1), END_OF_INPUT);
    assert.equal(operator.closed, 1);
    assert.ok(gate.isClosed && partition.isClosed);
    const metrics = harness.updates.at(-1)?.metrics;
    assert.equal(metrics?.recordsIn, 100);
    assert.equal(metrics?.recordsOut, 100);
  });

  it('when the output has no room, then reading stops at that record', async () => {
    const { gate, partition, harness } = mappingTask(1);
    harness.task.start();
    gate.pushRecords(0, numbers(0, 3));
    gate.pushEvent(0, END_OF_INPUT);
    await harness.run();
    for (let taken = 0; taken < 2; taken += 1) {
      assert.equal(partition.buffersQueued, 1);
      partition.take(1);
      await harness.run();
    }
    partition.take();
    await harness.run();
    assert.equal(partition.overdraft, 0);
    assert.deepEqual(partition.numbers, [0, 1, 2]);
    assert.equal(harness.state, 'FINISHED');
  });

  it('when a task waits for credit, then that time is back-pressure; without input it is idle', async () => {
    const clock = new FakeClock();
    const gate = new FakeInputGate();
    const partition = new FakeResultPartition(1);
    const harness = new TaskHarness({
      clock,
      operators: chainOf('map'),
      bodies: { map: () => synchronous(new MappingOperator()) },
      gates: [gate],
      partitions: { map: partition },
    });
    harness.task.start();
    await harness.run();
    await clock.advance(30);
    gate.pushRecords(0, numbers(0, 2));
    await harness.run();
    await clock.advance(70);
    partition.take();
    await harness.run();
    const { idleMs, backPressuredMs, busyMs } = harness.task.metrics();
    assert.deepEqual(
      { idleMs, backPressuredMs, busyMs },
      {
        idleMs: 30,
        backPressuredMs: 70,
        busyMs: 0,
      },
    );
  });

  it('when several channels feed a task, then it ends with the last and merges watermarks', async () => {
    const first = new FakeInputGate(2);
    const second = new FakeInputGate(1);
    const partition = new FakeResultPartition();
    const harness = new TaskHarness({
      clock: new FakeClock(),
      operators: chainOf('map'),
      bodies: { map: () => synchronous(new MappingOperator()) },
      gates: [first, second],
      partitions: { map: partition },
    });
    harness.task.start();
    first.pushEvent(0, { kind: 'watermark', timestampMs: 5 });
    first.pushEvent(1, { kind: 'watermark', timestampMs: 9 });
    second.pushEvent(0, { kind: 'watermark', timestampMs: 7 });
    await harness.run();
    first.pushEvent(0, END_OF_INPUT);
    await harness.run();
    first.pushEvent(1, END_OF_INPUT);
    await harness.run();
    partition.take();
    assert.deepEqual(partition.taken, [
      { kind: 'watermark', timestampMs: 5 },
      { kind: 'watermark', timestampMs: 7 },
    ]);
    assert.equal(harness.state, 'RUNNING');
    second.pushEvent(0, END_OF_INPUT);
    await harness.run();
    partition.take();
    await harness.run();
    assert.equal(harness.state, 'FINISHED');
  });

  it('when the input ends, then each operator finishes before the next one does', async () => {
    const clock = new FakeClock();
    const gate = new FakeInputGate();
    const writer = new RecordingWriter();
    const committed: string[] = [];
    const harness = new TaskHarness({
      clock,
      operators: [node('head', null), node('slow', 'head'), node('sink', 'slow', 'sink/files')],
      bodies: {
        head: () => synchronous(new MappingOperator((r) => [r], [record(99)])),
        slow: () => ({
          sort: 'asynchronous',
          function: new DelayingFunction({
            clock,
            concurrency: 8,
            ordered: true,
            work: () => ({ delayMs: 50 }),
          }),
        }),
        sink: () => ({
          sort: 'sink',
          sink: {
            writer,
            committer: {
              commit: async (parts) => {
                committed.push(...(parts as string[]));
              },
              abort: async () => {},
            },
          },
        }),
      },
      gates: [gate],
    });
    harness.task.start();
    gate.pushRecords(0, numbers(0, 2));
    gate.pushEvent(0, END_OF_INPUT);
    await harness.run();
    assert.deepEqual(writer.calls, [], 'records are still in flight in front of the sink');
    await clock.advance(50);
    await harness.run();
    assert.deepEqual(
      writer.written.map(({ value }) => value['n']),
      [0, 1, 99],
    );
    assert.deepEqual(writer.calls, ['prepare all', 'close']);
    assert.deepEqual(committed, ['part-1']);
    assert.equal(harness.state, 'FINISHED');
  });

  it('when a writer has something finished, then it is committed while the input goes on', async () => {
    const gate = new FakeInputGate();
    const writer = new RecordingWriter();
    const committed: unknown[] = [];
    const committer = {
      commit: async (parts: readonly unknown[]) => {
        committed.push(...parts);
      },
      abort: async () => {},
    };
    const harness = new TaskHarness({
      clock: new FakeClock(),
      operators: [node('sink', null, 'sink/files')],
      bodies: { sink: () => ({ sort: 'sink', sink: { writer, committer } }) },
      gates: [gate],
    });
    harness.task.start();
    await harness.run();
    writer.onCommittable();
    await harness.run();
    assert.deepEqual(committed, ['part-1']);
    assert.equal(harness.state, 'RUNNING');
    writer.ready = false;
    gate.pushRecords(0, numbers(0, 1));
    await harness.run();
    assert.equal(writer.written.length, 0, 'its buffers are full');
    writer.ready = true;
    writer.notifyReady();
    await harness.run();
    assert.equal(writer.written.length, 1);
  });

  it('when a record is rejected, then it goes to the dead letters and the others pass', async () => {
    const gate = new FakeInputGate();
    const writer = new RecordingWriter();
    const partition = new FakeResultPartition();
    const operator = new MappingOperator((r) => {
      if (r.value['n'] === 1) throw bad(1);
      return [r];
    });
    const harness = new TaskHarness({
      clock: new FakeClock(),
      operators: [node('map', null), node('rejected', 'map', 'sink/dead-letters')],
      bodies: {
        map: () => synchronous(operator),
        rejected: () => ({ sort: 'sink', sink: { writer, committer: null } }),
      },
      gates: [gate],
      partitions: { map: partition },
    });
    harness.task.start();
    gate.pushRecords(0, numbers(0, 3));
    await harness.run();
    partition.take();
    assert.deepEqual(partition.numbers, [0, 2]);
    assert.equal(writer.written.length, 1);
    const [letter] = writer.written;
    assert.equal(letter?.value['node'], 'map');
    assert.equal(letter?.value['code'], 'RECORD_INVALID');
    assert.equal(harness.task.metrics().recordsRejected, 1);
  });

  it('when errors are to fail the job, then the first rejected record fails the task', async () => {
    const gate = new FakeInputGate();
    const partition = new FakeResultPartition();
    const operator = new MappingOperator((r) => {
      if (r.value['n'] === 1) throw bad(1);
      return [r];
    });
    const harness = new TaskHarness({
      clock: new FakeClock(),
      operators: chainOf('map'),
      bodies: { map: () => synchronous(operator) },
      gates: [gate],
      partitions: { map: partition },
      onError: 'fail',
    });
    harness.task.start();
    gate.pushRecords(0, numbers(0, 3));
    await harness.run();
    partition.take();
    assert.deepEqual(partition.numbers, [0], 'nothing follows the failure');
    assert.equal(harness.state, 'FAILED');
    assert.equal(harness.updates.at(-1)?.error?.message, 'record 1 is bad');
    assert.equal(operator.closed, 1);
  });

  it('when an operator throws anything else, then the task fails with it', async () => {
    const { gate, harness } = mappingTask(
      1,
      new MappingOperator(() => {
        throw new TypeError('x is undefined');
      }),
    );
    harness.task.start();
    gate.pushRecords(0, numbers(0, 1));
    await harness.run();
    assert.equal(harness.updates.at(-1)?.error?.message, 'x is undefined');
    assert.equal(harness.state, 'FAILED');
  });

  it('when a peer is lost, then the task fails with that; a cancelled task does not', async () => {
    const broken = mappingTask(1);
    broken.harness.task.start();
    await broken.harness.run();
    broken.gate.breakDown(new Error('connection lost'));
    await broken.harness.run();
    assert.equal(broken.harness.updates.at(-1)?.error?.message, 'connection lost');

    const cancelled = mappingTask(1);
    cancelled.harness.task.start();
    await cancelled.harness.run();
    cancelled.harness.task.cancel();
    cancelled.gate.breakDown(new Error('connection lost'));
    await cancelled.harness.run();
    assert.deepEqual(cancelled.harness.states, ['INITIALIZING', 'RUNNING', 'CANCELED']);
    assert.equal(cancelled.operator.closed, 1);
    assert.equal(cancelled.operator.finished, 0);
  });

  it('when an operator cannot open, then the task fails and everything is closed', async () => {
    const operator = new MappingOperator();
    operator.open = () => {
      throw new SluiceError('MODEL_NOT_FOUND', 'no such model', { domain: 'user' });
    };
    const { harness } = mappingTask(1, operator);
    harness.task.start();
    await harness.run();
    assert.deepEqual(harness.states, ['INITIALIZING', 'FAILED']);
    assert.equal(harness.updates.at(-1)?.error?.code, 'MODEL_NOT_FOUND');
    assert.equal(operator.closed, 1);
  });

  it('when an operator does not close, then the end is reported all the same', async () => {
    const clock = new FakeClock();
    const operator = new MappingOperator();
    operator.close = () => new Promise(() => {}) as never;
    const harness = new TaskHarness({
      clock,
      operators: chainOf('map'),
      bodies: { map: () => synchronous(operator) },
      gates: [new FakeInputGate()],
    });
    harness.task.start();
    await harness.run();
    harness.task.cancel();
    await clock.advance(4_999);
    assert.equal(harness.state, 'RUNNING');
    await clock.advance(1);
    assert.equal(harness.state, 'CANCELED');
  });

  it('when a source gives more than the chain takes, then the rest waits its turn', async () => {
    const reader = new ListReader(4);
    const partition = new FakeResultPartition(1);
    const harness = new TaskHarness({
      clock: new FakeClock(),
      operators: [node('list', null, 'source/datagen')],
      bodies: { list: () => ({ sort: 'source', reader: reader as never }) },
      partitions: { list: partition },
    });
    harness.task.start();
    harness.task.addSplits([7]);
    await harness.run();
    assert.deepEqual(harness.splitRequests, [1]);
    assert.deepEqual(reader.splits, [7], 'splits that come early wait for the reader');
    reader.add(...numbers(0, 6));
    harness.task.noMoreSplits();
    for (let taken = 0; taken < 8; taken += 1) {
      await harness.run();
      partition.take(1);
    }
    await harness.run();
    assert.equal(partition.overdraft, 0);
    assert.deepEqual(partition.numbers, [0, 1, 2, 3, 4, 5]);
    assert.equal(harness.state, 'FINISHED');
    assert.equal(reader.closed, 1);
    const metrics = harness.updates.at(-1)?.metrics;
    assert.equal(metrics?.operators[0]?.recordsOut, 6);
  });

  it('when an output fans out, then every consumer gets the same record', async () => {
    const gate = new FakeInputGate();
    const left = new RecordingWriter();
    const right = new RecordingWriter();
    const sink = (writer: RecordingWriter) => (): OperatorBody => ({
      sort: 'sink',
      sink: { writer, committer: null },
    });
    const harness = new TaskHarness({
      clock: new FakeClock(),
      operators: [
        node('head', null),
        node('left', 'head', 'sink/print'),
        node('right', 'head', 'sink/print'),
      ],
      bodies: {
        head: () => synchronous(new MappingOperator()),
        left: sink(left),
        right: sink(right),
      },
      gates: [gate],
    });
    harness.task.start();
    const tensor = {
      data: new Uint8Array(3),
      height: 1,
      width: 1,
      channels: 3,
      color: 'RGB',
    } as never;
    gate.pushRecords(0, [new StreamRecord({ n: 0 }, 0, 0, null, null, tensor)]);
    await harness.run();
    assert.equal(left.written[0]?.tensor, tensor);
    assert.equal(right.written[0], left.written[0]);
  });
});
