import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import { MapOperator } from '../../../taskmanager/operators/map/map-operator.ts';
import { checkOperator } from '../../support/operator-harness.ts';

const source = { uri: 'memory://m/a', etag: 'e' };
const bytes = new Uint8Array([1, 2, 3]);
const input = [
  new StreamRecord({ uri: 'memory://m/a', width: 640, height: 480 }, 5, 6, source, bytes, null),
  new StreamRecord({ uri: 'memory://m/b', width: 10, height: 20 }, 7, 8, source, null, null),
];
type Keep = ConstructorParameters<typeof MapOperator>[0]['keep'];

const values = async (fields: Record<string, string>, keep: Keep) => {
  const run = await checkOperator({ create: () => new MapOperator({ fields, keep }), input });
  return run.emitted.map(({ value }) => value);
};

describe('MapOperator', () => {
  it('when everything is kept, then fields are added and replaced', async () => {
    assert.deepEqual(await values({ area: 'width * height', width: 'width / 2' }, 'all'), [
      { uri: 'memory://m/a', width: 320, height: 480, area: 307_200 },
      { uri: 'memory://m/b', width: 5, height: 20, area: 200 },
    ]);
  });

  it('when nothing is kept, then only the computed fields remain', async () => {
    assert.deepEqual(await values({ wide: 'width > height' }, 'none'), [
      { wide: true },
      { wide: false },
    ]);
  });

  it('when a list is kept, then those fields remain, those that exist', async () => {
    assert.deepEqual(await values({ a: '1' }, ['uri', 'nowhere']), [
      { uri: 'memory://m/a', a: 1 },
      { uri: 'memory://m/b', a: 1 },
    ]);
  });

  it('when fields are computed, then everything else of the record stays', async () => {
    const create = () => new MapOperator({ fields: { a: '1' }, keep: 'none' });
    const run = await checkOperator({ create, input });
    const [first] = run.emitted;
    assert.deepEqual(first, new StreamRecord({ a: 1 }, 5, 6, source, bytes, null));
    assert.deepEqual(input[0]?.value, { uri: 'memory://m/a', width: 640, height: 480 });
  });

  it('when one expression fails, then the whole record is rejected', async () => {
    const create = () => new MapOperator({ fields: { a: '1', b: 'missing' }, keep: 'all' });
    const run = await checkOperator({ create, input });
    assert.equal(run.emitted.length, 0);
    assert.deepEqual(
      run.rejected.map(({ error }) => error.context['field']),
      ['missing', 'missing'],
    );
  });
});
