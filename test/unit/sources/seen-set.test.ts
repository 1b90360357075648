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
      const restored = SeenSet.restore(seen.snapshot());
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
  const bytes = seen.snapshot().reduce((sum, run) => sum + run.length, 0);
  assert.equal(bytes, 8_000_000);
  for (let n = 0; n < 1_000_000; n += 997) {
    assert.equal(seen.add(`s3://bucket/images/${n}.jpg`), false);
  }
});

test('when few names are new since a snapshot, then most of the next one is the same arrays', () => {
  const seen = new SeenSet();
  for (let n = 0; n < 200_000; n += 1) seen.add(`old-${n}`);
  let before = seen.snapshot();
  let fresh = 0;
  for (let round = 0; round < 200; round += 1) {
    for (let n = 0; n < 50; n += 1) seen.add(`new-${round}-${n}`);
    const after = seen.snapshot();
    const added = after.filter((run) => !before.includes(run));
    fresh += added.reduce((sum, run) => sum + run.length, 0);
    assert.ok(after.length < 12, `${after.length} runs`);
    assert.equal(seen.snapshot()[0], after[0], 'nothing is new: nothing changes');
    before = after;
  }
  assert.ok(fresh < 1_600_000, `${fresh} bytes for 80 000 bytes of new hashes`);
});

test('when a snapshot is restored, then its arrays are those of the next one', () => {
  const seen = new SeenSet();
  for (let n = 0; n < 50_000; n += 1) seen.add(`${n}`);
  const snapshot = seen.snapshot();
  assert.deepEqual(SeenSet.restore(snapshot).snapshot(), snapshot);
  assert.equal(SeenSet.restore(snapshot).snapshot()[0], snapshot[0]);
});
