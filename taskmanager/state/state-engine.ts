import type { EncodedEntry } from './segment-format.ts';
import type { StateDescriptor } from './state-descriptor.ts';
import type { StateTable } from './state-table.ts';

/**
 * What differs between backends: how entries are kept, frozen and found again. Time is counted in
 * epochs, each closed by a `freeze`.
 */
export interface StateEngine {
  table(descriptor: StateDescriptor<unknown>): StateTable;
  /** About so many, of all tables. */
  readonly entryCount: number;
  /** About so many of them are noted as changed since what was confirmed last. */
  readonly changedCount: number;
  /** What changed after this epoch is noted; `Infinity` where nothing is. */
  readonly changesKnownSince: number;
  /** Closes the epoch and keeps the state as of now readable, without a copy. */
  freeze(): FrozenState;
  /** Changes up to this epoch need not be known any more. */
  forgetChanges(upToEpoch: number): void;
  /** Puts or removes an entry of a snapshot; before the first freeze. */
  load(name: string, entry: EncodedEntry): void;
  /** Everything is loaded. */
  finishLoading(): void;
  close(): Promise<void>;
}

/** The state as of the end of an epoch. */
export interface FrozenState {
  readonly epoch: number;
  readonly names: readonly string[];
  /** In order of key groups. Null: some work is done, and nothing to be had of it yet. */
  all(name: string): Iterable<EncodedEntry | null>;
  /** Changes since that epoch, in runs each in order of key groups. */
  changes(name: string, sinceEpoch: number): Iterable<EncodedEntry | null>;
  /** Always called once. */
  release(): void;
}

/** Up to so many changes are always noted; beyond, only while they are less than half of all. */
export const NOTED_CHANGES_MIN = 4096;
