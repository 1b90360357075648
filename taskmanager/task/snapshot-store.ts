import type { StateHandle } from '../../shared/checkpoint/state-handle.ts';

/**
 * Where the bytes of state go and come from, as operators and keyed state see it. Small pieces stay
 * in the handle; the others are packed, with those of the task manager's other tasks, into few
 * objects. Slot's thread.
 */
export interface SnapshotStore extends SnapshotLoader {
  /**
   * Resolves once the bytes are durable. They are the store's from here on (they may be transferred
   * to another thread). Hand over all pieces of a snapshot before awaiting one of them: objects are
   * closed when everybody has, or some time after the last piece. `shared`: later checkpoints may
   * refer to it, too.
   */
  store(bytes: Uint8Array<ArrayBuffer>, scope: StateScope): Promise<StateHandle>;
}

export type StateScope = 'checkpoint' | 'shared';

export interface SnapshotLoader {
  /** Verifies the checksum; rejects with STATE_CORRUPT, or as the file systems do. */
  load(handle: StateHandle): Promise<Uint8Array>;
}

/** The store for the pieces of one attempt in one checkpoint. */
export interface CheckpointStore extends SnapshotStore {
  /** No further piece of this attempt follows. */
  handedOver(): void;
  /** Bytes stored so far. */
  readonly bytes: number;
}

export interface CheckpointTarget {
  readonly jobId: string;
  readonly attemptId: string;
  readonly checkpointId: number;
  /** URI of the job's checkpoints. */
  readonly directory: string;
}

/** What a slot offers its tasks. */
export interface SnapshotStores extends SnapshotLoader {
  forCheckpoint(target: CheckpointTarget): CheckpointStore;
}
