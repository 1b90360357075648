import { ValueReader } from '../../shared/serialization/value-reader.ts';
import type { LmdbEngine } from './lmdb-engine.ts';
import type { EncodedEntry } from './segment-format.ts';
import { type CanonicalKey, canonicalPair, type StateKey } from './state-key.ts';
import { type EntryPlace, StateEntry, type StateTable } from './state-table.ts';

const PREFIX_BYTES = 4;

/**
 * One state in the tree, behind its cache. The cache has two halves: what is used moves to the young
 * one; when that is full it becomes the old one, and the old one's entries are gone from memory.
 */
export class LmdbTable implements StateTable {
  epoch: number;
  readonly number: number;
  readonly prefix: Buffer;
  /** True for map states: only those have to be taken apart. */
  hasSubs = false;
  readonly #engine: LmdbEngine;
  readonly #halfEntries: number;
  readonly #reader = new ValueReader();
  #young = new Map<CanonicalKey, StateEntry>();
  #old = new Map<CanonicalKey, StateEntry>();
  #upgrade: (stored: unknown) => unknown = (stored) => stored;

  constructor(engine: LmdbEngine, options: { number: number; cacheEntries: number }) {
    this.#engine = engine;
    this.epoch = engine.generation;
    this.number = options.number;
    this.prefix = Buffer.alloc(2);
    this.prefix.writeUInt16BE(options.number, 0);
    this.#halfEntries = Math.max(1, options.cacheEntries >> 1);
  }

  get(flat: CanonicalKey, key: StateKey, sub?: StateKey): StateEntry | undefined {
    const entry = this.#young.get(flat) ?? this.#promoted(flat) ?? this.#read(flat, key, sub);
    return entry?.isRemoved === true ? undefined : entry;
  }

  create({ flat, key, sub }: EntryPlace, value: unknown): StateEntry {
    // One that was removed and is still in the cache is the same entry again.
    let entry = this.#young.get(flat) ?? this.#promoted(flat);
    if (entry === undefined) {
      if (sub !== undefined) this.hasSubs = true;
      const keyGroup = this.#engine.keyGroups.of(key);
      // Refuses a key that is too long before the entry is anywhere.
      this.#engine.keyBytes(this, keyGroup, key, sub);
      entry = new StateEntry({ key, sub, keyGroup }, value, 0);
      this.#remember(flat, entry);
    }
    if (entry.epoch !== this.epoch) this.touch(entry);
    entry.isRemoved = false;
    entry.value = value;
    return entry;
  }

  touch(entry: StateEntry): void {
    this.#engine.changed(this, entry);
  }

  remove(_flat: CanonicalKey, entry: StateEntry): void {
    if (entry.epoch !== this.epoch) this.touch(entry);
    entry.isRemoved = true;
    entry.value = undefined;
  }

  *entries(): Iterable<StateEntry> {
    this.#engine.flush();
    for (const { key, value } of this.#engine.store.entries(this.number, this.prefix, null)) {
      const [stateKey, sub] = this.#keyOf(key);
      const place = { key: stateKey, sub, keyGroup: key.readUInt16BE(2) };
      yield new StateEntry(place, this.#decode(value), 0);
    }
  }

  *entriesOf(key: StateKey): Iterable<StateEntry> {
    this.#engine.flush();
    const group = this.#engine.keyGroups.of(key);
    const prefix = Buffer.from(this.#engine.keyBytes(this, group, key, undefined));
    for (const found of this.#engine.store.entries(this.number, prefix, null)) {
      const [, sub] = this.#keyOf(found.key);
      if (sub === undefined) continue;
      const entry = this.get(canonicalPair(key, sub), key, sub);
      if (entry !== undefined) yield entry;
    }
  }

  clear(): void {
    this.#engine.clearTable(this);
    this.#young = new Map();
    this.#old = new Map();
  }

  upgradeWith(upgrade: (stored: unknown) => unknown): void {
    this.#upgrade = upgrade;
  }

  /** An entry of the tree; `value` null: it is not there any more. */
  encodedEntry(key: Buffer, value: Buffer | null): EncodedEntry {
    const keyGroup = key.readUInt16BE(2);
    if (!this.hasSubs) return { keyGroup, key: key.subarray(PREFIX_BYTES), sub: null, value };
    const subStart = this.#endOfKey(key);
    const sub = subStart === key.length ? null : key.subarray(subStart);
    return { keyGroup, key: key.subarray(PREFIX_BYTES, subStart), sub, value };
  }

  #promoted(flat: CanonicalKey): StateEntry | undefined {
    const entry = this.#old.get(flat);
    if (entry === undefined) return undefined;
    this.#old.delete(flat);
    this.#remember(flat, entry);
    return entry;
  }

  #read(flat: CanonicalKey, key: StateKey, sub: StateKey | undefined): StateEntry | undefined {
    const keyGroup = this.#engine.keyGroups.of(key);
    const bytes = this.#engine.store.get(
      this.number,
      this.#engine.keyBytes(this, keyGroup, key, sub),
    );
    if (bytes === undefined) return undefined;
    const entry = new StateEntry({ key, sub, keyGroup }, this.#decode(bytes), 0);
    this.#remember(flat, entry);
    return entry;
  }

  #remember(flat: CanonicalKey, entry: StateEntry): void {
    if (this.#young.size >= this.#halfEntries) {
      // What leaves the cache must be in the tree.
      this.#engine.flush();
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(flat, entry);
  }

  #decode(bytes: Buffer): unknown {
    return this.#upgrade(this.#engine.codec.decode(bytes));
  }

  #keyOf(bytes: Buffer): [key: StateKey, sub: StateKey | undefined] {
    const reader = this.#reader;
    reader.reset(bytes, PREFIX_BYTES, bytes.length);
    const key = reader.value() as StateKey;
    return [key, reader.remaining === 0 ? undefined : (reader.value() as StateKey)];
  }

  #endOfKey(bytes: Buffer): number {
    this.#reader.reset(bytes, PREFIX_BYTES, bytes.length);
    this.#reader.value();
    return bytes.length - this.#reader.remaining;
  }
}
