import type { CheckpointDeclineReason } from '../checkpoint/checkpoint-failure-reason.ts';
import type { SnapshotTimings, SubtaskSnapshot } from '../checkpoint/snapshot.ts';
import type { SerializedError } from '../errors/sluice-error.ts';
import type { ExecutionState } from '../job-graph/states.ts';
import type { TaskDeployment } from '../job-graph/task-deployment.ts';
import type { LogPart, LogRange } from '../observability/log-ring.ts';
import type { ProcessMetrics, SubtaskMetrics } from '../observability/subtask-metrics.ts';
import type { Barrier } from '../record/stream-event.ts';

/**
 * The control plane's messages as the domain sees them; the codecs beside this file turn them into
 * the generated types and back. Nothing but the codecs and the two `rpc` folders knows gRPC.
 */

/** What a task manager says to the job manager. */
export type TaskManagerMessage =
  | { readonly kind: 'register'; readonly registration: TaskManagerRegistration }
  | {
      readonly kind: 'heartbeat';
      readonly sentAtMs: number;
      readonly subtasks: readonly SubtaskMetrics[];
      readonly process: ProcessMetrics;
    }
  | {
      readonly kind: 'task-state';
      readonly attemptId: string;
      readonly state: ReportedState;
      /** Only with FAILED. */
      readonly error: SerializedError | null;
      /** Final totals, with FINISHED, CANCELED and FAILED. */
      readonly metrics: SubtaskMetrics | null;
    }
  | { readonly kind: 'split-request'; readonly attemptId: string; readonly count: number }
  /** The attempt's snapshot is taken and stored. */
  | {
      readonly kind: 'acknowledge-checkpoint';
      readonly attemptId: string;
      readonly checkpointId: number;
      readonly snapshot: SubtaskSnapshot;
      readonly timings: SnapshotTimings;
    }
  | {
      readonly kind: 'decline-checkpoint';
      readonly attemptId: string;
      readonly checkpointId: number;
      readonly reason: CheckpointDeclineReason;
      readonly error: SerializedError;
    }
  /** A source has emitted all it will ever emit; it waits for the final checkpoint. */
  | { readonly kind: 'source-drained'; readonly attemptId: string }
  /** It wants to leave: what runs here is to be moved elsewhere. `drain-state` is the answer. */
  | { readonly kind: 'drain' }
  /** The answer to `read-log`; null where no log is kept. */
  | { readonly kind: 'log-part'; readonly requestId: number; readonly part: LogPart | null }
  | { readonly kind: 'leaving'; readonly reason: string };

/** The states that a task manager reports; the others are the job manager's own. */
export type ReportedState = Extract<
  ExecutionState,
  'INITIALIZING' | 'RUNNING' | 'FINISHED' | 'CANCELED' | 'FAILED'
>;

export interface TaskManagerRegistration {
  readonly taskManagerId: string;
  /** Of Sluice; the job manager refuses another one than its own. */
  readonly version: string;
  readonly dataHost: string;
  readonly dataPort: number;
  /** `host:port`, or empty where there is none. */
  readonly metricsAddress: string;
  readonly slots: readonly SlotProfile[];
  readonly labels: Readonly<Record<string, string>>;
  readonly executors: number;
  /** It was asked to drain, by whichever job manager; nothing new may be deployed here. */
  readonly draining: boolean;
  readonly runningAttemptIds: readonly string[];
  /** The same attempts with what a new leader must know to go on with them, and ended ones. */
  readonly attempts: readonly ReportedAttempt[];
  readonly hostName: string;
  readonly processId: number;
  readonly cpuCores: number;
  readonly memoryBytes: number;
}

/** An attempt as its task manager knows it, told to a job manager that may not know it. */
export interface ReportedAttempt {
  readonly attemptId: string;
  readonly slotIndex: number;
  /** Its latest; of the attempts that have ended, only the last ones are reported. */
  readonly state: ReportedState;
  /** Only with FAILED. */
  readonly error: SerializedError | null;
  /** The highest checkpoint id it was ever told; 0: none. */
  readonly checkpointIdSeen: number;
  /** Null unless it is a source's. */
  readonly source: ReportedReader | null;
}

export interface ReportedReader {
  /** It has said `source-drained`. */
  readonly drained: boolean;
  /** Splits that it has asked for and not got. */
  readonly splitsWanted: number;
  /**
   * What it was assigned since the latest checkpoint that it knows to be complete. Null: more than is
   * remembered.
   */
  readonly splits: readonly ReportedSplits[] | null;
}

export interface ReportedSplits {
  /** They came before this checkpoint's trigger, so that they are in its snapshot; null: after all. */
  readonly beforeCheckpoint: number | null;
  readonly splits: readonly unknown[];
}

export interface SlotProfile {
  readonly device: 'cpu' | 'gpu';
}

/** What the job manager says to a task manager. */
export type JobManagerMessage =
  | {
      readonly kind: 'registered';
      readonly jobManagerId: string;
      /** The leader's fencing token; 0 where there is no storage, and so no other job manager. */
      readonly epoch: number;
      readonly heartbeatIntervalMs: number;
      readonly heartbeatTimeoutMs: number;
    }
  /** Instead of `registered`; the stream ends after it. */
  | { readonly kind: 'refused'; readonly error: SerializedError }
  | { readonly kind: 'deploy-task'; readonly deployment: TaskDeployment }
  | { readonly kind: 'cancel-task'; readonly attemptId: string }
  | {
      readonly kind: 'assign-splits';
      readonly attemptId: string;
      /** As the source's enumerator made them. */
      readonly splits: readonly unknown[];
    }
  | { readonly kind: 'no-more-splits'; readonly attemptId: string }
  /** To the attempts of the sources: emit this barrier. */
  | { readonly kind: 'trigger-checkpoint'; readonly attemptId: string; readonly barrier: Barrier }
  /** To all attempts: it is restorable; sinks commit. */
  | {
      readonly kind: 'checkpoint-complete';
      readonly attemptId: string;
      readonly checkpointId: number;
    }
  /** To all attempts: it never will be. */
  | {
      readonly kind: 'checkpoint-aborted';
      readonly attemptId: string;
      readonly checkpointId: number;
    }
  /** Nothing new is deployed here from now on; `drained`: and nothing runs here any more. */
  | { readonly kind: 'drain-state'; readonly drained: boolean }
  /** A part of the task manager's log is wanted. */
  | { readonly kind: 'read-log'; readonly requestId: number; readonly range: LogRange }
  | { readonly kind: 'heartbeat-reply'; readonly sentAtMs: number };
