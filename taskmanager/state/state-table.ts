import type { CanonicalKey, StateKey } from './state-key.ts';

/**
 * A value of one key (or of one entry of a key's map). It may be changed in place by whoever has
 * asked the table first: `if (entry.epoch !== table.epoch) table.touch(entry)`. That comparison is
 * all that the per-record path pays for snapshots.
 */
export class StateEntry {
  readonly key: StateKey;
  /** The key inside a map state; undefined in the others. */
  readonly sub: StateKey | undefined;
  readonly keyGroup: number;
  value: unknown;
  /** The epoch of its last change. */
  epoch: number;
  isRemoved = false;

  constructor(
    place: { key: StateKey; sub: StateKey | undefined; keyGroup: number },
    value: unknown,
    epoch: number,
  ) {
    this.key = place.key;
    this.sub = place.sub;
    this.keyGroup = place.keyGroup;
    this.value = value;
    this.epoch = epoch;
  }
}

/**
 * The entries of one named state of one subtask. `flat` is the canonical form of the key, or of the
 * key and the map's key. An entry is valid until the next call of `get` or `create`.
 */
export interface StateTable {
  /** Entries changed in an earlier epoch are touched before they are changed. */
  readonly epoch: number;
  get(flat: CanonicalKey, key: StateKey, sub?: StateKey): StateEntry | undefined;
  /** Only where there is none. */
  create(place: EntryPlace, value: unknown): StateEntry;
  touch(entry: StateEntry): void;
  remove(flat: CanonicalKey, entry: StateEntry): void;
  /** All entries, to be read; changing the table meanwhile ends the iteration's meaning. */
  entries(): Iterable<StateEntry>;
  /** The entries of one key's map. The table may be changed meanwhile. */
  entriesOf(key: StateKey): Iterable<StateEntry>;
  /** Removes all entries. */
  clear(): void;
  /** Makes today's values of what older versions of the program stored. */
  upgradeWith(upgrade: (stored: unknown) => unknown): void;
}

export interface EntryPlace {
  readonly flat: CanonicalKey;
  readonly key: StateKey;
  readonly sub: StateKey | undefined;
}
