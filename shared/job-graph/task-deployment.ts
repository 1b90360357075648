import type { TaskRestore } from '../checkpoint/snapshot.ts';
import type { StateSettings } from '../checkpoint/state-backend.ts';
import type { OperatorNode, Partitioner, ResourceProfile } from './job-graph.ts';

/** All that a task manager needs to run one attempt of one subtask. Plain JSON. */
export interface TaskDeployment {
  readonly jobId: string;
  readonly jobName: string;
  /** Unique for ever: `<job id>/<vertex>/<subtask>/<attempt>`. On every message about this task. */
  readonly attemptId: string;
  readonly vertexId: string;
  readonly vertexName: string;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly attempt: number;
  /** Which slot of the task manager. */
  readonly slotIndex: number;
  readonly resources: ResourceProfile;
  readonly operators: readonly OperatorNode[];
  /** What a rejected record does. */
  readonly onError: 'dead-letter' | 'fail';
  /** One gate per incoming edge. */
  readonly inputs: readonly InputGateDescriptor[];
  /** One result partition per outgoing edge. */
  readonly outputs: readonly ResultPartitionDescriptor[];
  /** Null: without checkpoints; sinks commit as they go. */
  readonly checkpoints: TaskCheckpointing | null;
  /** What the attempt starts from; null: from nothing. */
  readonly restore: TaskRestore | null;
  /** `STATE_DEFAULTS` where it is absent. */
  readonly state?: StateSettings;
}

/** What a task must know to take part in checkpoints. */
export interface TaskCheckpointing {
  readonly mode: 'exactly-once' | 'at-least-once';
  readonly alignmentTimeoutMs: number | null;
  /** URI of the job's checkpoints (`CheckpointPaths.checkpoints`). */
  readonly directory: string;
}

export interface ResultPartitionDescriptor {
  /** `<producing attempt id>#<edge id>`. */
  readonly partitionId: string;
  /** The operator of the chain whose output it carries. */
  readonly sourceOperator: string;
  readonly partitioner: Partitioner;
  /** Subpartition i is read by subtask i of the consuming vertex. */
  readonly subpartitions: number;
  readonly maxParallelism: number;
}

export interface InputGateDescriptor {
  readonly edgeId: string;
  /** Channel i reads from subtask i of the producing vertex (all of them, but for `forward`). */
  readonly channels: readonly InputChannelDescriptor[];
}

export interface InputChannelDescriptor {
  readonly partitionId: string;
  readonly subpartition: number;
  readonly producer: DataAddress;
}

/** Where a task manager's data plane listens. */
export interface DataAddress {
  readonly taskManagerId: string;
  readonly host: string;
  readonly port: number;
}
