import type { StateHandle } from '../../shared/checkpoint/state-handle.ts';

/** Where the bytes of a snapshot go and come from. */
export interface SnapshotStore {
  /**
   * Stores bytes that belong to the caller no longer. `shared`: later checkpoints may refer to them
   * too; `checkpoint`: only the one that is being taken does.
   */
  store(bytes: Uint8Array, scope: 'checkpoint' | 'shared'): Promise<StateHandle>;
  /** The bytes, verified against the handle's checksum. */
  load(handle: StateHandle): Promise<Uint8Array>;
}
