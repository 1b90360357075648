import type {
  CheckpointDeclineReason,
  CheckpointFailureReason,
} from '../../shared/checkpoint/checkpoint-failure-reason.ts';
import type { SnapshotTimings, SubtaskSnapshot } from '../../shared/checkpoint/snapshot.ts';
import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { Barrier, CheckpointPurpose } from '../../shared/record/stream-event.ts';
import type { TaskManagerMessage } from '../../shared/rpc/messages.ts';

/** What tasks say about checkpoints. */
export type TaskCheckpointMessage = Extract<
  TaskManagerMessage,
  { kind: 'acknowledge-checkpoint' | 'decline-checkpoint' | 'source-drained' }
>;

/** An attempt that takes part in checkpoints. */
export interface CheckpointAttempt {
  readonly attemptId: string;
  readonly vertexId: string;
  readonly subtask: number;
  readonly parallelism: number;
  readonly isSource: boolean;
}

/** What an attempt contributed. */
export interface Acknowledgement {
  readonly attempt: CheckpointAttempt;
  readonly snapshot: SubtaskSnapshot;
  readonly timings: SnapshotTimings;
}

/** What people ask for, or the job itself before it rescales; the id is the shell's. */
export interface SavepointRequest {
  readonly requestId: number;
  readonly purpose: 'savepoint' | 'suspend' | 'rescale';
}

export type CoordinatorEvent =
  /** The complete set of the attempts that run or will run; nothing is triggered until `running`. */
  | {
      readonly kind: 'deployed';
      readonly attempts: readonly CheckpointAttempt[];
      /** They run already, and the latest checkpoint was their last: nothing more is triggered. */
      readonly over: boolean;
    }
  | { readonly kind: 'running' }
  /** An attempt ended unfinished. */
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'savepoint-requested'; readonly request: SavepointRequest }
  | {
      readonly kind: 'acknowledged';
      readonly attemptId: string;
      readonly checkpointId: number;
      readonly snapshot: SubtaskSnapshot;
      readonly timings: SnapshotTimings;
    }
  | {
      readonly kind: 'declined';
      readonly attemptId: string;
      readonly checkpointId: number;
      readonly reason: CheckpointDeclineReason;
      readonly error: SerializedError;
    }
  | { readonly kind: 'drained'; readonly attemptId: string }
  /** The job manager's own part of the snapshot (a source's enumerator) could not be taken. */
  | {
      readonly kind: 'snapshot-failed';
      readonly checkpointId: number;
      readonly error: SerializedError;
    }
  /** `_metadata` is written and registered. */
  | { readonly kind: 'stored'; readonly checkpointId: number }
  | {
      readonly kind: 'not-stored';
      readonly checkpointId: number;
      readonly reason: 'STORAGE_FAILED' | 'LEADERSHIP_LOST';
      readonly error: SerializedError;
    }
  | { readonly kind: 'timer' }
  | { readonly kind: 'job-ending' };

export type CoordinatorEffect =
  /** Snapshot the enumerators, then send the barrier to the sources' attempts, in this order. */
  | {
      readonly kind: 'trigger';
      readonly checkpointId: number;
      readonly purpose: CheckpointPurpose;
      readonly alignment: Barrier['alignment'];
      readonly sourceAttemptIds: readonly string[];
      /** Of the savepoint that was asked for. */
      readonly requestId: number | null;
    }
  /** Everybody has acknowledged: write `_metadata`, register, then answer `stored` or `not-stored`. */
  | {
      readonly kind: 'store';
      readonly checkpointId: number;
      readonly purpose: CheckpointPurpose;
      readonly acknowledgements: readonly Acknowledgement[];
    }
  /** It is registered: tell the enumerators and these attempts. */
  | {
      readonly kind: 'completed';
      readonly checkpointId: number;
      readonly purpose: CheckpointPurpose;
      readonly attemptIds: readonly string[];
    }
  /** It will never complete: tell the enumerators and these attempts; discard what was stored. */
  | {
      readonly kind: 'aborted';
      readonly checkpointId: number;
      readonly reason: CheckpointFailureReason;
      readonly error: SerializedError | null;
      readonly attemptIds: readonly string[];
      readonly acknowledgements: readonly Acknowledgement[];
      readonly requestId: number | null;
    }
  /** An acknowledgement of an aborted checkpoint came late: what it stored is nobody's. */
  | {
      readonly kind: 'discard';
      readonly checkpointId: number;
      readonly snapshot: SubtaskSnapshot;
    }
  /** A savepoint that was never triggered never will be. */
  | {
      readonly kind: 'savepoint-refused';
      readonly requestId: number;
      readonly reason: 'EXPIRED' | 'INTERRUPTED' | 'JOB_ENDING' | 'QUEUE_FULL';
    }
  | {
      readonly kind: 'too-many-failures';
      readonly failures: number;
      readonly reason: CheckpointFailureReason;
      readonly error: SerializedError | null;
    }
  /** The one timer: call with `timer` at that time, not before. Null: none is needed. */
  | { readonly kind: 'wake'; readonly atMs: number | null };
