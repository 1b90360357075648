import type { StateBackendKind } from '../../shared/checkpoint/state-backend.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { HeapEngine } from './heap-engine.ts';
import { IncrementalBackend } from './incremental-backend.ts';
import type { KeyedStateBackend } from './keyed-state-backend.ts';
import type { StateEngine } from './state-engine.ts';
import { KeyGroups } from './state-key.ts';

export interface BackendOptions {
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Where the LMDB backend makes its working file; default, under the system's temporary folder. */
  readonly localDirectory?: string;
  /** Entries that the LMDB backend keeps in memory, for each state. */
  readonly cacheEntries?: number;
  /** Default: `SEGMENT_BYTES`. */
  readonly segmentBytes?: number;
}

/** Makes the keyed state of one operator of one subtask. */
export type BackendFactory = (options: BackendOptions) => KeyedStateBackend;

/** LMDB's library is loaded where a job asks for it, and only there. */
export async function backendFactory(kind: StateBackendKind): Promise<BackendFactory> {
  if (kind === 'heap') return (options) => backend(options, (groups) => new HeapEngine(groups));
  const { LmdbEngine } = await import('./lmdb-engine.ts');
  return (options) =>
    backend(options, (keyGroups) => {
      const { localDirectory: directory = null, cacheEntries } = options;
      const common = { keyGroups, directory };
      return new LmdbEngine(cacheEntries === undefined ? common : { ...common, cacheEntries });
    });
}

function backend(
  options: BackendOptions,
  createEngine: (keyGroups: KeyGroups) => StateEngine,
): KeyedStateBackend {
  const { clock, segmentBytes } = options;
  const keyGroups = new KeyGroups(options);
  const common = { engine: createEngine(keyGroups), keyGroups, clock };
  return new IncrementalBackend(segmentBytes === undefined ? common : { ...common, segmentBytes });
}
