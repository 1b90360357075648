import type { StateHandle } from '../../shared/checkpoint/state-handle.ts';

/** Where the bytes of a snapshot go. */
export interface SnapshotStore {
  /**
   * Takes bytes that are the caller's no longer. `shared`: later checkpoints may refer to them too;
   * `checkpoint`: only the one that is being taken does.
   */
  store(bytes: Uint8Array<ArrayBuffer>, scope: 'checkpoint' | 'shared'): Promise<StateHandle>;
}

/** Where they come from. */
export interface SnapshotLoader {
  /** The bytes, verified against the handle's checksum. */
  load(handle: StateHandle): Promise<Uint8Array>;
}
