import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import { FilterOperator } from '../../../taskmanager/operators/filter/filter-operator.ts';
import { checkOperator } from '../../support/operator-harness.ts';

const record = (value: Record<string, unknown>) =>
  new StreamRecord(value, 1, 2, { uri: 'memory://m/a', etag: 'e' }, null, null);

describe('FilterOperator', () => {
  it('when the expression is true, then the very same record goes on', async () => {
    const input = [
      record({ label: 'traffic light', score: 0.9 }),
      record({ label: 'traffic light', score: 0.2 }),
      record({ label: 'bicycle', score: 0.9 }),
    ];
    const where = 'label == "traffic light" && score > 0.5';
    const run = await checkOperator({ create: () => new FilterOperator({ where }), input });
    assert.deepEqual(run.emitted, [input[0]]);
    assert.equal(run.emitted[0], input[0]);
    assert.deepEqual(run.rejected, []);
  });

  it('when a record lacks the field, then it alone is rejected, by name', async () => {
    const input = [record({ score: 1 }), record({}), record({ score: 2 })];
    const create = () => new FilterOperator({ where: 'score >= 1.0' });
    const run = await checkOperator({ create, input });
    assert.equal(run.emitted.length, 2);
    assert.deepEqual(
      run.rejected.map(({ record: rejected, error }) => [rejected, error.code, error.context]),
      [[input[1], 'EXPRESSION_FAILED', { expression: 'score >= 1.0', field: 'score' }]],
    );
  });

  it('when the expression gives no boolean, then the record is rejected', async () => {
    const input = [record({ a: 1 }), record({ a: 'x' }), record({ a: null }), record({ a: true })];
    const run = await checkOperator({ create: () => new FilterOperator({ where: 'a' }), input });
    assert.equal(run.emitted.length, 1);
    assert.deepEqual(
      run.rejected.map(({ error }) => error.message),
      [
        '"a" gives number, not true or false',
        '"a" gives string, not true or false',
        '"a" gives null, not true or false',
      ],
    );
  });
});
