/**
 * Where keyed state lives while a job runs: `heap`, in objects of the slot's thread (fast, bounded
 * by its memory), or `lmdb`, in a memory-mapped B-tree on the local disk (larger than memory).
 * Snapshots of both have one format: a job may change its backend when it is restored.
 */
export type StateBackendKind = 'heap' | 'lmdb';

export const STATE_BACKENDS: readonly StateBackendKind[] = ['heap', 'lmdb'];

/** `state` of the pipeline. */
export interface StateSettings {
  readonly backend: StateBackendKind;
}

export const STATE_DEFAULTS: StateSettings = { backend: 'heap' };
