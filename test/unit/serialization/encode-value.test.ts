import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeValue, encodeValue } from '../../../shared/serialization/encode-value.ts';

const MANY = Array.from({ length: 5_000 }, (_, n) => ({ id: `split-${n}`, [`k${n % 700}`]: n }));

const values: readonly (readonly [string, unknown])[] = [
  ['nothing', undefined],
  ['null', null],
  ['a number', 1.5],
  ['a long string', 'ä'.repeat(50_000)],
  ['bytes', { seen: new Uint8Array([1, 2, 3]), big: new Float64Array(1_000) }],
  ['bigger than the first try', Array.from({ length: 9_000 }, (_, n) => ({ n, even: n % 2 }))],
  ['more shapes than a buffer remembers', MANY],
  ['an array of arrays', [[], [[1n, true]], new Date(5)]],
];

describe('a value as state', () => {
  for (const [what, value] of values) {
    it(`when it is ${what}, then it comes back as it was, alone in its memory`, () => {
      const bytes = encodeValue(value);
      assert.equal(bytes.byteLength, bytes.buffer.byteLength);
      assert.deepEqual(decodeValue(bytes), value);
    });
  }

  it('when it is any JSON, then it comes back as it was', () => {
    const json = fc.jsonValue().map((value) => structuredClone(value));
    fc.assert(
      fc.property(json, (value) => assert.deepEqual(decodeValue(encodeValue(value)), value)),
    );
  });

  it('when it lies inside a larger buffer, then it is read all the same', () => {
    const bytes = encodeValue({ a: new Uint8Array([7]) });
    const larger = new Uint8Array(bytes.length + 9);
    larger.set(bytes, 4);
    const view = larger.subarray(4, 4 + bytes.length);
    assert.deepEqual(decodeValue(view), { a: new Uint8Array([7]) });
  });

  it('when it is cut, longer, empty or of another format, then that is told', () => {
    const bytes = encodeValue({ a: 'text', b: [1, 2, 3] });
    const broken = [
      bytes.subarray(0, bytes.length - 1),
      Uint8Array.from([...bytes, 0]),
      new Uint8Array(0),
      Uint8Array.from([9, ...bytes.subarray(1)]),
    ];
    for (const bad of broken) assert.throws(() => decodeValue(bad), { code: 'STATE_CORRUPT' });
  });

  it('when it holds what cannot be stored, then it is refused', () => {
    assert.throws(() => encodeValue({ call: () => 1 }), { code: 'RECORD_INVALID' });
    assert.throws(() => encodeValue(new Map()), { code: 'RECORD_INVALID' });
  });
});
