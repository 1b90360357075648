import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { SubtaskMetrics } from '../../shared/observability/subtask-metrics.ts';
import type {
  JobManagerMessage,
  TaskManagerMessage,
  TaskManagerRegistration,
} from '../../shared/rpc/messages.ts';

/** The control stream to one task manager, as the domain sees it; `rpc` implements it. */
export interface TaskManagerConnection {
  /** Never throws: what cannot be sent shows as the connection's end. */
  send(message: JobManagerMessage): void;
  /** Ends the stream; the task manager may register again on a new one. */
  close(): void;
}

export type TaskStateMessage = Extract<TaskManagerMessage, { kind: 'task-state' }>;

export type TaskCheckpointMessage = Extract<
  TaskManagerMessage,
  { kind: 'acknowledge-checkpoint' | 'decline-checkpoint' | 'source-drained' }
>;

/** Who is told what task managers say and do; the dispatcher. */
export interface ResourceListener {
  /**
   * A task manager came, with attempts that an earlier leader deployed: gives those that stay. Its slots
   * are known when `onSlotsChanged` follows.
   */
  onRegistered(registration: TaskManagerRegistration): ReadonlySet<string>;
  /** A slot came, went or became free. */
  onSlotsChanged(): void;
  /** Why jobs are still on a task manager that drains; null: not known. */
  drainingReason(taskManagerId: string): string | null;
  onTaskManagerLost(taskManagerId: string, error: SerializedError): void;
  onTaskState(taskManagerId: string, message: TaskStateMessage): void;
  onSplitRequest(taskManagerId: string, attemptId: string, count: number): void;
  onCheckpointMessage(taskManagerId: string, message: TaskCheckpointMessage): void;
  onSubtaskMetrics(taskManagerId: string, subtasks: readonly SubtaskMetrics[]): void;
}
