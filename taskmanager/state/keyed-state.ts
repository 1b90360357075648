/**
 * What operators know of keyed state (Flink's runtime context and its states): the states of a
 * descriptor, at the current key. All of it synchronous. Slot's thread.
 */
import { invariant } from '../../shared/errors/invariant.ts';
import type { ReducingStateDescriptor, StateDescriptor } from './state-descriptor.ts';
import { type CanonicalKey, canonicalKey, type StateKey } from './state-key.ts';
import type { StateTable } from './state-table.ts';
import { ListState, MapState, ReducingState, ValueState } from './states.ts';

/** The key whose state the states give. */
export class CurrentKey {
  key: StateKey = null;
  canonical: CanonicalKey = null;
}

export class KeyedState {
  readonly #table: (descriptor: StateDescriptor<unknown>) => StateTable;
  readonly #current = new CurrentKey();
  readonly #names = new Map<string, string>();

  constructor(table: (descriptor: StateDescriptor<unknown>) => StateTable) {
    this.#table = table;
  }

  get currentKey(): StateKey {
    return this.#current.key;
  }

  setCurrentKey(key: StateKey): void {
    this.#current.key = key;
    this.#current.canonical = canonicalKey(key);
  }

  value<T>(descriptor: StateDescriptor<T>): ValueState<T> {
    return new ValueState<T>(this.#register(descriptor, 'value'), this.#current);
  }

  list<T>(descriptor: StateDescriptor<readonly T[]>): ListState<T> {
    return new ListState<T>(this.#register(descriptor, 'list'), this.#current);
  }

  map<K extends StateKey, V>(descriptor: StateDescriptor<V>): MapState<K, V> {
    return new MapState<K, V>(this.#register(descriptor, 'map'), this.#current);
  }

  reducing<T>(descriptor: ReducingStateDescriptor<T>): ReducingState<T> {
    const table = this.#register(descriptor, 'reducing');
    return new ReducingState<T>(table, this.#current, descriptor.reduce);
  }

  #register<T>(descriptor: StateDescriptor<T>, kind: string): StateTable {
    const known = this.#names.get(descriptor.name) ?? kind;
    invariant(known === kind, 'a name stands for one kind of state', {
      name: descriptor.name,
      known,
      kind,
    });
    this.#names.set(descriptor.name, kind);
    return this.#table(descriptor);
  }
}
