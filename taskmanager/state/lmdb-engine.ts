/**
 * Keyed state in a B-tree on the local disk, larger than memory. In front of it each state has a
 * cache of entries; changed ones are written in batches. Freezing writes the batch that is open, at
 * most `BATCH_ENTRIES`, and begins a read transaction: the tree as of then, at no further cost. The
 * keys that changed in an epoch are listed in the tree too. Slot's thread.
 *
 * Memory: the caches (`cacheEntries` entries for each state), one batch, and the pages of a batch's
 * transaction; the mapped pages of the file are the system's, which takes them back as it likes.
 *
 *   key in the tree = number of the state (u16), key group (u16), key, [key inside a map]
 */
import type { Transaction } from 'lmdb';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { CHANGE_LISTS, LMDB_KEY_BYTES_MAX, LmdbStore } from './lmdb-store.ts';
import { LmdbTable } from './lmdb-table.ts';
import type { EncodedEntry } from './segment-format.ts';
import { StateCodec } from './state-codec.ts';
import type { StateDescriptor } from './state-descriptor.ts';
import { type FrozenState, NOTED_CHANGES_MIN, type StateEngine } from './state-engine.ts';
import type { KeyGroups, StateKey } from './state-key.ts';
import type { StateEntry } from './state-table.ts';

/** Changed entries that wait to be written; bounds the pause of a snapshot. */
export const BATCH_ENTRIES = 1024;
export const CACHE_ENTRIES_DEFAULT = 64 * 1024;

const PREFIX_BYTES = 4;

export interface LmdbEngineOptions {
  readonly keyGroups: KeyGroups;
  /** Where the working file lies for a moment; null: under the system's temporary folder. */
  readonly directory: string | null;
  /** Of each state; default 65 536. */
  readonly cacheEntries?: number;
}

interface ChangeList {
  readonly epoch: number;
  readonly list: number;
  count: number;
}

export class LmdbEngine implements StateEngine {
  readonly keyGroups: KeyGroups;
  readonly store: LmdbStore;
  readonly codec = new StateCodec();
  readonly #keyCodec = new StateCodec();
  readonly #tables = new Map<string, LmdbTable>();
  readonly #cacheEntries: number;
  /** Entries are touched anew in every epoch and after every batch. */
  generation = 1;
  #batch: { table: LmdbTable; entry: StateEntry }[] = [];
  #loads: { table: number; key: Buffer; value: Buffer | null }[] = [];
  #epoch = 1;
  changesKnownSince = Number.POSITIVE_INFINITY;
  /** Of epochs that are not forgotten, the current one last. */
  #changes: ChangeList[] = [];

  constructor(options: LmdbEngineOptions) {
    this.keyGroups = options.keyGroups;
    this.#cacheEntries = options.cacheEntries ?? CACHE_ENTRIES_DEFAULT;
    this.store = new LmdbStore(options.directory);
  }

  get entryCount(): number {
    return this.store.entryCount;
  }

  get changedCount(): number {
    return this.#changes.reduce((sum, { count }) => sum + count, 0);
  }

  table({ name, upgrade }: StateDescriptor<unknown>): LmdbTable {
    const table = this.#tableNamed(name);
    if (upgrade !== undefined) table.upgradeWith(upgrade);
    return table;
  }

  /** Of an entry in the tree; the bytes are valid until the next call. */
  keyBytes(table: LmdbTable, keyGroup: number, key: StateKey, sub: StateKey | undefined): Buffer {
    let bytes = this.#keyCodec.encode(positive(key), PREFIX_BYTES);
    if (sub !== undefined) {
      const subBytes = this.codec.encode(positive(sub));
      bytes = Buffer.concat([bytes, subBytes]);
    }
    bytes.writeUInt16BE(table.number, 0);
    bytes.writeUInt16BE(keyGroup, 2);
    if (bytes.length > LMDB_KEY_BYTES_MAX) throw keyTooLong(bytes.length);
    return bytes;
  }

  changed(table: LmdbTable, entry: StateEntry): void {
    if (this.#batch.length >= BATCH_ENTRIES) this.flush();
    entry.epoch = this.generation;
    this.#batch.push({ table, entry });
  }

  /** Writes the batch. */
  flush(): void {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.generation += 1;
    for (const table of this.#tables.values()) table.epoch = this.generation;
    const noting = this.#changes.at(-1);
    this.store.write(() => {
      for (const { table, entry } of batch) {
        const key = this.keyBytes(table, entry.keyGroup, entry.key, entry.sub);
        if (entry.isRemoved) this.store.remove(table.number, key);
        else this.store.put(table.number, key, this.codec.encode(entry.value));
        if (noting !== undefined) this.store.noteChange(noting.list, key);
      }
    });
    if (noting !== undefined) this.#noted(noting, batch.length);
  }

  /** Its removals are not noted one by one: a base follows. */
  clearTable(table: LmdbTable): void {
    this.flush();
    this.store.clear(table.number);
    this.#stopNoting();
  }

  freeze(): FrozenState {
    this.flush();
    const closed = this.#epoch;
    this.#epoch += 1;
    const lists = [...this.#changes];
    if (this.changesKnownSince === Number.POSITIVE_INFINITY) this.changesKnownSince = closed;
    const frozen = new FrozenLmdb(this, { epoch: closed, lists, tables: this.#tables });
    this.#beginList();
    return frozen;
  }

  forgetChanges(upToEpoch: number): void {
    for (const { epoch, list } of this.#changes) {
      if (epoch <= upToEpoch) this.store.clearChanges(list);
    }
    this.#changes = this.#changes.filter(({ epoch }) => epoch > upToEpoch);
  }

  load(name: string, { keyGroup, key, sub, value }: EncodedEntry): void {
    const table = this.#tableNamed(name);
    if (sub !== null) table.hasSubs = true;
    const bytes = Buffer.concat([Buffer.alloc(PREFIX_BYTES), key, sub ?? Buffer.alloc(0)]);
    bytes.writeUInt16BE(table.number, 0);
    bytes.writeUInt16BE(keyGroup, 2);
    if (bytes.length > LMDB_KEY_BYTES_MAX) throw keyTooLong(bytes.length);
    this.#loads.push({
      table: table.number,
      key: bytes,
      value: value === null ? null : Buffer.from(value),
    });
    if (this.#loads.length >= BATCH_ENTRIES) this.finishLoading();
  }

  finishLoading(): void {
    this.store.write(() => {
      for (const { table, key, value } of this.#loads) {
        if (value === null) this.store.remove(table, key);
        else this.store.put(table, key, value);
      }
    });
    this.#loads = [];
  }

  async close(): Promise<void> {
    await this.store.close();
  }

  #tableNamed(name: string): LmdbTable {
    let table = this.#tables.get(name);
    if (table === undefined) {
      const number = this.store.addTable();
      table = new LmdbTable(this, { number, cacheEntries: this.#cacheEntries });
      this.#tables.set(name, table);
    }
    return table;
  }

  #beginList(): void {
    const used = new Set(this.#changes.map(({ list }) => list));
    const list = Array.from({ length: CHANGE_LISTS }, (_, index) => index).find(
      (index) => !used.has(index),
    );
    if (list === undefined) this.#stopNoting();
    else this.#changes.push({ epoch: this.#epoch, list, count: 0 });
  }

  #noted(list: ChangeList, count: number): void {
    list.count += count;
    if (list.count <= NOTED_CHANGES_MIN || this.changedCount * 2 <= this.entryCount) return;
    this.#stopNoting();
  }

  /** Noting the changes would soon cost more than the next base does. */
  #stopNoting(): void {
    this.changesKnownSince = Number.POSITIVE_INFINITY;
    this.forgetChanges(Number.POSITIVE_INFINITY);
  }
}

/** 0 and -0 are the same key. */
function positive(key: StateKey): StateKey {
  if (typeof key === 'number') return key === 0 ? 0 : key;
  if (typeof key !== 'object' || key === null) return key;
  return key.map((part) => (part === 0 ? 0 : part));
}

function keyTooLong(length: number): SluiceError {
  const message = `a key of ${length} bytes is too long for the state backend "lmdb"`;
  return new SluiceError('RECORD_INVALID', message, {
    domain: 'user',
    hint: `keys may have ${LMDB_KEY_BYTES_MAX - PREFIX_BYTES} bytes, or use the heap backend`,
  });
}

class FrozenLmdb implements FrozenState {
  readonly epoch: number;
  readonly names: readonly string[];
  readonly #engine: LmdbEngine;
  readonly #lists: readonly ChangeList[];
  readonly #tables: ReadonlyMap<string, LmdbTable>;
  readonly #transaction: Transaction;

  constructor(
    engine: LmdbEngine,
    parts: { epoch: number; lists: readonly ChangeList[]; tables: Map<string, LmdbTable> },
  ) {
    this.epoch = parts.epoch;
    this.#engine = engine;
    this.#lists = parts.lists;
    this.#tables = new Map(parts.tables);
    this.names = [...parts.tables.keys()];
    this.#transaction = engine.store.beginRead();
  }

  *all(name: string): Iterable<EncodedEntry> {
    const table = this.#tables.get(name);
    if (table === undefined) return;
    const { store } = this.#engine;
    const transaction = this.#transaction;
    for (const { key, value } of store.entries(table.number, table.prefix, transaction)) {
      yield table.encodedEntry(key, value);
    }
  }

  *changes(name: string, sinceEpoch: number): Iterable<EncodedEntry> {
    const table = this.#tables.get(name);
    if (table === undefined) return;
    const { store } = this.#engine;
    for (const { epoch, list } of this.#lists) {
      if (epoch <= sinceEpoch) continue;
      for (const key of store.changedKeys(list, table.prefix, this.#transaction)) {
        yield table.encodedEntry(key, store.read(table.number, key, this.#transaction) ?? null);
      }
    }
  }

  release(): void {
    this.#transaction.done();
  }
}
