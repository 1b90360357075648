import type { StateBackendKind } from '../../shared/checkpoint/state-backend.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { HeapEngine } from './heap-engine.ts';
import { IncrementalBackend } from './incremental-backend.ts';
import type { KeyedStateBackend } from './keyed-state-backend.ts';
import type { SnapshotStore } from './snapshot-store.ts';
import { KeyGroups } from './state-key.ts';

export interface BackendOptions {
  readonly kind: StateBackendKind;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly store: SnapshotStore;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Where the LMDB backend makes its working file; default, under the system's temporary folder. */
  readonly localDirectory?: string;
  /** Entries that the LMDB backend keeps in memory, for each state. */
  readonly cacheEntries?: number;
  readonly segmentBytes?: number;
}

/** The keyed state of one operator of one subtask. LMDB's library is loaded where it is used. */
export async function createBackend(options: BackendOptions): Promise<KeyedStateBackend> {
  const { store, clock, segmentBytes } = options;
  const keyGroups = new KeyGroups(options);
  const engine =
    options.kind === 'lmdb' ? await lmdbEngine(options, keyGroups) : new HeapEngine(keyGroups);
  const common = { engine, store, keyGroups, clock };
  return new IncrementalBackend(segmentBytes === undefined ? common : { ...common, segmentBytes });
}

async function lmdbEngine(options: BackendOptions, keyGroups: KeyGroups) {
  const { LmdbEngine } = await import('./lmdb-engine.ts');
  const { localDirectory: directory = null, cacheEntries } = options;
  const common = { keyGroups, directory };
  return new LmdbEngine(cacheEntries === undefined ? common : { ...common, cacheEntries });
}
