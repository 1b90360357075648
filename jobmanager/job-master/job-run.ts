import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import type { JobState } from '../../shared/job-graph/states.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { SubtaskMetrics } from '../../shared/observability/subtask-metrics.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import { JobMetrics } from '../metrics/job-metrics.ts';
import type { ResourceManager } from '../resource-manager/resource-manager.ts';
import type { TaskStateMessage } from '../resource-manager/task-manager-connection.ts';
import { type CreateEnumerator, isSource } from '../sources/create-enumerator.ts';
import { SourceCoordinator } from '../sources/source-coordinator.ts';
import type { JobEffect, JobEvent, JobTimer } from './job-events.ts';
import { JobMaster } from './job-master.ts';

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
  #sources: SourceCoordinator[] = [];
  #stepping = false;

  constructor(options: JobRunOptions) {
    this.#options = options;
    this.jobId = options.jobId;
    this.jobGraph = options.jobGraph;
    this.master = new JobMaster(options);
    this.metrics = new JobMetrics(options.jobGraph);
    this.submittedAtMs = options.clock.nowMs();
  }

  get sources(): readonly SourceCoordinator[] {
    return this.#sources;
  }

  dispatch(event: JobEvent): void {
    this.#events.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const before = this.master.state;
        const effects = this.master.step(next, this.#options.clock.nowMs());
        this.#logTransition(before, this.master.state);
        for (const effect of effects) this.#carryOut(effect);
      }
    } finally {
      this.#stepping = false;
    }
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
    const head = execution.vertex.operators[0]?.id;
    this.#sources
      .find((source) => source.operatorId === head)
      ?.handleSplitRequest(attemptId, count);
  }

  /** Lets go of timers and sources where the job cannot be waited for any longer. */
  abandon(): void {
    for (const cancelTimer of this.#timers.values()) cancelTimer();
    this.#timers.clear();
    for (const source of this.#sources) source.close();
  }

  #carryOut(effect: JobEffect): void {
    const { resourceManager, clock } = this.#options;
    switch (effect.kind) {
      case 'deploy':
        resourceManager.deploy(effect.taskManagerId, effect.deployment);
        return;
      case 'cancel-task': {
        const { taskManagerId, attemptId } = effect;
        resourceManager.send(taskManagerId, { kind: 'cancel-task', attemptId });
        return;
      }
      case 'start-sources':
        this.#startSources();
        return;
      case 'stop-sources':
        for (const source of this.#sources) source.stop();
        return;
      case 'attempt-ended':
        for (const source of this.#sources) source.attemptEnded(effect.attemptId);
        return;
      case 'set-timer': {
        const { timer, delayMs } = effect;
        this.#timers.get(timer)?.();
        this.#timers.set(
          timer,
          clock.setTimer(delayMs, () => this.dispatch({ kind: 'timer', timer })),
        );
        return;
      }
      case 'clear-timer':
        this.#timers.get(effect.timer)?.();
        this.#timers.delete(effect.timer);
        return;
      case 'ended':
        this.#onEnded();
        return;
      default:
        effect satisfies never;
    }
  }

  #startSources(): void {
    const { master } = this;
    for (const vertex of this.jobGraph.vertices) {
      const head = vertex.operators[0];
      if (head === undefined || !isSource(head) || master.graph === null) continue;
      const executions = master.graph.ofVertex(vertex.id);
      const source = new SourceCoordinator({
        operatorId: head.id,
        enumerator: this.#options.createEnumerator(head),
        attemptIds: executions.map((execution) => execution.attemptId),
        sendToAttempt: (attemptId, message) => {
          const execution = master.graph?.byAttempt(attemptId);
          if (execution === undefined) return;
          this.#options.resourceManager.send(execution.slot.taskManagerId, message);
        },
        onFailure: (error) => this.dispatch({ kind: 'source-failed', operatorId: head.id, error }),
      });
      this.#sources.push(source);
    }
    for (const source of this.#sources) source.start();
  }

  #onEnded(): void {
    this.endedAtMs = this.#options.clock.nowMs();
    for (const source of this.#sources) source.close();
    this.#options.resourceManager.releaseJob(this.jobId);
    this.#options.onEnded(this);
  }

  #logTransition(before: JobState, after: JobState): void {
    if (before === after) return;
    const { logger } = this.#options;
    const fields = { jobId: this.jobId, job: this.jobGraph.name };
    const { failure } = this.master;
    if (failure === null) {
      logger.info(fields, `job is ${after}`);
      return;
    }
    const { vertexName, subtask, taskManagerId, error } = failure;
    const where = { vertex: vertexName, subtask, taskManagerId, code: error.code };
    logger.error({ ...fields, ...where }, `job is ${after}: ${error.message}`);
  }
}
