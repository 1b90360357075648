import type { MessagePort } from 'node:worker_threads';
import type { StateHandle } from '../../shared/checkpoint/state-handle.ts';
import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { FileSystemOptions } from '../../shared/filesystem/filesystem-options.ts';
import type { TaskDeployment } from '../../shared/job-graph/task-deployment.ts';
import type { LogFields, LogLevel } from '../../shared/observability/logger.ts';
import type { SubtaskMetrics } from '../../shared/observability/subtask-metrics.ts';
import type { ThreadMetrics } from '../../shared/observability/thread-metrics.ts';
import type { JobManagerMessage } from '../../shared/rpc/messages.ts';
import type { CheckpointTarget, StateScope } from '../task/snapshot-store.ts';
import type { TaskCheckpointReport, TaskStateUpdate } from '../task/task-environment.ts';

/** What a slot's thread is started with. */
export interface SlotWorkerData {
  readonly slotIndex: number;
  readonly taskManagerId: string;
  readonly device: 'cpu' | 'gpu';
  readonly fileSystemOptions: FileSystemOptions;
  /** Of working files of keyed state. */
  readonly localStateDirectory: string;
  /** Of the local copies of state. */
  readonly localStateFolder: string;
  readonly metricsIntervalMs: number;
  /** To the NetworkHub. */
  readonly networkPort: MessagePort;
  /** To the InferenceService. */
  readonly inferencePort: MessagePort;
  /** Debug lines (one for each rejected record) cross threads only where somebody reads them. */
  readonly logsDebug: boolean;
}

/** From the main thread to a slot. */
export type SlotCommand =
  | { readonly kind: 'deploy'; readonly deployment: TaskDeployment }
  | { readonly kind: 'cancel'; readonly attemptId: string }
  | { readonly kind: 'splits'; readonly attemptId: string; readonly splits: readonly unknown[] }
  | { readonly kind: 'no-more-splits'; readonly attemptId: string }
  | CheckpointCommand
  /** The answer to `store-piece`. */
  | { readonly kind: 'piece-stored'; readonly requestId: number; readonly result: StoredPiece }
  /** Cancels what runs, closes everything; the thread ends by itself. */
  | { readonly kind: 'stop' };

/** What the job manager says about checkpoints; travels as it is. */
export type CheckpointCommand = Extract<
  JobManagerMessage,
  { kind: 'trigger-checkpoint' | 'checkpoint-complete' | 'checkpoint-aborted' }
>;

/** A piece of state that is too large to travel inside an acknowledgement. */
export interface StatePiece extends CheckpointTarget {
  readonly scope: StateScope;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type StoredPiece =
  | { readonly handle: StateHandle; readonly error: null }
  | { readonly handle: null; readonly error: SerializedError };

/** From a slot to the main thread. */
export type SlotReport =
  | { readonly kind: 'task-state'; readonly update: TaskStateUpdate }
  | { readonly kind: 'split-request'; readonly attemptId: string; readonly count: number }
  | { readonly kind: 'checkpoint'; readonly report: TaskCheckpointReport }
  /** The bytes are transferred. */
  | { readonly kind: 'store-piece'; readonly requestId: number; readonly piece: StatePiece }
  /** No further piece of the attempt follows in this checkpoint. */
  | { readonly kind: 'pieces-handed-over'; readonly target: CheckpointTarget }
  | {
      readonly kind: 'metrics';
      readonly subtasks: readonly SubtaskMetrics[];
      readonly thread: ThreadMetrics;
    }
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly fields: LogFields;
      readonly message: string;
    };

/** Why a slot's thread ended; null: it was asked to. */
export type ThreadEnd = SerializedError | null;
