import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SeenSet } from '../../../jobmanager/sources/seen-set.ts';

test('when names are added in any order, then each is new exactly once, also after a restore', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 8 }), { maxLength: 200 }), (names) => {
      const seen = new SeenSet();
      const expected = new Set<string>();
      for (const name of names) {
        assert.equal(seen.add(name), !expected.has(name));
        expected.add(name);
      }
      assert.equal(seen.size, expected.size);
      const restored = SeenSet.fromBytes(seen.toBytes());
      for (const name of names) assert.equal(restored.add(name), false);
      assert.equal(restored.size, expected.size);
    }),
  );
});

test('when a million names are seen, then they take 8 bytes each and are all found again', () => {
  const seen = new SeenSet();
  for (let n = 0; n < 1_000_000; n += 1)
    assert.equal(seen.add(`s3://bucket/images/${n}.jpg`), true);
  assert.equal(seen.size, 1_000_000);
  assert.equal(seen.toBytes().length, 8_000_000);
  for (let n = 0; n < 1_000_000; n += 997) {
    assert.equal(seen.add(`s3://bucket/images/${n}.jpg`), false);
  }
});
