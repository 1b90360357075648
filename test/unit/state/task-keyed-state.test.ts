import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TaskRestore } from '../../../shared/checkpoint/snapshot.ts';
import { STATE_BACKENDS, type StateBackendKind } from '../../../shared/checkpoint/state-backend.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import { CountOperator } from '../../../taskmanager/operators/count/count-operator.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  barrier,
  chainOf,
  FakeInputGate,
  FakeResultPartition,
  record,
  TaskHarness,
} from '../../support/task-harness.ts';

function countingTask(stateBackend: StateBackendKind, restore: TaskRestore | null = null) {
  const gate = new FakeInputGate();
  const partition = new FakeResultPartition();
  const operator = new CountOperator({ keyBy: ['n'] });
  const harness = new TaskHarness({
    clock: new FakeClock(),
    operators: chainOf('count'),
    bodies: { count: () => ({ sort: 'synchronous', operator }) },
    gates: [gate],
    partitions: { count: partition },
    mode: 'exactly-once',
    restore,
    stateBackend,
  });
  harness.task.start();
  return { gate, partition, harness };
}

type CountingTask = ReturnType<typeof countingTask>;

async function checkpoint({ gate, harness }: CountingTask, checkpointId: number): Promise<void> {
  gate.pushEvent(0, barrier(checkpointId));
  await eventually(async () => {
    await harness.run();
    return harness.acknowledged.includes(checkpointId);
  });
  await harness.task.checkpointComplete(checkpointId);
}

/** What the operator emits when its input has ended. */
async function finalCounts({ gate, partition, harness }: CountingTask): Promise<unknown> {
  gate.pushEvent(0, barrier(99, 'final'));
  await eventually(async () => {
    await harness.run();
    return harness.acknowledged.includes(99);
  });
  partition.take();
  const counts = partition.taken
    .filter((element) => element instanceof StreamRecord)
    .map(({ value }) => [value['n'], value['count']] as const);
  return Object.fromEntries(counts);
}

for (const backend of STATE_BACKENDS) {
  describe(`a task that counts, with state on the backend ${backend}`, () => {
    it('when it is restored from a later checkpoint, then base and changes count', async () => {
      const first = countingTask(backend);
      first.gate.pushRecords(
        0,
        [1, 2, 2, 3, 4, 5, 6].map((n) => record(n)),
      );
      await checkpoint(first, 1);
      first.gate.pushRecords(
        0,
        [2, 7].map((n) => record(n)),
      );
      await checkpoint(first, 2);
      first.gate.pushRecords(
        0,
        [1, 1, 1].map((n) => record(n)),
      );
      await first.harness.run();
      const restore = first.harness.restoreOf(2);
      const kinds = restore.operators['count']?.keyed['counts']?.[0]?.segments.map(
        ({ kind }) => kind,
      );
      assert.deepEqual(kinds, ['base', 'changes']);
      const second = countingTask(backend, restore);
      await second.harness.run();
      second.gate.pushRecords(
        0,
        [7, 8].map((n) => record(n)),
      );
      const expected = { 1: 1, 2: 3, 3: 1, 4: 1, 5: 1, 6: 1, 7: 2, 8: 1 };
      assert.deepEqual(await finalCounts(second), expected);
    });

    it('when it starts from a final checkpoint, then nothing is emitted again', async () => {
      const first = countingTask(backend);
      first.gate.pushRecords(
        0,
        [1, 2].map((n) => record(n)),
      );
      first.gate.pushEvent(0, barrier(1, 'final'));
      await eventually(async () => {
        await first.harness.run();
        return first.harness.acknowledged.includes(1);
      });
      const second = countingTask(backend, first.harness.restoreOf(1));
      await second.harness.run();
      assert.deepEqual(await finalCounts(second), {});
    });
  });
}
