import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import { CountOperator } from '../../../taskmanager/operators/count/count-operator.ts';
import type { OperatorSnapshot, Output } from '../../../taskmanager/operators/stream-operator.ts';
import { checkOperator, harnessContext } from '../../support/operator-harness.ts';

const record = (value: Record<string, unknown>, eventTimeMs = 0) =>
  new StreamRecord(value, eventTimeMs, 0, null, null, null);

const counted = async (keyBy: string[], values: Record<string, unknown>[]) => {
  const input = values.map((value) => record(value));
  const create = () => new CountOperator({ keyBy });
  const run = await checkOperator({ create, input, order: 'any' });
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

  it('when two subtasks become one, then their counts add up', () => {
    const part = (...keys: string[]): OperatorSnapshot => {
      const operator = new CountOperator({ keyBy: ['key'] });
      operator.open(harnessContext(assert.fail), sink([]));
      for (const key of keys) operator.processElement(record({ key }));
      return operator.snapshotState();
    };
    const emitted: unknown[] = [];
    const whole = new CountOperator({ keyBy: ['key'] });
    whole.open(harnessContext(assert.fail), sink(emitted));
    whole.restoreState([part('a', 'b'), part('b', 'c')]);
    whole.finish();
    assert.deepEqual(emitted, [
      { key: 'a', count: 1 },
      { key: 'b', count: 2 },
      { key: 'c', count: 1 },
    ]);
  });

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

function sink(emitted: unknown[]): Output {
  return {
    emit: ({ value }) => emitted.push(value),
    emitEvent: () => undefined,
    isReady: () => true,
  };
}
