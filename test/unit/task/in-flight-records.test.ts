/** What asynchronous operators have in flight when a barrier overtakes it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { ImageTensor } from '../../../shared/record/image-tensor.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import { decodeValue } from '../../../shared/serialization/encode-value.ts';
import { decodeRecords } from '../../../shared/serialization/record-payloads.ts';
import type { InFlightEntry } from '../../../taskmanager/operators/runtime/in-flight-records.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  barrier,
  chainOf,
  FakeInputGate,
  FakeResultPartition,
  record,
  TaskHarness,
} from '../../support/task-harness.ts';

/** Work that ends when the test says so, by the record's number. */
class HeldWork {
  readonly started: number[] = [];
  readonly #ends = new Map<number, (error: Error | null) => void>();

  invoke(input: StreamRecord): Promise<readonly StreamRecord[]> {
    const n = Number(input.value['n']);
    this.started.push(n);
    return new Promise((resolve, reject) => {
      this.#ends.set(n, (error) => {
        if (error !== null) reject(error);
        else resolve([new StreamRecord({ n: n + 100 }, n, 0, null, null, null)]);
      });
    });
  }

  end(n: number, error: Error | null = null): void {
    this.#ends.get(n)?.(error);
  }
}

function asyncTask(
  work: HeldWork,
  options: { capacity: number; restore?: ReturnType<TaskHarness['restoreOf']> },
) {
  const clock = new FakeClock();
  const gate = new FakeInputGate(1);
  const partition = new FakeResultPartition(options.capacity);
  const harness = new TaskHarness({
    clock,
    operators: chainOf('work'),
    bodies: {
      work: () => ({
        sort: 'asynchronous',
        function: {
          concurrency: 3,
          ordered: true,
          open() {},
          invoke: (input) => work.invoke(input),
        },
      }),
    },
    gates: [gate],
    partitions: { work: partition },
    mode: 'exactly-once',
    alignmentTimeoutMs: 100,
    onError: 'fail',
    ...(options.restore === undefined ? {} : { restore: options.restore }),
  });
  harness.task.start();
  return { clock, gate, partition, harness };
}

function entriesOf(harness: TaskHarness): (readonly [string, unknown[]])[] {
  const { handles } = harness.restoreOf(1).operators['work']?.lists['in-flight'] ?? { handles: [] };
  return handles.flatMap((handle) => {
    assert.ok(handle.kind === 'inline');
    const entries = decodeValue(Buffer.from(handle.base64, 'base64')) as InFlightEntry[];
    return entries.map(({ kind, payloads }) => {
      const records = payloads.flatMap((payload) => decodeRecords(payload));
      return [kind, records.map(({ value }) => value['n'])] as const;
    });
  });
}

const tensor: ImageTensor = {
  data: new Uint8Array(12).fill(7),
  height: 2,
  width: 2,
  channels: 3,
  color: 'RGB',
  normalization: { scale: 1, mean: [0, 0, 0], std: [1, 1, 1], layout: 'NCHW', type: 'u8' },
};

describe('records in flight in an asynchronous operator', () => {
  it('when a barrier comes, then it overtakes them: results, or inputs', async () => {
    const work = new HeldWork();
    const { gate, partition, harness } = asyncTask(work, { capacity: 0 });
    gate.pushRecords(0, [record(0), record(1), record(2)]);
    await harness.run();
    work.end(0);
    gate.pushEvent(0, barrier(1));
    await harness.run();
    assert.deepEqual(harness.acknowledged, [1]);
    assert.deepEqual(entriesOf(harness), [
      ['results', [100]],
      ['input', [1]],
      ['input', [2]],
    ]);
    partition.take();
    assert.deepEqual(
      partition.taken.map((element) => (element instanceof StreamRecord ? 'record' : element)),
      [barrier(1)],
    );

    const again = new HeldWork();
    const restored = asyncTask(again, { capacity: 9, restore: harness.restoreOf(1) });
    await restored.harness.run();
    assert.deepEqual(again.started, [1, 2]);
    for (const n of again.started) again.end(n);
    await restored.harness.run();
    restored.partition.take();
    assert.deepEqual(restored.partition.numbers, [100, 101, 102]);
  });

  it('when a result carries a tensor, then its input is kept by reference, to be read anew', async () => {
    const decoded = new StreamRecord({ n: 100 }, 0, 0, null, null, tensor);
    const work = { invoke: () => Promise.resolve([decoded]) } as unknown as HeldWork;
    const { gate, harness } = asyncTask(work, { capacity: 0 });
    const source = { uri: 'memory://images/1.jpg', etag: '1' };
    gate.pushRecords(0, [new StreamRecord({ n: 1 }, 1, 0, source, new Uint8Array(9), null)]);
    await harness.run();
    gate.pushEvent(0, barrier(1));
    await harness.run();
    assert.deepEqual(entriesOf(harness), [['input', [1]]]);
  });

  it('when an input carries a tensor, then the tensor is stored with it', async () => {
    const { gate, harness } = asyncTask(new HeldWork(), { capacity: 0 });
    const source = { uri: 'memory://images/1.jpg', etag: '1' };
    gate.pushRecords(0, [new StreamRecord({ n: 1 }, 1, 0, source, null, tensor)]);
    gate.pushEvent(0, barrier(1));
    await harness.run();
    assert.deepEqual(harness.acknowledged, [1]);

    const taken: StreamRecord[] = [];
    const work = { invoke: async (input: StreamRecord) => [...taken.splice(0, 0, input)] };
    const restored = asyncTask(work as unknown as HeldWork, {
      capacity: 9,
      restore: harness.restoreOf(1),
    });
    await restored.harness.run();
    assert.deepEqual(taken[0]?.tensor, tensor);
    assert.deepEqual(taken[0]?.source, source);
  });

  it('when an input cannot be read again, then the results are awaited', async () => {
    const work = new HeldWork();
    const { clock, gate, harness } = asyncTask(work, { capacity: 0 });
    const bytes = new Uint8Array(9);
    const inputs = [0, 1, 2].map((n) => new StreamRecord({ n }, n, 0, null, bytes, null));
    gate.pushRecords(0, inputs);
    gate.pushEvent(0, barrier(1));
    await harness.run();
    await clock.advance(100);
    await harness.run();
    assert.deepEqual(harness.acknowledged, []);
    for (const n of [0, 1]) work.end(n);
    work.end(2, new SluiceError('RECORD_INVALID', 'no', { domain: 'user' }));
    await harness.run();
    assert.deepEqual(harness.acknowledged, [1]);
    assert.deepEqual(entriesOf(harness), [
      ['results', [100]],
      ['results', [101]],
      ['rejected', [2]],
    ]);
    const restored = asyncTask(new HeldWork(), { capacity: 9, restore: harness.restoreOf(1) });
    await restored.harness.run();
    restored.partition.take();
    assert.deepEqual(restored.partition.numbers, [100, 101]);
    // Rejected records fail this task, as they would have before.
    assert.equal(restored.harness.state, 'FAILED');
    assert.equal(restored.harness.updates.at(-1)?.error?.code, 'RECORD_INVALID');
  });

  it('when a savepoint is taken, then nothing is overtaken however long it takes', async () => {
    const work = new HeldWork();
    const { clock, gate, harness } = asyncTask(work, { capacity: 9 });
    gate.pushRecords(0, [record(0)]);
    gate.pushEvent(0, barrier(1, 'savepoint'));
    await harness.run();
    await clock.advance(10_000);
    await harness.run();
    assert.deepEqual(harness.acknowledged, []);
    work.end(0);
    await harness.run();
    assert.deepEqual(harness.acknowledged, [1]);
    assert.deepEqual(entriesOf(harness), []);
  });
});
