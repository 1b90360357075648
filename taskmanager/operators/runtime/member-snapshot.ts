import type { KeyedStateHandle, ListStateMode } from '../../../shared/checkpoint/snapshot.ts';
import type { Barrier } from '../../../shared/record/stream-event.ts';
import type { SnapshotLoader, SnapshotStore } from '../../task/snapshot-store.ts';

/** List state as an operator gives it. */
export interface ListSnapshot {
  readonly mode: ListStateMode;
  readonly entries: readonly unknown[];
}

/** By the name of the state. */
export interface MemberState {
  readonly lists: Readonly<Record<string, ListSnapshot>>;
  readonly keyed: Readonly<Record<string, KeyedStateHandle>>;
}

export const NO_STATE: MemberState = { lists: {}, keyed: {} };

/** What one operator of a chain contributes: its state as of the barrier. */
export interface MemberSnapshot {
  /** Taken by now. */
  readonly state: MemberState;
  /** What takes time (storing, pre-committing): under way, awaited while the task goes on. */
  readonly deferred: Promise<MemberState> | null;
  /**
   * When no further piece of it follows, where that is earlier than `deferred`, which may wait until
   * pieces are stored. Never rejects.
   */
  readonly handedOver?: Promise<void>;
}

export const NO_SNAPSHOT: MemberSnapshot = { state: NO_STATE, deferred: null };

/** Where a snapshot goes. */
export interface SnapshotContext {
  readonly checkpointId: number;
  readonly barrier: Barrier;
  readonly store: SnapshotStore;
}

/** How the operators of a chain say that a barrier passes them; the task's loop calls back. */
export interface BarrierObserver {
  /**
   * The barrier has reached this operator behind everything in front of it, and leaves it when this
   * returns: `take` gives the state that belongs to it.
   */
  pass(
    operatorId: string,
    barrier: Barrier,
    take: (context: SnapshotContext) => MemberSnapshot,
  ): void;
}

/** What an operator gets back after a failure, or from a savepoint. */
export interface RestoredState {
  /** Entries, decoded; already dealt out to this subtask. */
  readonly lists: Readonly<Record<string, readonly unknown[]>>;
  readonly keyed: Readonly<Record<string, readonly KeyedStateHandle[]>>;
  readonly loader: SnapshotLoader;
}

export interface KeyedSnapshot {
  /** Everything is written, not necessarily stored. Never rejects. */
  readonly handedOver: Promise<void>;
  /** By the name of the state. Rejects where storing fails, or when the checkpoint is aborted. */
  readonly handles: Promise<Readonly<Record<string, KeyedStateHandle>>>;
}

/**
 * Keyed state of one operator, as the runtime around it sees it. All calls come from the task's
 * loop.
 */
export interface KeyedStateParticipant {
  restore(state: RestoredState): Promise<void>;
  /** The state as of now; what is slow happens in the promises. Null: there is none. */
  snapshot(context: SnapshotContext): KeyedSnapshot | null;
  checkpointComplete(checkpointId: number): void;
  checkpointAborted(checkpointId: number): void;
  close(): Promise<void>;
}
