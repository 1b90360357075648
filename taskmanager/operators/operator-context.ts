import type { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import type { InferenceClient } from '../inference/inference-client.ts';
import type { KeyedState } from '../state/keyed-state.ts';
import type { OperatorMetrics } from './operator-metrics.ts';

/**
 * What an operator may know and touch; one per operator and attempt, in the slot's thread. Callbacks
 * that an operator gets from elsewhere (promises, sockets, ports) must not touch its state directly:
 * they go through `mailbox`, so that they run between records.
 */
export interface OperatorContext {
  readonly jobId: string;
  readonly jobName: string;
  readonly vertexId: string;
  /** The node's name in the pipeline. */
  readonly operatorId: string;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly maxParallelism: number;
  /** Counts the attempts of this subtask from 0. */
  readonly attempt: number;
  readonly taskManagerId: string;
  readonly clock: Clock;
  readonly mailbox: Mailbox;
  readonly metrics: OperatorMetrics;
  readonly fileSystems: FileSystemRegistry;
  readonly inference: InferenceClient;

  /** Keyed state; of synchronous operators, behind a partitioning by the key. */
  keyedState(): KeyedState;

  /** Sends a record to the pipeline's dead letters; the task goes on (or fails: `onError: fail`). */
  reject(record: StreamRecord, error: SluiceError): void;

  /** Ends the task with this error as the root cause. Call it from callbacks, then return. */
  fail(error: unknown): void;

  /** Processing-time timer; the callback runs as a mail. */
  setTimer(delayMs: number, callback: () => void): CancelTimer;
}

/** Runs work in the task's loop, between two records. */
export interface Mailbox {
  execute(mail: () => void): void;
}
