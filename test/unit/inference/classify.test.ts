import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { topClasses } from '../../../taskmanager/inference/classify.ts';
import { decodeHalves } from '../../../taskmanager/inference/output-rows.ts';

const scores = fc.array(fc.float({ min: -50, max: 50, noNaN: true }), {
  minLength: 1,
  maxLength: 200,
});

test('property: the best classes are those of sorting all, best first, lower index first', () => {
  fc.assert(
    fc.property(scores, fc.integer({ min: 1, max: 250 }), (row, topK) => {
      const expected = row
        .map((value, index) => ({ value, index }))
        .sort((left, right) => right.value - left.value || left.index - right.index)
        .slice(0, topK)
        .map(({ index }) => index);
      const found = topClasses(Float32Array.from(row), { topK, kind: 'probabilities' });
      assert.deepEqual(found?.indices, expected);
      assert.deepEqual(
        found?.scores,
        expected.map((index) => Math.fround(row[index] ?? 0)),
      );
    }),
  );
});

test('property: logits become probabilities that add up to one', () => {
  fc.assert(
    fc.property(scores, (row) => {
      const found = topClasses(row, { topK: row.length, kind: 'logits' });
      const sum = found?.scores.reduce((total, score) => total + score, 0) ?? 0;
      assert.ok(Math.abs(sum - 1) < 1e-9, String(sum));
    }),
  );
});

test('when logits are huge, then the softmax does not overflow', () => {
  const found = topClasses([1000, 999, Number.NEGATIVE_INFINITY], { topK: 3, kind: 'logits' });
  assert.deepEqual(found?.indices, [0, 1, 2]);
  assert.ok(Math.abs((found?.scores[0] ?? 0) - 0.731) < 0.001);
  assert.equal(found?.scores[2], 0);
});

test('when the output has no order or no maximum, then there are no classes', () => {
  const options = { topK: 1, kind: 'logits' } as const;
  assert.equal(topClasses([1, Number.NaN], options), null);
  assert.equal(topClasses([Number.POSITIVE_INFINITY, 1], options), null);
  assert.equal(topClasses([Number.NEGATIVE_INFINITY], options), null);
});

test('when halves are decoded by hand, then they are what they stand for', () => {
  const bits = [0x0000, 0x8000, 0x3c00, 0xc000, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x7c00, 0xfc00];
  assert.deepEqual(
    [...decodeHalves(Uint16Array.from(bits))],
    [
      0,
      -0,
      1,
      -2,
      2 ** -24,
      (1023 / 1024) * 2 ** -14,
      2 ** -14,
      65504,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ],
  );
  assert.ok(Number.isNaN(decodeHalves(Uint16Array.of(0x7e00))[0]));
});
