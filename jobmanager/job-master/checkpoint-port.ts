import type { CheckpointSettings } from '../../shared/checkpoint/checkpoint-settings.ts';
import type { TaskRestore } from '../../shared/checkpoint/snapshot.ts';
import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { JobGraph, JobVertex } from '../../shared/job-graph/job-graph.ts';
import type { CheckpointPurpose } from '../../shared/record/stream-event.ts';
import type { JobCheckpointsDetail } from '../../shared/rest/rest-types.ts';
import type { JobManagerMessage } from '../../shared/rpc/messages.ts';
import type { CheckpointFigures } from '../checkpoint/checkpoint-figures.ts';
import type { RegisteredCheckpoint } from '../checkpoint/completed-checkpoint.ts';
import type { TaskCheckpointMessage } from '../resource-manager/task-manager-connection.ts';

/** A job's checkpoints as the job's run uses them; `JobCheckpoints` and its options match these. */
export interface CheckpointsOfJob {
  /** What a restart begins from; null: from nothing. */
  readonly latest: {
    readonly checkpointId: number;
    readonly purpose: CheckpointPurpose;
    readonly metadata: { readonly unaligned: boolean };
  } | null;
  /** All sources have emitted all they ever will: the job is near its end. */
  readonly drained: boolean;
  /** The complete current set of attempts; nothing is triggered until `running`. */
  deployed(attempts: readonly DeployedAttempt[]): void;
  running(): void;
  interrupted(): void;
  handle(message: TaskCheckpointMessage): void;
  /** Resolves once it is certain which checkpoint is the latest one; after `interrupted`. */
  settled(): Promise<void>;
  /** From the latest one; null: from nothing. Throws SluiceErrors. */
  restoreFor(vertex: JobVertex, subtask: number, parallelism: number): TaskRestore | null;
  /** Of the latest one; null: from the beginning. */
  enumeratorState(operatorId: string): Promise<{ readonly state: unknown } | null>;
  /** Resolves with the URI of its folder. */
  savepoint(request: SavepointRequest): Promise<string>;
  detail(): JobCheckpointsDetail;
  measurement(): CheckpointMeasurement;
  close(): void;
}

/** In numbers. */
export interface CheckpointMeasurement {
  readonly settings: CheckpointSettings;
  readonly figures: CheckpointFigures;
}

export interface DeployedAttempt {
  readonly attemptId: string;
  readonly vertexId: string;
  readonly subtask: number;
  readonly parallelism: number;
  readonly isSource: boolean;
}

export interface SavepointRequest {
  /** A URI; null: `savepoints` of the storage. A checkpoint to rescale from is the job's own. */
  readonly directory: string | null;
  readonly purpose: 'savepoint' | 'suspend' | 'rescale';
}

/** A source's enumerator, for snapshots. */
export interface SnapshottedSource {
  readonly operatorId: string;
  snapshotState(checkpointId: number): unknown;
  checkpointComplete(checkpointId: number): void;
  checkpointAborted(checkpointId: number): void;
}

/** What a job's checkpoints need of the job. */
export interface CheckpointedJob {
  readonly jobId: string;
  readonly jobGraph: JobGraph;
  readonly settings: CheckpointSettings;
  readonly sources: () => readonly SnapshottedSource[];
  readonly sendToAttempt: (attemptId: string, message: JobManagerMessage) => void;
  readonly onTooManyFailures: (error: SerializedError) => void;
  readonly onFinalComplete: (purpose: 'final' | 'suspend') => void;
}

/** Where a job's checkpoints come from: storage, registration, what there is to start from. */
export interface RecoveryBase {
  open(job: CheckpointedJob): CheckpointsOfJob;
  /** URI below which the tasks of the job store their snapshots. */
  readonly directory: string;
  /** What the job begins with, oldest first. */
  readonly retained: readonly RegisteredCheckpoint[];
}

/** Makes the recovery bases of new jobs; of a job manager with storage. */
export interface RecoveryBases {
  /** For a job that begins with nothing. */
  fresh(jobId: string): RecoveryBase;
  /**
   * For one that begins with a checkpoint or savepoint, which is read and checked: rejects with
   * CHECKPOINT_INVALID or CHECKPOINT_MISMATCH.
   */
  restored(job: {
    readonly jobId: string;
    readonly jobGraph: JobGraph;
    /** The URI of its folder. */
    readonly from: string;
    readonly allowDroppedState: boolean;
  }): Promise<RecoveryBase>;
}
