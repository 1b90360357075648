import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileFieldPath, parseFieldPath } from '../../../shared/record/field-path.ts';

const RECORD = { label: 'cat', nothing: null, model: { name: 'm', inner: { deep: 3 } }, list: [1] };

describe('compileFieldPath', () => {
  const cases: readonly [string, unknown][] = [
    ['label', 'cat'],
    ['nothing', null],
    ['missing', undefined],
    ['model.name', 'm'],
    ['model.inner.deep', 3],
    ['model.missing.deep', undefined],
    ['label.length', undefined],
    ['nothing.name', undefined],
    ['constructor', undefined],
    ['model.toString', undefined],
  ];
  for (const [path, expected] of cases) {
    it(`when the path is ${path}, then it gives ${JSON.stringify(expected)}`, () => {
      assert.equal(compileFieldPath(path)(RECORD), expected);
    });
  }
});

describe('parseFieldPath', () => {
  for (const path of ['', '.', 'a.', '.a', 'a b', '1a', 'a-b', '__proto__', 'a.__proto__']) {
    it(`when the text is "${path}", then it is no path`, () => {
      assert.equal(parseFieldPath(path), null);
    });
  }

  it('when a path is deep, then depth has a bound', () => {
    assert.deepEqual(parseFieldPath('a.b_1'), ['a', 'b_1']);
    assert.equal(parseFieldPath(Array.from({ length: 17 }, () => 'a').join('.')), null);
  });
});
