import type { CheckpointPurpose } from '../record/stream-event.ts';
import type { SubtaskSnapshot } from './snapshot.ts';
import type { StateHandle } from './state-handle.ts';

/** Raised whenever `_metadata` changes in a way that older versions cannot read. */
export const METADATA_VERSION = 1;

/**
 * The content of a checkpoint's `_metadata`, as JSON: all that is needed to restore it. Written with
 * create-if-absent; from then on, and not before, the checkpoint is restorable.
 */
export interface CheckpointMetadata {
  readonly version: typeof METADATA_VERSION;
  readonly sluiceVersion: string;
  readonly jobId: string;
  readonly jobName: string;
  readonly checkpointId: number;
  readonly purpose: CheckpointPurpose;
  readonly triggeredAtMs: number;
  readonly completedAtMs: number;
  /** True where channels hold buffers: it cannot be restored at another parallelism. */
  readonly unaligned: boolean;
  readonly vertices: readonly VertexSnapshot[];
  /** By the source's operator id: the enumerator's state, encoded (`shared/serialization`). */
  readonly enumerators: Readonly<Record<string, StateHandle>>;
  /** The large parts of these states that several checkpoints share, by operator id; absent: none. */
  readonly enumeratorParts?: Readonly<Record<string, readonly StateHandle[]>> | undefined;
}

export interface VertexSnapshot {
  readonly vertexId: string;
  readonly maxParallelism: number;
  /** One for each subtask. */
  readonly subtasks: readonly SubtaskSnapshot[];
}
