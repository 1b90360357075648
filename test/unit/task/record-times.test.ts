import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../support/fake-clock.ts';
import { DelayingFunction, ListReader, RecordingWriter } from '../../support/fake-operators.ts';
import { FakeResultPartition, node, record, TaskHarness } from '../../support/task-harness.ts';

const START_MS = 1_000_000;

test('when a chain reads and writes, then it reports when it began to read and last wrote', async () => {
  const clock = new FakeClock(START_MS);
  const reader = new ListReader();
  const work = new DelayingFunction({
    clock,
    concurrency: 4,
    ordered: true,
    work: () => ({ delayMs: 250 }),
  });
  const writer = new RecordingWriter();
  const harness = new TaskHarness({
    clock,
    operators: [
      node('list', null, 'source/datagen'),
      node('work', 'list'),
      node('rows', 'work', 'sink/blackhole'),
    ],
    bodies: {
      list: () => ({ sort: 'source', reader: reader as never }),
      work: () => ({ sort: 'asynchronous', function: work }),
      rows: () => ({ sort: 'sink', sink: { writer, committer: null } as never }),
    },
  });
  harness.task.start();
  await harness.run();
  const { firstRecordAtMs, lastRecordAtMs } = harness.task.metrics();
  assert.deepEqual([firstRecordAtMs, lastRecordAtMs], [0, 0], 'nothing has happened yet');
  await clock.advance(3_000);
  // The reading of these two began 40 and 20 ms ago.
  reader.add(record(1, START_MS + 2_960), record(2, START_MS + 2_980));
  reader.noMoreSplits();
  await harness.run();
  await clock.advance(250);
  await harness.run();
  await clock.advance(10_000);
  await harness.run();
  assert.equal(harness.state, 'FINISHED');
  assert.equal(writer.written.length, 2);
  const final = harness.updates.at(-1)?.metrics;
  assert.equal(final?.firstRecordAtMs, START_MS + 2_960);
  assert.equal(final?.lastRecordAtMs, START_MS + 3_250);
});

test('when a chain has no sink, then its last record is the last one that was read', async () => {
  const reader = new ListReader();
  const partition = new FakeResultPartition();
  const harness = new TaskHarness({
    clock: new FakeClock(START_MS),
    operators: [node('list', null, 'source/datagen')],
    bodies: { list: () => ({ sort: 'source', reader: reader as never }) },
    partitions: { list: partition },
  });
  harness.task.start();
  reader.add(record(1, START_MS - 30), record(2, START_MS - 10));
  await harness.run();
  const { firstRecordAtMs, lastRecordAtMs } = harness.task.metrics();
  assert.deepEqual([firstRecordAtMs, lastRecordAtMs], [START_MS - 30, START_MS - 10]);
});
