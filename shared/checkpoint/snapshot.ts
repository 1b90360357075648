import type { StateHandle } from './state-handle.ts';

/**
 * How the entries of an operator's list state are spread over the subtasks when it is restored
 * (Flink's OperatorStateHandle.Mode): `split` deals them out, `union` gives all entries to every
 * subtask, `broadcast` gives every subtask the entries of one (they are all the same).
 */
export type ListStateMode = 'split' | 'union' | 'broadcast';

export interface ListStateHandle {
  readonly mode: ListStateMode;
  /** An encoded array (`shared/serialization`): the entries. */
  readonly handle: StateHandle;
  readonly entries: number;
}

/**
 * Keyed state of one subtask: a base and the changes since, in the order in which they are applied.
 * Every segment says where each key group's bytes begin, so that a subtask of another parallelism
 * reads only its own.
 */
export interface KeyedStateHandle {
  readonly segments: readonly KeyedStateSegment[];
}

export interface KeyedStateSegment {
  readonly kind: 'base' | 'changes';
  readonly firstKeyGroup: number;
  /** Byte offsets in the object, one for each key group and one for the end. */
  readonly offsets: readonly number[];
  readonly handle: StateHandle;
}

/** The state of one operator of one subtask in one checkpoint. */
export interface OperatorSubtaskState {
  /** By the name of the state. */
  readonly lists: Readonly<Record<string, ListStateHandle>>;
  /** By the name of the state. */
  readonly keyed: Readonly<Record<string, KeyedStateHandle>>;
}

/** Buffers that an unaligned barrier overtook, in the order of the channel. */
export interface ChannelState {
  /** `<edge id>` and the other end's subtask: an input channel, or a subpartition of an output. */
  readonly edgeId: string;
  readonly direction: 'input' | 'output';
  readonly channel: number;
  /** Encoded arrays (`shared/serialization`) of payloads: record batches, watermarks, statuses. */
  readonly buffers: readonly StateHandle[];
}

/** What one subtask contributes to a checkpoint; travels with its acknowledgement. */
export interface SubtaskSnapshot {
  /** By operator id: the node's name in the pipeline. Operators without state are left out. */
  readonly operators: Readonly<Record<string, OperatorSubtaskState>>;
  readonly channels: readonly ChannelState[];
}

export const EMPTY_SNAPSHOT: SubtaskSnapshot = { operators: {}, channels: [] };

/** What an attempt restores: handles, already chosen for its subtask. */
export interface TaskRestore {
  readonly checkpointId: number;
  readonly operators: Readonly<Record<string, OperatorRestore>>;
  readonly channels: readonly ChannelState[];
}

export interface OperatorRestore {
  readonly lists: Readonly<Record<string, ListRestore>>;
  /** By state name; of the subtasks whose key groups overlap this one's. */
  readonly keyed: Readonly<Record<string, readonly KeyedStateHandle[]>>;
}

/**
 * The entries of these handles, concatenated; with `deal`, only those whose position in that sequence
 * leaves the remainder `index` when divided by `of`.
 */
export interface ListRestore {
  readonly handles: readonly StateHandle[];
  readonly deal: { readonly index: number; readonly of: number } | null;
}

/** How long the parts of a subtask's checkpoint took, milliseconds. */
export interface SnapshotTimings {
  /** From the first barrier to the last one. */
  readonly alignmentMs: number;
  /** The task stood still. */
  readonly syncMs: number;
  /** Storing, while the task went on. */
  readonly asyncMs: number;
  readonly bytes: number;
}
