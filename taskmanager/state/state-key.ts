import { invariant } from '../../shared/errors/invariant.ts';
import {
  type KeyGroupRange,
  keyGroupOf,
  keyGroupRangeOf,
} from '../../shared/key-groups/key-group-assignment.ts';
import { keyHash } from '../../shared/key-groups/key-hash.ts';

/** One field of a key. */
export type KeyPart = string | number | boolean | null;

/** A key of one field, or of several: `'a'` and `['a']` are different keys. */
export type StateKey = KeyPart | readonly KeyPart[];

/** What a Map finds by: equal exactly where the keys are. */
export type CanonicalKey = KeyPart;

/** Begins what stands for something else than itself. */
const ESCAPE = 0;
const ESCAPED = String.fromCharCode(ESCAPE);

/** Primitives stand for themselves, without an encoding, but for strings that look like encoded. */
export function canonicalKey(key: StateKey): CanonicalKey {
  if (typeof key === 'string') {
    return key.charCodeAt(0) === ESCAPE ? ESCAPED + JSON.stringify(key) : key;
  }
  if (typeof key !== 'object' || key === null) return key;
  return ESCAPED + JSON.stringify(key, exactNumber);
}

/** Of an entry of a map: the key and the map's own key. */
export function canonicalPair(key: StateKey, sub: StateKey): CanonicalKey {
  return ESCAPED + JSON.stringify([key, sub], exactNumber);
}

/** JSON has no NaN and no infinities; objects are no keys, so one can stand for them. */
function exactNumber(_name: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? { number: String(value) } : value;
}

/** The key groups that a subtask owns, and which of them a key belongs to. */
export class KeyGroups {
  readonly range: KeyGroupRange;
  readonly #maxParallelism: number;

  constructor(subtask: {
    readonly subtaskIndex: number;
    readonly parallelism: number;
    readonly maxParallelism: number;
  }) {
    this.range = keyGroupRangeOf(subtask.subtaskIndex, subtask);
    this.#maxParallelism = subtask.maxParallelism;
  }

  /** The same as the exchange's partitioner computes from the key's fields. */
  of(key: StateKey): number {
    let hash = 0;
    if (typeof key === 'object' && key !== null) {
      for (const part of key) hash = keyHash(part, hash);
    } else {
      hash = keyHash(key, 0);
    }
    const group = keyGroupOf(hash, this.#maxParallelism);
    const { first, last } = this.range;
    invariant(group >= first && group <= last, 'a subtask only gets keys of its own key groups', {
      group,
      first,
      last,
    });
    return group;
  }
}
