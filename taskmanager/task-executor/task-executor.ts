import { objectUris, snapshotHandles } from '../../shared/checkpoint/snapshot-handles.ts';
import { SluiceError, serializeError } from '../../shared/errors/sluice-error.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import type { TaskDeployment } from '../../shared/job-graph/task-deployment.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { SubtaskMetrics } from '../../shared/observability/subtask-metrics.ts';
import type { ThreadMetrics } from '../../shared/observability/thread-metrics.ts';
import type {
  JobManagerMessage,
  ReportedAttempt,
  TaskManagerMessage,
} from '../../shared/rpc/messages.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { Slot } from '../slots/slot.ts';
import type { SlotCommand, SlotReport } from '../slots/slot-messages.ts';
import type { SlotThread, SlotThreadEvents } from '../slots/slot-thread.ts';
import type { LocalStateKeeper } from '../snapshots/local-state-keeper.ts';
import { SnapshotUploader } from '../snapshots/snapshot-uploader.ts';
import type { TaskCheckpointReport, TaskStateUpdate } from '../task/task-environment.ts';
import { AttemptLog } from './attempt-log.ts';

/** What the job manager says about tasks. */
export type TaskCommand = Extract<
  JobManagerMessage,
  {
    kind:
      | 'deploy-task'
      | 'cancel-task'
      | 'assign-splits'
      | 'no-more-splits'
      | 'trigger-checkpoint'
      | 'checkpoint-complete'
      | 'checkpoint-aborted';
  }
>;

export interface TaskExecutorOptions {
  readonly taskManagerId: string;
  /** For the state of snapshots. */
  readonly fileSystems: FileSystemRegistry;
  readonly localState: LocalStateKeeper;
  readonly slots: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly startThread: (slotIndex: number, events: SlotThreadEvents) => SlotThread;
  /** To the job manager. */
  readonly send: (message: TaskManagerMessage) => void;
  readonly observer: TaskObserver;
  readonly cancellationTimeoutMs: number;
}

/** Hears of tasks, for the metrics endpoint. */
export interface TaskObserver {
  taskDeployed(deployment: TaskDeployment): void;
  metricsReported(metrics: SubtaskMetrics): void;
  threadReported(metrics: ThreadMetrics): void;
  taskEnded(attemptId: string, metrics: SubtaskMetrics | null): void;
}

/**
 * The tasks of this task manager (Flink's TaskExecutor), in its main thread: hands commands to the
 * slots and their reports to the job manager, by attempt id.
 */
export class TaskExecutor {
  readonly #options: TaskExecutorOptions;
  readonly #slots: readonly Slot[];
  readonly #slotOf = new Map<string, Slot>();
  readonly #jobOf = new Map<string, string>();
  readonly #uploader: SnapshotUploader;
  readonly #metrics = new Map<string, SubtaskMetrics>();
  readonly #log = new AttemptLog();

  constructor(options: TaskExecutorOptions) {
    this.#options = options;
    this.#uploader = new SnapshotUploader({
      ...options,
      attemptsOf: (jobId) => this.#attemptsOf(jobId),
    });
    this.#slots = Array.from(
      { length: options.slots },
      (_, index) =>
        new Slot({
          index,
          clock: options.clock,
          startThread: (events) => options.startThread(index, events),
          onReport: (report, reply) => this.#handleReport(report, reply),
          cancellationTimeoutMs: options.cancellationTimeoutMs,
        }),
    );
  }

  /** Starts the slots' threads, so that the first task does not wait for them. */
  warmUp(): void {
    for (const slot of this.#slots) slot.warmUp();
  }

  get runningAttemptIds(): readonly string[] {
    return [...this.#slotOf.keys()];
  }

  /** All that a job manager must know to go on with the attempts. */
  get attempts(): readonly ReportedAttempt[] {
    return this.#log.report();
  }

  /** The latest report of every task that runs. */
  subtaskMetrics(): readonly SubtaskMetrics[] {
    return [...this.#metrics.values()];
  }

  handle(command: TaskCommand): void {
    this.#log.commanded(command);
    switch (command.kind) {
      case 'deploy-task':
        this.#deploy(command.deployment);
        return;
      case 'cancel-task':
        this.#cancel(command.attemptId);
        return;
      case 'assign-splits':
        this.#slotOf.get(command.attemptId)?.addSplits(command.attemptId, command.splits);
        return;
      case 'no-more-splits':
        this.#slotOf.get(command.attemptId)?.noMoreSplits(command.attemptId);
        return;
      case 'trigger-checkpoint':
        this.#slotOf.get(command.attemptId)?.checkpoint(command);
        return;
      case 'checkpoint-complete':
      case 'checkpoint-aborted': {
        const jobId = this.#jobOf.get(command.attemptId);
        if (jobId !== undefined) this.#checkpointEnded(jobId, command);
        this.#slotOf.get(command.attemptId)?.checkpoint(command);
        return;
      }
      default:
        command satisfies never;
    }
  }

  #checkpointEnded(
    jobId: string,
    { kind, checkpointId }: Extract<TaskCommand, { readonly checkpointId: number }>,
  ): void {
    const { localState } = this.#options;
    this.#uploader.ended(jobId, checkpointId);
    if (kind === 'checkpoint-complete') localState.completed(jobId, checkpointId);
    else localState.aborted(jobId, checkpointId);
  }

  cancelAll(): void {
    for (const [attemptId, slot] of this.#slotOf) slot.cancel(attemptId);
  }

  /** Cancels every task and ends the slots' threads. */
  async stop(timeoutMs: number): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.stop(timeoutMs)));
  }

  #deploy(deployment: TaskDeployment): void {
    const { attemptId, slotIndex } = deployment;
    const slot = this.#slots[slotIndex];
    if (slot === undefined) {
      const error = new SluiceError('TASK_FAILED', `there is no slot ${slotIndex} here`, {
        domain: 'internal',
        context: { slot: slotIndex, slots: this.#slots.length },
      });
      this.#sendState({ attemptId, state: 'FAILED', error: serializeError(error), metrics: null });
      return;
    }
    // A message that comes twice starts nothing twice.
    if (this.#slotOf.has(attemptId)) return;
    this.#options.logger.info({ attemptId, slot: slotIndex }, 'task deployed');
    this.#options.observer.taskDeployed(deployment);
    this.#log.deployed(deployment);
    this.#slotOf.set(attemptId, slot);
    this.#jobOf.set(attemptId, deployment.jobId);
    this.#options.localState.active(deployment.jobId);
    slot.deploy(deployment);
  }

  #cancel(attemptId: string): void {
    const slot = this.#slotOf.get(attemptId);
    if (slot !== undefined) {
      slot.cancel(attemptId);
      return;
    }
    // Ended already, or never begun: the job manager must not wait for it.
    this.#sendState({ attemptId, state: 'CANCELED', error: null, metrics: null });
  }

  #attemptsOf(jobId: string): string[] {
    return [...this.#jobOf].flatMap(([attemptId, job]) => (job === jobId ? [attemptId] : []));
  }

  #handleReport(report: SlotReport, reply: (command: SlotCommand) => void): void {
    switch (report.kind) {
      case 'task-state':
        this.#handleState(report.update);
        return;
      case 'split-request': {
        const { attemptId, count } = report;
        this.#log.splitsRequested(attemptId, count);
        this.#options.send({ kind: 'split-request', attemptId, count });
        return;
      }
      case 'checkpoint':
        this.#handleCheckpoint(report.report);
        return;
      case 'store-piece': {
        const { requestId, piece } = report;
        this.#uploader.store(piece, (result) => reply({ kind: 'piece-stored', requestId, result }));
        return;
      }
      case 'pieces-handed-over':
        this.#uploader.handedOver(report.target);
        return;
      case 'metrics':
        for (const metrics of report.subtasks) this.#handleMetrics(metrics);
        this.#options.observer.threadReported(report.thread);
        return;
      case 'log':
        this.#options.logger[report.level](report.fields, report.message);
        return;
      default:
        report satisfies never;
    }
  }

  #handleCheckpoint(report: TaskCheckpointReport): void {
    const { attemptId, kind } = report;
    // The job manager has heard of its end already.
    if (!this.#slotOf.has(attemptId)) return;
    if (kind === 'source-drained') this.#log.drained(attemptId);
    if (kind === 'acknowledge-checkpoint') this.#acknowledged(report);
    if (kind === 'decline-checkpoint') {
      const { checkpointId, error } = report;
      this.#options.logger.warn({ attemptId, checkpointId, error }, 'checkpoint declined');
    }
    this.#options.send(report);
  }

  #acknowledged({
    attemptId,
    checkpointId,
    snapshot,
  }: Extract<TaskCheckpointReport, { kind: 'acknowledge-checkpoint' }>): void {
    const jobId = this.#jobOf.get(attemptId);
    if (jobId === undefined) return;
    const uris = objectUris(snapshotHandles(snapshot));
    this.#options.localState.acknowledged(jobId, checkpointId, uris);
  }

  #handleMetrics(metrics: SubtaskMetrics): void {
    if (!this.#slotOf.has(metrics.attemptId)) return;
    this.#metrics.set(metrics.attemptId, metrics);
    this.#options.observer.metricsReported(metrics);
  }

  #handleState(update: TaskStateUpdate): void {
    const { attemptId, state, error } = update;
    this.#log.state(attemptId, state, error);
    if (state === 'FINISHED' || state === 'CANCELED' || state === 'FAILED') {
      const metrics = update.metrics ?? this.#metrics.get(attemptId) ?? null;
      this.#slotOf.delete(attemptId);
      const jobId = this.#jobOf.get(attemptId);
      this.#jobOf.delete(attemptId);
      if (jobId !== undefined) this.#attemptEnded(jobId);
      this.#metrics.delete(attemptId);
      this.#options.observer.taskEnded(attemptId, metrics);
    }
    if (error === null) this.#options.logger.info({ attemptId, state }, 'task state');
    else this.#options.logger.error({ attemptId, error }, 'task failed');
    this.#sendState(update);
  }

  #attemptEnded(jobId: string): void {
    this.#uploader.attemptEnded(jobId);
    if (this.#attemptsOf(jobId).length === 0) this.#options.localState.idle(jobId);
  }

  #sendState(update: TaskStateUpdate): void {
    this.#options.send({ kind: 'task-state', ...update });
  }
}
