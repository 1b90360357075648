/**
 * Keyed state in objects of the slot's thread, with copy-on-write snapshots (the idea of Flink's
 * CopyOnWriteStateMap): freezing counts the epoch up and nothing else. Whoever changes an entry for
 * the first time in an epoch tells the table, which keeps the former value for the snapshots that
 * are still being written, and notes the entry as changed. So the pause does not depend on the size,
 * and a snapshot costs memory only for what is changed while it is written.
 *
 * Values are replaced or belong to the epoch that made them, so that keeping one is keeping a
 * reference. At most some 16 million entries per state and subtask (the limit of Map).
 */
import { invariant } from '../../shared/errors/invariant.ts';
import type { EncodedEntry } from './segment-format.ts';
import { StateCodec } from './state-codec.ts';
import type { StateDescriptor } from './state-descriptor.ts';
import { type FrozenState, NOTED_CHANGES_MIN, type StateEngine } from './state-engine.ts';
import {
  type CanonicalKey,
  canonicalKey,
  canonicalPair,
  type KeyGroups,
  type StateKey,
} from './state-key.ts';
import { type EntryPlace, StateEntry, type StateTable } from './state-table.ts';

export class HeapEngine implements StateEngine {
  readonly keyGroups: KeyGroups;
  readonly codec = new StateCodec();
  /** A second one: keys and values are encoded side by side. */
  readonly keyCodec = new StateCodec();
  readonly tables = new Map<string, HeapTable>();
  epoch = 1;
  changedCount = 0;
  changesKnownSince = Number.POSITIVE_INFINITY;
  /** Frozen states that are still being written. */
  readonly frozen = new Set<FrozenHeap>();

  constructor(keyGroups: KeyGroups) {
    this.keyGroups = keyGroups;
  }

  get entryCount(): number {
    let count = 0;
    for (const table of this.tables.values()) count += table.size;
    return count;
  }

  table(descriptor: StateDescriptor<unknown>): HeapTable {
    const table = this.tableNamed(descriptor.name);
    if (descriptor.upgrade !== undefined) table.upgradeWith(descriptor.upgrade);
    return table;
  }

  tableNamed(name: string): HeapTable {
    let table = this.tables.get(name);
    if (table === undefined) {
      table = new HeapTable(this);
      this.tables.set(name, table);
    }
    return table;
  }

  freeze(): FrozenState {
    const closed = this.epoch;
    this.epoch += 1;
    for (const table of this.tables.values()) table.closeEpoch(closed);
    if (this.changesKnownSince === Number.POSITIVE_INFINITY) this.changesKnownSince = closed;
    const frozen = new FrozenHeap(this, closed);
    this.frozen.add(frozen);
    return frozen;
  }

  get notesChanges(): boolean {
    return this.changesKnownSince !== Number.POSITIVE_INFINITY;
  }

  /** Noting them would soon cost more than the next base does: they are forgotten. */
  noteOne(): void {
    this.changedCount += 1;
    if (this.changedCount <= NOTED_CHANGES_MIN || this.changedCount * 2 <= this.entryCount) return;
    this.changesKnownSince = Number.POSITIVE_INFINITY;
    this.forgetChanges(Number.POSITIVE_INFINITY);
  }

  forgetChanges(upToEpoch: number): void {
    let left = 0;
    for (const table of this.tables.values()) left += table.forgetChanges(upToEpoch);
    this.changedCount = left;
  }

  load(name: string, { key, sub, value }: EncodedEntry): void {
    const place = placeOf(
      this.codec.decode(key) as StateKey,
      sub === null ? undefined : (this.codec.decode(sub) as StateKey),
    );
    const table = this.tableNamed(name);
    const entry = table.get(place.flat);
    if (value === null) {
      if (entry !== undefined) table.remove(place.flat, entry);
      return;
    }
    const decoded = table.upgrade(this.codec.decode(value));
    if (entry === undefined) table.create(place, decoded);
    else entry.value = decoded;
  }

  finishLoading(): void {}

  async close(): Promise<void> {
    this.tables.clear();
  }
}

function placeOf(key: StateKey, sub: StateKey | undefined): EntryPlace {
  return { flat: sub === undefined ? canonicalKey(key) : canonicalPair(key, sub), key, sub };
}

interface ClosedEpoch {
  readonly epoch: number;
  readonly changed: readonly StateEntry[];
}

export class HeapTable implements StateTable {
  epoch: number;
  /** In the order of creation: what a snapshot walks through. */
  readonly all = new Map<CanonicalKey, StateEntry>();
  closedEpochs: ClosedEpoch[] = [];
  readonly #engine: HeapEngine;
  /** Of map states: the entries by their key. */
  #byKey: Map<CanonicalKey, Set<StateEntry>> | null = null;
  #changed: StateEntry[] = [];
  #upgrade: ((stored: unknown) => unknown) | null = null;

  constructor(engine: HeapEngine) {
    this.#engine = engine;
    this.epoch = engine.epoch;
  }

  get size(): number {
    return this.all.size;
  }

  get(flat: CanonicalKey): StateEntry | undefined {
    return this.all.get(flat);
  }

  create(place: EntryPlace, value: unknown): StateEntry {
    const { flat, key, sub } = place;
    const keyGroup = this.#engine.keyGroups.of(key);
    const entry = new StateEntry({ key, sub, keyGroup }, value, this.epoch);
    this.all.set(flat, entry);
    if (sub !== undefined) {
      this.#byKey ??= new Map();
      const canonical = canonicalKey(key);
      const siblings = this.#byKey.get(canonical);
      if (siblings === undefined) this.#byKey.set(canonical, new Set([entry]));
      else siblings.add(entry);
    }
    this.#note(entry);
    return entry;
  }

  touch(entry: StateEntry): void {
    for (const frozen of this.#engine.frozen) frozen.keep(this, entry);
    entry.epoch = this.epoch;
    this.#note(entry);
  }

  remove(flat: CanonicalKey, entry: StateEntry): void {
    if (entry.epoch !== this.epoch) this.touch(entry);
    entry.isRemoved = true;
    this.all.delete(flat);
    if (entry.sub === undefined) return;
    const canonical = canonicalKey(entry.key);
    const siblings = this.#byKey?.get(canonical);
    siblings?.delete(entry);
    if (siblings?.size === 0) this.#byKey?.delete(canonical);
  }

  entries(): Iterable<StateEntry> {
    return this.all.values();
  }

  entriesOf(key: StateKey): Iterable<StateEntry> {
    return this.#byKey?.get(canonicalKey(key)) ?? [];
  }

  clear(): void {
    for (const [flat, entry] of this.all) this.remove(flat, entry);
  }

  upgrade(stored: unknown): unknown {
    return this.#upgrade === null ? stored : this.#upgrade(stored);
  }

  upgradeWith(upgrade: (stored: unknown) => unknown): void {
    if (this.#upgrade !== null) return;
    this.#upgrade = upgrade;
    for (const entry of this.all.values()) entry.value = upgrade(entry.value);
  }

  closeEpoch(epoch: number): void {
    this.epoch = epoch + 1;
    if (this.#changed.length === 0) return;
    this.closedEpochs.push({ epoch, changed: this.#changed });
    this.#changed = [];
  }

  /** Gives how many are still noted. */
  forgetChanges(upToEpoch: number): number {
    this.closedEpochs = this.closedEpochs.filter(({ epoch }) => epoch > upToEpoch);
    if (this.epoch <= upToEpoch) this.#changed = [];
    return this.closedEpochs.reduce(
      (sum, { changed }) => sum + changed.length,
      this.#changed.length,
    );
  }

  #note(entry: StateEntry): void {
    if (!this.#engine.notesChanges) return;
    this.#changed.push(entry);
    this.#engine.noteOne();
  }
}

class FrozenHeap implements FrozenState {
  readonly epoch: number;
  readonly names: readonly string[];
  readonly #engine: HeapEngine;
  /** What entries held that have been changed since; changed entries not in here are younger. */
  readonly #kept: ReadonlyMap<HeapTable, Map<StateEntry, unknown>>;
  /** As of now: they are forgotten when a checkpoint completes, or when there are too many. */
  readonly #closed: ReadonlyMap<string, readonly ClosedEpoch[]>;

  constructor(engine: HeapEngine, epoch: number) {
    this.#engine = engine;
    this.epoch = epoch;
    this.names = [...engine.tables.keys()];
    this.#kept = new Map([...engine.tables.values()].map((table) => [table, new Map()] as const));
    this.#closed = new Map(
      [...engine.tables].map(([name, table]) => [name, [...table.closedEpochs]] as const),
    );
  }

  /** Before a change. */
  keep(table: HeapTable, entry: StateEntry): void {
    const kept = this.#kept.get(table);
    if (kept === undefined || entry.epoch > this.epoch || kept.has(entry)) return;
    kept.set(entry, entry.value);
  }

  *all(name: string): Iterable<EncodedEntry | null> {
    const { table, kept } = this.#tableOf(name);
    const { first, last } = this.#engine.keyGroups.range;
    const groups: StateEntry[][] = Array.from({ length: last - first + 1 }, () => []);
    for (const entry of table.all.values()) {
      // Entries come in the order of creation: behind the first younger one all are younger.
      if (entry.epoch > this.epoch && !kept.has(entry)) break;
      groups[entry.keyGroup - first]?.push(entry);
      yield null;
    }
    // Those removed since the freeze may have been missed; to write one twice does no harm.
    for (const entry of kept.keys()) {
      if (entry.isRemoved) groups[entry.keyGroup - first]?.push(entry);
      yield null;
    }
    for (const group of groups) for (const entry of group) yield this.#encode(entry, kept);
  }

  *changes(name: string, sinceEpoch: number): Iterable<EncodedEntry | null> {
    const { kept } = this.#tableOf(name);
    const closed = (this.#closed.get(name) ?? []).filter(({ epoch }) => epoch > sinceEpoch);
    const { first, last } = this.#engine.keyGroups.range;
    const seen = closed.length > 1 ? new Set<StateEntry>() : null;
    for (const { changed } of closed) {
      const groups: StateEntry[][] = Array.from({ length: last - first + 1 }, () => []);
      for (const entry of changed) {
        yield null;
        if (seen?.has(entry) === true) continue;
        seen?.add(entry);
        groups[entry.keyGroup - first]?.push(entry);
      }
      for (const group of groups) for (const entry of group) yield this.#encode(entry, kept);
    }
  }

  release(): void {
    this.#engine.frozen.delete(this);
    for (const kept of this.#kept.values()) kept.clear();
  }

  #tableOf(name: string): { table: HeapTable; kept: Map<StateEntry, unknown> } {
    const table = this.#engine.tables.get(name);
    const kept = table === undefined ? undefined : this.#kept.get(table);
    invariant(table !== undefined && kept !== undefined, 'a state never goes away', { name });
    return { table, kept };
  }

  #encode(entry: StateEntry, kept: ReadonlyMap<StateEntry, unknown>): EncodedEntry {
    const isKept = kept.has(entry);
    const { keyGroup } = entry;
    const { keyCodec, codec } = this.#engine;
    const sub = entry.sub === undefined ? null : Buffer.from(codec.encode(entry.sub));
    const key = keyCodec.encode(entry.key);
    if (entry.isRemoved && !isKept) return { keyGroup, key, sub, value: null };
    return { keyGroup, key, sub, value: codec.encode(isKept ? kept.get(entry) : entry.value) };
  }
}
