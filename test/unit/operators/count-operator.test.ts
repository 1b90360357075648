import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { StateBackendKind } from '../../../shared/checkpoint/state-backend.ts';
import type { Barrier } from '../../../shared/record/stream-event.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import { CountOperator } from '../../../taskmanager/operators/count/count-operator.ts';
import type { Output } from '../../../taskmanager/operators/stream-operator.ts';
import { MemorySnapshotStore } from '../../support/memory-snapshot-store.ts';
import { checkOperator, harnessContext, heapState } from '../../support/operator-harness.ts';

const record = (value: Record<string, unknown>, eventTimeMs = 0) =>
  new StreamRecord(value, eventTimeMs, 0, null, null, null);

const counted = async (
  keyBy: string[],
  values: Record<string, unknown>[],
  stateBackend: StateBackendKind = 'heap',
) => {
  const input = values.map((value) => record(value));
  const create = () => new CountOperator({ keyBy });
  const run = await checkOperator({ create, input, order: 'any', stateBackend });
  return { run, values: run.emitted.map(({ value }) => value) };
};

describe('CountOperator', () => {
  it('when the input ends, then each key has its count', async () => {
    const { values } = await counted(['key'], [{ key: 'a' }, { key: 'b' }, { key: 'a' }]);
    assert.deepEqual(values, [
      { key: 'a', count: 2 },
      { key: 'b', count: 1 },
    ]);
  });

  it('when keys look alike, then their types keep them apart', async () => {
    const keys = [1, '1', true, 'true', null, 'null'];
    const { values } = await counted(
      ['key'],
      keys.map((key) => ({ key })),
    );
    assert.deepEqual(
      values,
      keys.map((key) => ({ key, count: 1 })),
    );
  });

  it('when the state lies in LMDB, then the counts are the same', async () => {
    const rows = ['a', 'b', 'a', 'a'].map((key) => ({ key, model: 1 }));
    const { values } = await counted(['key', 'model'], rows, 'lmdb');
    const expected = [
      { key: 'a', model: 1, count: 3 },
      { key: 'b', model: 1, count: 1 },
    ];
    assert.deepEqual(new Set(values), new Set(expected));
  });

  it('when there are several key fields, then each combination counts', async () => {
    const rows = [
      { a: 'x', model: { name: 'y,z' } },
      { a: 'x,y', model: { name: 'z' } },
      { a: 'x', model: { name: 'y,z' } },
    ];
    const { values } = await counted(['a', 'model.name'], rows);
    assert.deepEqual(values, [
      { a: 'x', name: 'y,z', count: 2 },
      { a: 'x,y', name: 'z', count: 1 },
    ]);
  });

  it('when a key field is missing or no single value, then the record is rejected', async () => {
    const rows = [{ key: 'a' }, {}, { key: { x: 1 } }, { key: [1] }];
    const { run, values } = await counted(['key'], rows);
    assert.deepEqual(values, [{ key: 'a', count: 1 }]);
    assert.deepEqual(
      run.rejected.map(({ error }) => [error.code, error.message]),
      [
        ['RECORD_INVALID', 'the key field "key" is missing'],
        ['RECORD_INVALID', 'the key field "key" is no single value'],
        ['RECORD_INVALID', 'the key field "key" is no single value'],
      ],
    );
  });

  it('when records carry event times, then the results carry the latest', async () => {
    const input = [record({ key: 'a' }, 5), record({ key: 'b' }, 9), record({ key: 'a' }, 7)];
    const create = () => new CountOperator({ keyBy: ['key'] });
    const { emitted } = await checkOperator({ create, input, order: 'any' });
    assert.deepEqual(
      emitted.map(({ eventTimeMs }) => eventTimeMs),
      [9, 9],
    );
  });

  it('when subtasks restore the latest times of all, then the latest counts', async () => {
    const emitted: StreamRecord[] = [];
    const operator = new CountOperator({ keyBy: ['key'] });
    const keyed = await heapState();
    operator.open(harnessContext(assert.fail, keyed), sink(emitted));
    operator.restoreState([{ operatorId: 'operator', lists: { eventTimeMaxMs: [7, 30, 9] } }]);
    operator.processElement(record({ key: 'a' }, 8));
    operator.finish();
    assert.deepEqual(
      emitted.map(({ eventTimeMs }) => eventTimeMs),
      [30],
    );
  });

  it('when it has finished, then nothing is left to be emitted again', async () => {
    const emitted: StreamRecord[] = [];
    const operator = new CountOperator({ keyBy: ['key'] });
    operator.open(harnessContext(assert.fail, await heapState()), sink(emitted));
    operator.processElement(record({ key: 'a' }));
    operator.finish();
    operator.finish();
    assert.equal(emitted.length, 1);
  });

  for (const stored of [3, { count: 3, windowEndMs: 17 }]) {
    it(`when ${JSON.stringify(stored)} was stored by some version, then it counts on`, async () => {
      const before = await heapState();
      const state = before.state.value<unknown>({ name: 'counts' });
      before.state.setCurrentKey('a');
      state.update(stored);
      before.state.setCurrentKey('b');
      state.update({ windowEndMs: 17 });
      const store = new MemorySnapshotStore();
      const taken = before.snapshot({ checkpointId: 1, barrier: BARRIER, store });
      const handles = await taken?.handles;
      assert.ok(handles?.['counts'] !== undefined);
      const keyed = await heapState();
      await keyed.restore({ lists: {}, keyed: { counts: [handles['counts']] }, loader: store });
      const emitted: StreamRecord[] = [];
      const operator = new CountOperator({ keyBy: ['key'] });
      operator.open(harnessContext(assert.fail, keyed), sink(emitted));
      for (const key of ['a', 'b']) operator.processElement(record({ key }));
      operator.finish();
      const counts = emitted.map(({ value }) => [value['key'], value['count']] as const);
      assert.deepEqual(Object.fromEntries(counts), { a: 4, b: 1 });
    });
  }

  it('when any records are counted, then nothing is lost or invented', async () => {
    const key = fc.oneof(fc.string(), fc.integer({ min: -3, max: 3 }), fc.boolean());
    const rows = fc.array(fc.record({ a: key, b: key }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(rows, async (values) => {
        const { values: counts } = await counted(['a', 'b'], values);
        const expected = new Map<string, number>();
        for (const { a, b } of values) {
          const encoded = JSON.stringify([a, b]);
          expected.set(encoded, (expected.get(encoded) ?? 0) + 1);
        }
        const actual = counts.map(({ a, b, count }) => [JSON.stringify([a, b]), count] as const);
        assert.deepEqual(new Map(actual), expected);
        assert.equal(actual.length, expected.size);
      }),
      { numRuns: 50 },
    );
  });
});

const BARRIER: Barrier = {
  kind: 'barrier',
  checkpointId: 1,
  triggeredAtMs: 0,
  alignment: 'aligned',
  purpose: 'checkpoint',
};

function sink(emitted: StreamRecord[]): Output {
  return {
    emit: (emittedRecord) => emitted.push(emittedRecord),
    emitEvent: () => undefined,
    isReady: () => true,
  };
}
