import type { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import type { TaskDeployment } from '../../../shared/job-graph/task-deployment.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { CancelTimer, Clock } from '../../../shared/time/clock.ts';
import type { InferenceClient } from '../../inference/inference-client.ts';
import type { KeyedState } from '../../state/keyed-state.ts';
import type { OperatorKeyedState } from '../../state/operator-keyed-state.ts';
import type { Mailbox } from '../operator-context.ts';
import { OperatorMetrics } from '../operator-metrics.ts';
import type { SourceReaderContext } from '../source-reader.ts';

/** What the operators of one task share. */
export interface TaskContext {
  readonly deployment: TaskDeployment;
  readonly taskManagerId: string;
  readonly clock: Clock;
  readonly mailbox: Mailbox;
  readonly fileSystems: FileSystemRegistry;
  readonly inference: InferenceClient;
  readonly localStateDirectory?: string;
  requestSplits(count: number): void;
  reject(rejected: RejectedRecord): void;
  fail(error: unknown): void;
}

export interface RejectedRecord {
  readonly record: StreamRecord;
  readonly error: SluiceError;
  readonly operator: OperatorIdentity;
}

/** A node of the pipeline, as far as messages about it need it. */
export interface OperatorIdentity {
  readonly id: string;
  readonly kind: string;
}

/** The context of one operator of one attempt. */
export class RuntimeContext implements SourceReaderContext {
  readonly jobId: string;
  readonly jobName: string;
  readonly vertexId: string;
  readonly operatorId: string;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly attempt: number;
  readonly taskManagerId: string;
  readonly clock: Clock;
  readonly mailbox: Mailbox;
  readonly metrics = new OperatorMetrics();
  readonly fileSystems: FileSystemRegistry;
  readonly inference: InferenceClient;
  readonly #task: TaskContext;
  readonly #operator: OperatorIdentity;
  readonly #timers = new Set<CancelTimer>();
  /** For the runtime; operators ask `keyedState()`. */
  readonly keyed: OperatorKeyedState;

  constructor(task: TaskContext, operator: OperatorIdentity, keyed: OperatorKeyedState) {
    const { deployment } = task;
    this.jobId = deployment.jobId;
    this.jobName = deployment.jobName;
    this.vertexId = deployment.vertexId;
    this.operatorId = operator.id;
    this.subtaskIndex = deployment.subtaskIndex;
    this.parallelism = deployment.parallelism;
    this.maxParallelism = deployment.maxParallelism;
    this.attempt = deployment.attempt;
    this.taskManagerId = task.taskManagerId;
    this.clock = task.clock;
    this.mailbox = task.mailbox;
    this.fileSystems = task.fileSystems;
    this.inference = task.inference;
    this.#task = task;
    this.#operator = operator;
    this.keyed = keyed;
  }

  keyedState(): KeyedState {
    return this.keyed.state;
  }

  reject(record: StreamRecord, error: SluiceError): void {
    this.metrics.recordsRejected += 1;
    this.#task.reject({ record, error, operator: this.#operator });
  }

  fail(error: unknown): void {
    this.#task.fail(error);
  }

  setTimer(delayMs: number, callback: () => void): CancelTimer {
    let isCancelled = false;
    const cancelTimer = this.clock.setTimer(delayMs, () => {
      this.#timers.delete(cancel);
      // It may be cancelled while its mail waits.
      this.mailbox.execute(() => {
        if (!isCancelled) callback();
      });
    });
    const cancel = (): void => {
      isCancelled = true;
      this.#timers.delete(cancel);
      cancelTimer();
    };
    this.#timers.add(cancel);
    return cancel;
  }

  requestSplits(count: number): void {
    this.#task.requestSplits(count);
  }

  /** With the operator's end its timers end. */
  cancelTimers(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }
}
