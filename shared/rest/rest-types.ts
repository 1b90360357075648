import type { CheckpointFailureReason } from '../checkpoint/checkpoint-failure-reason.ts';
import type { CheckpointSettings } from '../checkpoint/checkpoint-settings.ts';
import type { SerializedError } from '../errors/sluice-error.ts';
import type { PlanNode } from '../job-graph/job-plan.ts';
import type { ExecutionState, JobState } from '../job-graph/states.ts';
import type { CheckpointPurpose } from '../record/stream-event.ts';

/** What travels over REST v1; the command line and the dashboard know only these. */

/** GET /v1/health; the one thing that a standby answers. */
export interface HealthAnswer {
  readonly status: 'ok';
  readonly role: 'leader' | 'standby';
  /** As far as it is known. */
  readonly leader: { readonly restAddress: string; readonly rpcAddress: string } | null;
}

/** GET /v1/cluster */
export interface ClusterOverview {
  readonly version: string;
  readonly jobManagerId: string;
  readonly processId: number;
  readonly startedAt: string;
  readonly taskManagers: number;
  readonly slots: SlotCounts;
  readonly jobs: Readonly<Partial<Record<JobState, number>>>;
}

export interface SlotCounts {
  readonly total: number;
  readonly free: number;
}

/** GET /v1/task-managers → { taskManagers: TaskManagerInfo[] } */
export interface TaskManagerInfo {
  readonly id: string;
  readonly host: string;
  readonly processId: number;
  readonly dataAddress: string;
  readonly metricsAddress: string;
  readonly device: 'cpu' | 'gpu';
  readonly labels: Readonly<Record<string, string>>;
  readonly slots: SlotCounts;
  readonly executors: number;
  readonly rssBytes: number;
  readonly cpuCoresUsed: number;
  readonly lastHeartbeatAgeMs: number;
  /** DRAINING: it gets nothing new. DRAINED: and nothing runs there any more. */
  readonly state: 'ACTIVE' | 'DRAINING' | 'DRAINED';
  /** What still runs there while it is DRAINING, and why. */
  readonly drainingReason: string | null;
}

/** POST /v1/jobs → 201 SubmitJobAnswer */
export interface SubmitJobRequest {
  /** The text of the pipeline's file. */
  readonly pipeline: string;
  /** Its name, for messages. */
  readonly fileName: string;
  /** Absolute; relative locations in the text are relative to it. */
  readonly baseDirectory: string;
  /** `--set name=value`; paths among them already absolute. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The folder of a savepoint or a checkpoint to start from, as a URI. */
  readonly restoreFrom?: string;
  /** State in it that this pipeline has no operator for is left behind; else it is refused. */
  readonly allowDroppedState?: boolean;
  /**
   * An unfinished job of this very pipeline is gone on with; where another one is unfinished, this one
   * is refused.
   */
  readonly resume?: boolean;
}

export interface SubmitJobAnswer {
  readonly id: string;
  /** What is allowed in the pipeline, but seldom meant. */
  readonly warnings: readonly SerializedError[];
  /** The job was there already, and goes on. */
  readonly resumed: boolean;
}

/** GET /v1/jobs → { jobs: JobSummary[] } */
export interface JobSummary {
  readonly id: string;
  readonly name: string;
  readonly state: JobState;
  readonly submittedAt: string;
  readonly endedAt: string | null;
  readonly durationMs: number;
  readonly tasks: Readonly<Partial<Record<ExecutionState, number>>>;
}

/** GET /v1/jobs/:id */
export interface JobDetail extends JobSummary {
  readonly bounded: boolean;
  /** Only while it waits for slots, at first or to restart: `needs 4 cpu slots, 2 free`. */
  readonly waitingReason?: string;
  /** What ended the job. */
  readonly failure: JobFailure | null;
  /** How often it, or a part of it, was started again after a failure. */
  readonly restarts: number;
  /** How often it was moved to other slots, at another parallelism perhaps; no failure is behind it. */
  readonly rescales: number;
  readonly lastRescale: JobRescale | null;
  /** What it failed of, the last ones, newest first; `EXCEPTIONS_MAX` at most. */
  readonly exceptions: readonly JobException[];
  /** Null where none are taken. */
  readonly checkpoints: CheckpointsSummary | null;
  readonly progress: JobProgress;
  readonly vertices: readonly VertexDetail[];
}

export interface JobRescale {
  readonly at: string;
  /** `classify: 2 → 4`, or which task manager drains. */
  readonly reason: string;
}

export const EXCEPTIONS_MAX = 20;

/** A failure that the job survived, or did not. */
export interface JobException extends JobFailure {
  /** What it was followed by. */
  readonly outcome: 'restarted' | 'failed';
}

export interface CheckpointsSummary {
  readonly counts: CheckpointCounts;
  /** The last one that completed, savepoints included. */
  readonly latest: CheckpointInfo | null;
}

/** Since this job manager leads the job. */
export interface CheckpointCounts {
  readonly completed: number;
  readonly failed: number;
  readonly inProgress: number;
}

/** GET /v1/jobs/:id/checkpoints */
export interface JobCheckpointsDetail {
  /** Null: the pipeline says `checkpoints: off`, or the job manager has no storage. */
  readonly settings: CheckpointSettings | null;
  readonly counts: CheckpointCounts;
  readonly latest: CheckpointInfo | null;
  readonly inProgress: CheckpointInfo | null;
  /** Those that ended, newest first; `CHECKPOINT_HISTORY_MAX` at most. */
  readonly history: readonly CheckpointInfo[];
}

export const CHECKPOINT_HISTORY_MAX = 50;

export interface CheckpointInfo {
  readonly id: number;
  readonly purpose: CheckpointPurpose;
  readonly status: 'COMPLETED' | 'FAILED' | 'IN_PROGRESS';
  readonly triggeredAt: string;
  /** From the trigger to its end, or to now. */
  readonly durationMs: number;
  /** What it stored itself; state that it shares with earlier ones is not counted. */
  readonly bytes: number;
  readonly failure: CheckpointFailure | null;
  /** The folder with its `_metadata`, as a URI; null unless it is completed. */
  readonly path: string | null;
}

export interface CheckpointFailure {
  readonly reason: CheckpointFailureReason;
  readonly message: string;
}

/** POST /v1/jobs/:id/savepoints → 200 SavepointAnswer, once it is complete. */
export interface SavepointRequest {
  /** A URI; the folder of the savepoint is made in it. Default: `savepoints` of the storage. */
  readonly directory?: string;
}

/**
 * POST /v1/jobs/:id/stop: without `savepoint` 202 JobDetail at once; with it 200 SavepointAnswer, once
 * the job has ended with the savepoint.
 */
export interface StopJobRequest extends SavepointRequest {
  readonly savepoint?: boolean;
}

export interface SavepointAnswer {
  /** Of its folder, a URI: what `restoreFrom` takes. */
  readonly path: string;
}

/** GET /v1/jobs/:id/plan */
export interface JobPlan {
  readonly id: string;
  readonly name: string;
  readonly state: JobState;
  /** In topological order. */
  readonly nodes: readonly PlanNode[];
}

/** The first thing that went wrong, and where. */
export interface JobFailure {
  readonly error: SerializedError;
  readonly at: string;
  readonly vertexId: string | null;
  /** The chain's name, for people. */
  readonly vertexName?: string;
  readonly subtask: number | null;
  readonly taskManagerId: string | null;
}

export interface JobProgress {
  /** Records that sources emitted. */
  readonly recordsRead: number;
  /** Records that have left the job again: written, dropped by a filter, or rejected. */
  readonly recordsDone: number;
  /** What `recordsDone` comes to, as far as the sources know now; null where they cannot know. */
  readonly recordsTotal: number | null;
  /** Records that reached the sinks, per sink node. */
  readonly recordsWritten: Readonly<Record<string, number>>;
  readonly recordsRejected: number;
  /** Splits that the sources found; the total once `discoveryComplete`. */
  readonly splitsDiscovered: number;
  readonly discoveryComplete: boolean;
  /** Records read, over the last seconds; over the whole job once it has ended. */
  readonly recordsPerSecond: number;
  /** From the source's read to the sink; over the whole job. */
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  /** From the first record read to the last record written, or to now. */
  readonly activeMs: number;
}

export interface VertexDetail {
  readonly id: string;
  readonly name: string;
  readonly device: 'cpu' | 'gpu';
  readonly parallelism: number;
  readonly operators: readonly OperatorDetail[];
  readonly subtasks: readonly SubtaskDetail[];
}

/** Summed over the subtasks. */
export interface OperatorDetail {
  readonly id: string;
  readonly kind: string;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly recordsRejected: number;
  readonly inFlight: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
}

export interface SubtaskDetail {
  readonly index: number;
  readonly attempt: number;
  readonly state: ExecutionState;
  readonly taskManagerId: string | null;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly recordsPerSecond: number;
  /** Shares of the last seconds (of its life once it has ended), 0 to 1; they add up to 1. */
  readonly busy: number;
  readonly idle: number;
  readonly backPressured: number;
  readonly buffersInQueued: number;
  readonly buffersOutQueued: number;
}

/** RFC 9457; `code` is an ErrorCode. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly hint?: string;
  readonly context?: Readonly<Record<string, string | number | boolean>>;
  /** All problems, where a pipeline has several. */
  readonly problems?: readonly SerializedError[];
}
