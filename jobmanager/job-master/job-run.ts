import { RESTART_DEFAULT } from '../../shared/checkpoint/checkpoint-settings.ts';
import { InvariantError } from '../../shared/errors/invariant.ts';
import { serializeError } from '../../shared/errors/sluice-error.ts';
import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import type { JobState } from '../../shared/job-graph/states.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { SubtaskMetrics } from '../../shared/observability/subtask-metrics.ts';
import type { JobManagerMessage } from '../../shared/rpc/messages.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import { JobMetrics } from '../metrics/job-metrics.ts';
import type { ResourceManager } from '../resource-manager/resource-manager.ts';
import type {
  TaskCheckpointMessage,
  TaskStateMessage,
} from '../resource-manager/task-manager-connection.ts';
import type { CreateEnumerator } from '../sources/create-enumerator.ts';
import type { SourceCoordinator } from '../sources/source-coordinator.ts';
import { type Adoption, adoptedReaders } from './adoption.ts';
import type { RecoveryBase } from './checkpoint-port.ts';
import type { JobEffect, JobEvent, JobTimer } from './job-events.ts';
import { JobMaster } from './job-master.ts';
import { JobRecovery } from './job-recovery.ts';
import { JobSources } from './job-sources.ts';
import type { SlotRequest } from './restart.ts';

export interface JobRunOptions {
  readonly jobId: string;
  readonly jobGraph: JobGraph;
  readonly resourceTimeoutMs: number;
  readonly failureGraceMs: number;
  readonly cancellationTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly resourceManager: ResourceManager;
  readonly createEnumerator: CreateEnumerator;
  /** Of a job that was submitted to an earlier leader; default: now. */
  readonly submittedAtMs?: number;
  /** What its record must say has changed. */
  readonly onChanged?: (run: JobRun) => void;
  /** Null or absent: no checkpoints, and the first failure ends the job. */
  readonly recovery?: RecoveryBase | null;
  /**
   * `slotRequest` is no longer null, other than by an event that was dispatched from outside; or the job
   * could do with other slots.
   */
  readonly onSlotsWanted: () => void;
  /** Its checkpoint before it moves to other slots is complete: see `RescaleDecider`. */
  readonly confirmRescale: (run: JobRun) => boolean;
  readonly onRescaleFailed: (run: JobRun, error: unknown) => void;
  readonly onEnded: (run: JobRun) => void;
}

/**
 * The shell around one JobMaster: carries out its effects (messages, timers, source coordinators) and
 * feeds it what comes back. Events that arise while effects are carried out wait in a queue, so the
 * state machine is never entered twice. Single-threaded.
 */
export class JobRun {
  readonly jobId: string;
  readonly jobGraph: JobGraph;
  readonly master: JobMaster;
  readonly metrics: JobMetrics;
  readonly submittedAtMs: number;
  endedAtMs: number | null = null;
  readonly #options: JobRunOptions;
  readonly #timers = new Map<JobTimer, CancelTimer>();
  readonly #events: JobEvent[] = [];
  readonly #sources: JobSources;
  readonly #recovery: JobRecovery | null;
  #stepping = false;

  constructor(options: JobRunOptions) {
    this.#options = options;
    this.jobId = options.jobId;
    this.jobGraph = options.jobGraph;
    const { jobGraph, recovery } = options;
    const settings = recovery == null ? null : (jobGraph.checkpoints ?? null);
    const restart = settings === null ? null : (jobGraph.restart ?? RESTART_DEFAULT);
    this.master = new JobMaster({ ...options, restart });
    this.metrics = new JobMetrics(jobGraph);
    this.submittedAtMs = options.submittedAtMs ?? options.clock.nowMs();
    this.#sources = this.#newSources(restart !== null);
    this.#recovery =
      recovery == null || settings === null
        ? null
        : new JobRecovery({
            ...options,
            settings,
            base: recovery,
            master: this.master,
            sources: this.#sources,
            sendToAttempt: (attemptId, message) => this.#sendToAttempt(attemptId, message),
            dispatch: (event) => this.dispatch(event),
            rescales: {
              confirm: () => options.confirmRescale(this),
              failed: (error) => options.onRescaleFailed(this, error),
            },
          });
  }

  get sources(): readonly SourceCoordinator[] {
    return this.#sources.all;
  }

  /** Null where the job takes no checkpoints. */
  get recovery(): JobRecovery | null {
    return this.#recovery;
  }

  /** What slots the job waits for; null: for none, or for something else first. */
  get slotRequest(): SlotRequest | null {
    // While effects are carried out: the next ones may let go of slots that would be counted on.
    if (this.#stepping) return null;
    const request = this.master.slotRequest;
    return request?.kind === 'first' || this.#recovery?.settled !== false ? request : null;
  }

  /** It can be moved to other slots now, and would lose nothing. */
  get rescalable(): boolean {
    return this.master.rescalable && this.#recovery?.steady === true;
  }

  dispatch(event: JobEvent): void {
    this.#events.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    let changed = false;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const before = this.master.state;
        const effects = this.master.step(next, this.#options.clock.nowMs());
        this.#logTransition(before, this.master.state);
        changed ||= before !== this.master.state || effects.some(isRecorded);
        for (const effect of effects) this.#carryOut(effect);
      }
    } finally {
      this.#stepping = false;
    }
    if (changed) this.#options.onChanged?.(this);
  }

  onTaskState(taskManagerId: string, message: TaskStateMessage): void {
    const execution = this.master.graph?.byAttempt(message.attemptId);
    if (execution === undefined || execution.slot.taskManagerId !== taskManagerId) return;
    const { attemptId, state, error } = message;
    const nowMs = this.#options.clock.monotonicMs();
    if (state === 'RUNNING') {
      this.metrics.attemptRunning(attemptId, nowMs);
    } else if (state !== 'INITIALIZING') {
      this.metrics.attemptEnded(attemptId, message.metrics, nowMs);
    }
    this.dispatch({ kind: 'task-state', attemptId, taskManagerId, state, error });
  }

  onSubtaskMetrics(taskManagerId: string, metrics: SubtaskMetrics): void {
    const execution = this.master.graph?.byAttempt(metrics.attemptId);
    if (execution === undefined || execution.slot.taskManagerId !== taskManagerId) return;
    this.metrics.report(metrics, this.#options.clock.monotonicMs());
  }

  onSplitRequest(taskManagerId: string, attemptId: string, count: number): void {
    const execution = this.master.graph?.byAttempt(attemptId);
    if (execution === undefined || execution.slot.taskManagerId !== taskManagerId) return;
    const [head] = execution.vertex.operators;
    if (head !== undefined) this.#sources.handleSplitRequest(head.id, attemptId, count);
  }

  onCheckpointMessage(taskManagerId: string, message: TaskCheckpointMessage): void {
    const execution = this.master.graph?.byAttempt(message.attemptId);
    if (execution === undefined || execution.slot.taskManagerId !== taskManagerId) return;
    this.#recovery?.checkpoints.handle(message);
  }

  /** Lets go of timers and sources where the job cannot be waited for any longer. */
  abandon(): void {
    for (const cancelTimer of this.#timers.values()) cancelTimer();
    this.#timers.clear();
    this.#sources.close();
    this.#recovery?.close();
  }

  #carryOut(effect: JobEffect): void {
    const { resourceManager } = this.#options;
    switch (effect.kind) {
      case 'deploy':
        this.#deploy(effect);
        return;
      case 'cancel-task': {
        const { taskManagerId, attemptId } = effect;
        resourceManager.send(taskManagerId, { kind: 'cancel-task', attemptId });
        return;
      }
      case 'start-sources':
        if (this.#recovery === null) this.#sources.start();
        else this.#recovery.startSources();
        return;
      case 'adopt-sources':
        this.#adoptSources(effect.adoption);
        return;
      case 'stop-sources':
        this.#sources.stop();
        return;
      case 'attempt-ended':
        this.#sources.attemptEnded(effect.attemptId);
        return;
      case 'set-timer':
        this.#setTimer(effect.timer, effect.delayMs);
        return;
      case 'clear-timer':
        this.#timers.get(effect.timer)?.();
        this.#timers.delete(effect.timer);
        return;
      case 'ended':
        this.#onEnded();
        return;
      case 'attempts-changed': {
        const executions = this.master.graph?.executions() ?? [];
        this.metrics.keepOnly(new Set(executions.map(({ attemptId }) => attemptId)));
        this.#recovery?.carryOut(effect);
        return;
      }
      default:
        this.#recovery?.carryOut(effect);
    }
  }

  #setTimer(timer: JobTimer, delayMs: number): void {
    this.#timers.get(timer)?.();
    const onTime = () => {
      // While a checkpoint's outcome is not known, slots are not what the job waits for.
      const waitsForStorage = timer === 'resources' && this.#recovery?.settled === false;
      if (waitsForStorage) this.#setTimer(timer, delayMs);
      else this.dispatch({ kind: 'timer', timer });
    };
    this.#timers.set(timer, this.#options.clock.setTimer(delayMs, onTime));
  }

  #deploy({ taskManagerId, deployment }: Extract<JobEffect, { kind: 'deploy' }>): void {
    try {
      const equipped = this.#recovery?.equip(deployment) ?? deployment;
      this.#options.resourceManager.deploy(taskManagerId, equipped);
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      // What it is to start from cannot be restored: it fails before it began.
      const { attemptId } = deployment;
      const failure = serializeError(error);
      this.dispatch({
        kind: 'task-state',
        attemptId,
        taskManagerId,
        state: 'FAILED',
        error: failure,
      });
    }
  }

  #adoptSources(adoption: Adoption): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const { attemptId } of adoption.reports.values()) {
      this.metrics.attemptRunning(attemptId, nowMs);
    }
    if (this.#recovery !== null) this.#recovery.adoptSources(adoption);
    else void this.#sources.startFrom(async () => null, adoptedReaders(adoption.reports, 0));
  }

  #newSources(restartable: boolean): JobSources {
    const { jobGraph, createEnumerator } = this.#options;
    return new JobSources({
      jobGraph,
      createEnumerator,
      attemptIds: (vertexId) =>
        this.master.graph?.ofVertex(vertexId).map(({ attemptId }) => attemptId) ?? [],
      sendToAttempt: (attemptId, message) => this.#sendToAttempt(attemptId, message),
      onFailure: (operatorId, error) => this.dispatch({ kind: 'source-failed', operatorId, error }),
      onTracking: restartable
        ? (complete) => this.dispatch({ kind: 'splits-tracked', complete })
        : null,
    });
  }

  /** To an attempt that is unknown by now: nothing happens. */
  #sendToAttempt(attemptId: string, message: JobManagerMessage): void {
    const execution = this.master.graph?.byAttempt(attemptId);
    if (execution === undefined) return;
    this.#options.resourceManager.send(execution.slot.taskManagerId, message);
  }

  #onEnded(): void {
    this.endedAtMs = this.#options.clock.nowMs();
    this.#sources.close();
    this.#recovery?.close();
    this.#options.resourceManager.releaseJob(this.jobId);
    this.#options.onEnded(this);
  }

  #logTransition(before: JobState, after: JobState): void {
    if (before === after) return;
    const { logger } = this.#options;
    const fields = { jobId: this.jobId, job: this.jobGraph.name };
    const { restartCause } = this.master;
    const failure = after === 'RESTARTING' ? restartCause : this.master.failure;
    if (failure === null) {
      const why = after === 'RESTARTING' ? this.master.rescaling.last?.reason : undefined;
      logger.info(fields, `job is ${after}${why === undefined ? '' : ` on other slots: ${why}`}`);
      return;
    }
    const { vertexName, subtask, taskManagerId, error } = failure;
    const where = { vertex: vertexName, subtask, taskManagerId, code: error.code };
    const message = `job is ${after}: ${error.message}`;
    if (after === 'RESTARTING') logger.warn({ ...fields, ...where }, message);
    else logger.error({ ...fields, ...where }, message);
  }
}

/** Whether it changes what the job's record says. */
function isRecorded({ kind }: JobEffect): boolean {
  return kind === 'deploy' || kind === 'stop-sources';
}
