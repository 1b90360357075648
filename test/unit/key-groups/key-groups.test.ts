import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  keyGroupOf,
  keyGroupRangeOf,
  subtaskOfKeyGroup,
  subtaskTable,
} from '../../../shared/key-groups/key-group-assignment.ts';
import { keyHash } from '../../../shared/key-groups/key-hash.ts';
import {
  murmurHashBytes,
  murmurHashFloat64,
  murmurHashInt32,
  murmurHashString,
} from '../../../shared/key-groups/murmur-hash.ts';

/** Published vectors of MurmurHash3 x86 32. */
const VECTORS = [
  ['', 0, 0],
  ['', 1, 0x514e28b7],
  ['', 0xffffffff, 0x81f16f39],
  ['test', 0, 0xba6bd213],
  ['test', 0x9747b28c, 0x704b81dc],
  ['Hello, world!', 0, 0xc0363e43],
  ['Hello, world!', 0x9747b28c, 0x24884cba],
  ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
  ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
  ['aaaa', 0x9747b28c, 0x5a97808a],
  ['aaa', 0x9747b28c, 0x283e0130],
  ['aa', 0x9747b28c, 0x5d211726],
  ['a', 0x9747b28c, 0x7fa09ea6],
  ['abc', 0, 0xb3dd93fa],
  ['ππππππππ', 0x9747b28c, 0xd58063c1],
] as const;

test('when the published vectors are hashed, then the published hashes come out', () => {
  for (const [text, seed, hash] of VECTORS) {
    assert.equal(murmurHashString(text, seed) >>> 0, hash, text);
    assert.equal(murmurHashBytes(Buffer.from(text), seed) >>> 0, hash, text);
  }
});

test('when a string, integer or float is hashed, then it is as if its bytes were', () => {
  const seeds = fc.integer();
  const strings = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ maxLength: 400 }));
  fc.assert(
    fc.property(strings, seeds, (text, seed) => {
      const bytes = new TextEncoder().encode(text);
      assert.equal(murmurHashString(text, seed), murmurHashBytes(bytes, seed));
    }),
  );
  fc.assert(
    fc.property(fc.integer(), fc.double(), seeds, (integer, float, seed) => {
      const bytes = Buffer.alloc(12);
      bytes.writeInt32LE(integer);
      bytes.writeDoubleLE(float, 4);
      assert.equal(murmurHashInt32(integer, seed), murmurHashBytes(bytes.subarray(0, 4), seed));
      assert.equal(murmurHashFloat64(float, seed), murmurHashBytes(bytes.subarray(4), seed));
    }),
  );
});

test('when keys are equal, then their hashes are; keys of other types are other keys', () => {
  assert.equal(keyHash(0, 0), keyHash(-0, 0));
  assert.equal(keyHash({ a: 1 }, 0), keyHash({ a: 1 }, 0));
  const different = [1, '1', 1n, true, false, null, undefined, 1.5, new Uint8Array([1]), [1]];
  assert.equal(new Set(different.map((key) => keyHash(key, 0))).size, different.length);
  assert.notEqual(keyHash('b', keyHash('a', 0)), keyHash('a', keyHash('b', 0)));
});

test('when keys are hashed, then the hashes are those that snapshots were written with', () => {
  const known = ['', 'key-1', 42, 1.5, true, null, undefined, 7n].map((key) => keyHash(key, 0));
  assert.deepEqual(
    known,
    [1364076727, -846724439, -198767611, -485627414, -27770521, 1003199976, -1729787003, 419602353],
  );
});

test('when key groups are assigned, then it is by the formulas of Flink', () => {
  // KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex(128, 3, i)
  const ranges = [0, 1, 2].map((subtask) =>
    keyGroupRangeOf(subtask, { parallelism: 3, maxParallelism: 128 }),
  );
  assert.deepEqual(ranges, [
    { first: 0, last: 42 },
    { first: 43, last: 85 },
    { first: 86, last: 127 },
  ]);
});

test('when there are any sizes, then every key group has the one owner whose range it is in', () => {
  const sizes = fc
    .tuple(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 2000 }))
    .map(([a, b]) => ({ parallelism: Math.min(a, b), maxParallelism: Math.max(a, b) }));
  fc.assert(
    fc.property(sizes, (of) => {
      const table = subtaskTable(of);
      let next = 0;
      for (let subtask = 0; subtask < of.parallelism; subtask += 1) {
        const { first, last } = keyGroupRangeOf(subtask, of);
        assert.equal(first, next);
        assert.ok(last >= first);
        assert.equal(table[first], subtask);
        assert.equal(subtaskOfKeyGroup(last, of), subtask);
        next = last + 1;
      }
      assert.equal(next, of.maxParallelism);
    }),
    { numRuns: 50 },
  );
});

test('when many keys are hashed, then the key groups are filled evenly', () => {
  for (const key of [(index: number) => `key-${index}`, (index: number) => index]) {
    const counts = new Array<number>(128).fill(0);
    for (let index = 0; index < 128_000; index += 1) {
      const keyGroup = keyGroupOf(keyHash(key(index), 0), 128);
      counts[keyGroup] = (counts[keyGroup] ?? 0) + 1;
    }
    assert.ok(Math.min(...counts) > 850 && Math.max(...counts) < 1150, counts.join());
  }
});
