/**
 * The hash of a key: of its type (as the seed) and its encoded value. Keys that are equal (`===`,
 * and 0 equal to -0, NaN to NaN) hash alike; `1` and `'1'` are different keys. Objects and arrays
 * are the keys that their JSON is. A key of several fields chains their hashes in order. Pure.
 *
 * The result decides where state lies, also in snapshots: it may never change.
 */
import {
  murmurHashBytes,
  murmurHashFloat64,
  murmurHashInt32,
  murmurHashString,
} from './murmur-hash.ts';

const SEED = {
  string: 0x1,
  int32: 0x2,
  float64: 0x3,
  true: 0x4,
  false: 0x5,
  null: 0x6,
  undefined: 0x7,
  bigint: 0x8,
  bytes: 0x9,
  json: 0xa,
} as const;

/** Signed 32 bits. `before` is the hash of the fields in front of this one, 0 where it is the first. */
export function keyHash(key: unknown, before: number): number {
  switch (typeof key) {
    case 'string':
      return murmurHashString(key, before ^ SEED.string);
    case 'number': {
      const integer = key | 0;
      // -0 too: it is the same key as 0.
      if (integer === key) return murmurHashInt32(integer, before ^ SEED.int32);
      return murmurHashFloat64(Number.isNaN(key) ? Number.NaN : key, before ^ SEED.float64);
    }
    case 'boolean':
      return murmurHashInt32(0, before ^ (key ? SEED.true : SEED.false));
    case 'undefined':
      return murmurHashInt32(0, before ^ SEED.undefined);
    case 'bigint':
      return murmurHashString(key.toString(), before ^ SEED.bigint);
    default:
      if (key === null) return murmurHashInt32(0, before ^ SEED.null);
      if (key instanceof Uint8Array) return murmurHashBytes(key, before ^ SEED.bytes);
      return murmurHashString(JSON.stringify(key) ?? '', before ^ SEED.json);
  }
}
