import type { TaskDeployment } from '../../shared/job-graph/task-deployment.ts';
import type { ThreadMetrics } from '../../shared/observability/thread-metrics.ts';
import { SlotSnapshotStores } from '../snapshots/slot-snapshot-stores.ts';
import { StreamTask } from '../task/stream-task.ts';
import type { TaskEnvironment, TaskStateUpdate } from '../task/task-environment.ts';
import type { SlotCommand, SlotReport } from './slot-messages.ts';

export interface SlotTasksOptions {
  /** `control` and `snapshots` are added here. */
  readonly environment: Omit<TaskEnvironment, 'control' | 'snapshots'>;
  /** With the task manager's copies of state. */
  readonly localStateFolder: string;
  readonly metricsIntervalMs: number;
  /** What the thread says of itself. */
  readonly thread: () => ThreadMetrics;
  /** What is in `transfer` belongs to the main thread from then on. */
  readonly send: (report: SlotReport, transfer?: readonly ArrayBuffer[]) => void;
  /** Releases network, inference and file systems; the thread ends after it. */
  readonly close: () => Promise<void>;
}

/** The tasks of one slot, in the slot's thread: does what the main thread says, reports to it. */
export class SlotTasks {
  readonly #options: SlotTasksOptions;
  readonly #environment: TaskEnvironment;
  readonly #snapshots: SlotSnapshotStores;
  readonly #tasks = new Map<string, StreamTask>();
  #isReporting = false;
  #onAllEnded: (() => void) | null = null;

  constructor(options: SlotTasksOptions) {
    this.#options = options;
    const { fileSystems } = options.environment;
    this.#snapshots = new SlotSnapshotStores({
      fileSystems,
      localFolder: options.localStateFolder,
      send: options.send,
    });
    this.#environment = {
      ...options.environment,
      snapshots: this.#snapshots,
      control: {
        stateChanged: (update) => this.#stateChanged(update),
        requestSplits: (attemptId, count) => {
          options.send({ kind: 'split-request', attemptId, count });
        },
        checkpoint: (report) => options.send({ kind: 'checkpoint', report }),
      },
    };
  }

  handle(command: SlotCommand): void {
    switch (command.kind) {
      case 'deploy':
        this.#deploy(command.deployment);
        return;
      case 'cancel':
        this.#tasks.get(command.attemptId)?.cancel();
        return;
      case 'splits':
        this.#tasks.get(command.attemptId)?.addSplits(command.splits);
        return;
      case 'no-more-splits':
        this.#tasks.get(command.attemptId)?.noMoreSplits();
        return;
      case 'trigger-checkpoint':
        this.#tasks.get(command.attemptId)?.triggerCheckpoint(command.barrier);
        return;
      case 'checkpoint-complete':
        this.#tasks.get(command.attemptId)?.checkpointComplete(command.checkpointId);
        return;
      case 'checkpoint-aborted':
        this.#tasks.get(command.attemptId)?.checkpointAborted(command.checkpointId);
        return;
      case 'piece-stored':
        this.#snapshots.stored(command.requestId, command.result);
        return;
      case 'stop':
        this.#stop();
        return;
      default:
        command satisfies never;
    }
  }

  #deploy(deployment: TaskDeployment): void {
    const task = new StreamTask(deployment, this.#environment);
    this.#tasks.set(deployment.attemptId, task);
    task.start();
    if (!this.#isReporting) this.#reportLater();
  }

  #stateChanged(update: TaskStateUpdate): void {
    const { state, attemptId } = update;
    if (state === 'FINISHED' || state === 'CANCELED' || state === 'FAILED') {
      this.#tasks.delete(attemptId);
    }
    this.#options.send({ kind: 'task-state', update });
    if (this.#tasks.size === 0) this.#onAllEnded?.();
  }

  /** Reports as long as there is something to report on. */
  #reportLater(): void {
    this.#isReporting = true;
    this.#environment.clock.setTimer(this.#options.metricsIntervalMs, () => {
      const subtasks = [...this.#tasks.values()].map((task) => task.metrics());
      // Once more after the last task: what it did at its end counts too.
      this.#options.send({ kind: 'metrics', subtasks, thread: this.#options.thread() });
      this.#isReporting = this.#tasks.size > 0;
      if (this.#isReporting) this.#reportLater();
    });
  }

  #stop(): void {
    const ended = new Promise<void>((resolve) => {
      this.#onAllEnded = resolve;
      if (this.#tasks.size === 0) resolve();
      for (const task of this.#tasks.values()) task.cancel();
    });
    ended
      .then(() => this.#options.close())
      .catch((error: unknown) => {
        this.#environment.logger.warn({ error }, 'the slot did not close cleanly');
      });
  }
}
