import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import type { ExecutionState } from '../../shared/job-graph/states.ts';
import type {
  InputGateDescriptor,
  ResultPartitionDescriptor,
} from '../../shared/job-graph/task-deployment.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { SubtaskMetrics } from '../../shared/observability/subtask-metrics.ts';
import type { TaskManagerMessage } from '../../shared/rpc/messages.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { InferenceClient } from '../inference/inference-client.ts';
import type { OperatorFactory } from '../operators/runtime/operator-body.ts';
import type { InputGate } from './input-gate.ts';
import type { ResultPartition } from './result-partition.ts';
import type { SnapshotStores } from './snapshot-store.ts';
import type { TaskLoop } from './task-loop.ts';

/** All that the tasks of one slot need of the world; everything in it belongs to the slot's thread. */
export interface TaskEnvironment {
  readonly taskManagerId: string;
  readonly clock: Clock;
  readonly loop: TaskLoop;
  readonly fileSystems: FileSystemRegistry;
  readonly inference: InferenceClient;
  readonly createOperator: OperatorFactory;
  readonly network: TaskNetwork;
  readonly control: TaskControl;
  readonly snapshots: SnapshotStores;
  readonly logger: Logger;
  /** For working files of keyed state; absent: under the system's temporary folder. */
  readonly localStateDirectory?: string;
}

/** The slot's part of the data plane. */
export interface TaskNetwork {
  createInputGate(descriptor: InputGateDescriptor): InputGate;
  createResultPartition(
    descriptor: ResultPartitionDescriptor,
    options: { readonly subtaskIndex: number },
  ): ResultPartition;
}

/** What a task says to the control plane. */
export interface TaskControl {
  stateChanged(update: TaskStateUpdate): void;
  requestSplits(attemptId: string, count: number): void;
  checkpoint(report: TaskCheckpointReport): void;
}

/** What a task has to say about checkpoints; travels as it is. */
export type TaskCheckpointReport = Extract<
  TaskManagerMessage,
  { kind: 'acknowledge-checkpoint' | 'decline-checkpoint' | 'source-drained' }
>;

export interface TaskStateUpdate {
  readonly attemptId: string;
  readonly state: Extract<
    ExecutionState,
    'INITIALIZING' | 'RUNNING' | 'FINISHED' | 'CANCELED' | 'FAILED'
  >;
  /** Only with FAILED. */
  readonly error: SerializedError | null;
  /** Final totals, with FINISHED, CANCELED and FAILED. */
  readonly metrics: SubtaskMetrics | null;
}
