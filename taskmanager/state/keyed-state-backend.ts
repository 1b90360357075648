import type { KeyedStateHandle } from '../../shared/checkpoint/snapshot.ts';
import type { KeyedSnapshot } from '../operators/runtime/member-snapshot.ts';
import type { SnapshotLoader, SnapshotStore } from '../task/snapshot-store.ts';
import type { KeyedState } from './keyed-state.ts';

export interface SnapshotRequest {
  readonly checkpointId: number;
  readonly store: SnapshotStore;
  /** Stands alone: refers to nothing that other checkpoints store, nor they to it. */
  readonly isSavepoint: boolean;
}

/** By the name of the state. */
export type KeyedHandles = Readonly<Record<string, KeyedStateHandle>>;

/**
 * The keyed state of one operator of one subtask (Flink's KeyedStateBackend), as the task drives it;
 * operators see `KeyedState`. One thread; only `snapshot`'s result and `restore` take time.
 *
 *   restore(restored)?  →  snapshot(request) → promise, then notifyCheckpointComplete or …Aborted  →  close
 */
export interface KeyedStateBackend {
  readonly state: KeyedState;
  /**
   * Takes the state as of this call. The pause does not depend on the size: what is written is
   * written in slices, while records go on changing the state.
   */
  snapshot(request: SnapshotRequest): KeyedSnapshot;
  /** From now on snapshots hold only what has changed since that one. */
  notifyCheckpointComplete(checkpointId: number): void;
  /** Its changes belong to the next one. */
  notifyCheckpointAborted(checkpointId: number): void;
  /** Before the first record; of several subtasks where the parallelism was another one. */
  restore(restored: {
    readonly keyed: Readonly<Record<string, readonly KeyedStateHandle[]>>;
    readonly loader: SnapshotLoader;
  }): Promise<void>;
  /** Removes what lies on the local disk. */
  close(): Promise<void>;
}
