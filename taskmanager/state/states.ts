/**
 * The kinds of keyed state, each over a table: the value at the current key. Per-record code: an
 * access is one look-up, and a change compares one number on top. Slot's thread.
 */
import type { CanonicalKey, StateKey } from './state-key.ts';
import { canonicalKey, canonicalPair } from './state-key.ts';
import type { StateEntry, StateTable } from './state-table.ts';

/** Set by the operator, read by its states. */
export interface KeyCursor {
  readonly key: StateKey;
  readonly canonical: CanonicalKey;
}

/** What all kinds but maps have: one entry for a key. */
class SingleState<T> {
  protected readonly table: StateTable;
  protected readonly current: KeyCursor;

  constructor(table: StateTable, current: KeyCursor) {
    this.table = table;
    this.current = current;
  }

  clear(): void {
    const { canonical, key } = this.current;
    const entry = this.table.get(canonical, key);
    if (entry !== undefined) this.table.remove(canonical, entry);
  }

  /** Of all keys; the state must not be changed meanwhile. */
  *entries(): Iterable<readonly [StateKey, T]> {
    for (const { key, value } of this.table.entries()) yield [key, value as T];
  }

  /** Of all keys. */
  clearAll(): void {
    this.table.clear();
  }

  protected find(): StateEntry | undefined {
    return this.table.get(this.current.canonical, this.current.key);
  }

  protected put(entry: StateEntry | undefined, value: unknown): void {
    if (entry === undefined) {
      const { canonical, key } = this.current;
      this.table.create({ flat: canonical, key, sub: undefined }, value);
      return;
    }
    if (entry.epoch !== this.table.epoch) this.table.touch(entry);
    entry.value = value;
  }
}

export class ValueState<T> extends SingleState<T> {
  value(): T | undefined {
    return this.find()?.value as T | undefined;
  }

  update(value: T): void {
    this.put(this.find(), value);
  }
}

export class ReducingState<T> extends SingleState<T> {
  readonly #reduce: (before: T, value: T) => T;

  constructor(table: StateTable, current: KeyCursor, reduce: (before: T, value: T) => T) {
    super(table, current);
    this.#reduce = reduce;
  }

  get(): T | undefined {
    return this.find()?.value as T | undefined;
  }

  add(value: T): void {
    const entry = this.find();
    this.put(entry, entry === undefined ? value : this.#reduce(entry.value as T, value));
  }

  /** `add` at this key, which does not become the current one: the shortest way. */
  addAt(key: StateKey, value: T): void {
    const { table } = this;
    const canonical = canonicalKey(key);
    const entry = table.get(canonical, key);
    if (entry === undefined) {
      table.create({ flat: canonical, key, sub: undefined }, value);
      return;
    }
    if (entry.epoch !== table.epoch) table.touch(entry);
    entry.value = this.#reduce(entry.value as T, value);
  }
}

/** One entry holds the whole list: adding to a long one on the LMDB backend writes it anew. */
export class ListState<T> extends SingleState<readonly T[]> {
  get(): readonly T[] {
    return (this.find()?.value as readonly T[] | undefined) ?? [];
  }

  add(value: T): void {
    const entry = this.find();
    if (entry === undefined) {
      this.put(entry, [value]);
    } else if (entry.epoch === this.table.epoch) {
      (entry.value as T[]).push(value);
    } else {
      // A snapshot may hold the list as it was.
      this.put(entry, [...(entry.value as T[]), value]);
    }
  }

  update(values: readonly T[]): void {
    if (values.length === 0) this.clear();
    else this.put(this.find(), [...values]);
  }
}

/** Every entry of the map is an entry of the state: changing one writes one. */
export class MapState<K extends StateKey, V> {
  readonly #table: StateTable;
  readonly #current: KeyCursor;

  constructor(table: StateTable, current: KeyCursor) {
    this.#table = table;
    this.#current = current;
  }

  get(sub: K): V | undefined {
    return this.#find(sub)?.value as V | undefined;
  }

  has(sub: K): boolean {
    return this.#find(sub) !== undefined;
  }

  put(sub: K, value: V): void {
    const entry = this.#find(sub);
    if (entry === undefined) {
      const { key } = this.#current;
      this.#table.create({ flat: canonicalPair(key, sub), key, sub }, value);
      return;
    }
    if (entry.epoch !== this.#table.epoch) this.#table.touch(entry);
    entry.value = value;
  }

  remove(sub: K): void {
    const entry = this.#find(sub);
    if (entry !== undefined) this.#table.remove(canonicalPair(this.#current.key, sub), entry);
  }

  #find(sub: K): StateEntry | undefined {
    const { key } = this.#current;
    return this.#table.get(canonicalPair(key, sub), key, sub);
  }

  /** In no particular order. */
  *entries(): Iterable<readonly [K, V]> {
    for (const { sub, value } of this.#table.entriesOf(this.#current.key)) {
      yield [sub as K, value as V];
    }
  }

  clear(): void {
    const { key } = this.#current;
    for (const entry of [...this.#table.entriesOf(key)]) {
      const { sub } = entry;
      if (sub === undefined) continue;
      const flat = canonicalPair(key, sub);
      const current = this.#table.get(flat, key, sub);
      if (current !== undefined) this.#table.remove(flat, current);
    }
  }

  /** Of all keys. */
  clearAll(): void {
    this.#table.clear();
  }

  /** Of all keys. */
  *all(): Iterable<readonly [key: StateKey, sub: K, value: V]> {
    for (const { key, sub, value } of this.#table.entries()) yield [key, sub as K, value as V];
  }
}
