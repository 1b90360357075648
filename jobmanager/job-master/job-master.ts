import { invariant } from '../../shared/errors/invariant.ts';
import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import { JOB_TRANSITIONS, type JobState } from '../../shared/job-graph/states.ts';
import type { JobFailure } from '../../shared/rest/rest-types.ts';
import { type Execution, ExecutionGraph, isEnded } from '../execution-graph/execution-graph.ts';
import { taskDeployment } from '../execution-graph/task-deployments.ts';
import type { SchedulePlan } from '../scheduler/scheduler.ts';
import type { JobEffect, JobEvent, JobTimer } from './job-events.ts';
import { betterCause, lossFailure, type RootCause, taskFailure } from './root-cause.ts';

export interface JobMasterOptions {
  readonly jobId: string;
  readonly jobGraph: JobGraph;
  readonly resourceTimeoutMs: number;
  readonly failureGraceMs: number;
  readonly cancellationTimeoutMs: number;
}

/**
 * One job's life, as a pure state machine: `step(event, nowMs) → effects`, no I/O, no clock. The
 * states and their transitions are in `shared/job-graph/states.ts`. What it guarantees:
 *
 * - a job that fails has exactly one cause, and a consequence never hides the cause;
 * - a job that was cancelled or failed ends after `cancellationTimeoutMs` at the latest;
 * - a message of an unknown or ended attempt changes nothing.
 */
export class JobMaster {
  readonly #options: JobMasterOptions;
  #state: JobState = 'CREATED';
  #graph: ExecutionGraph | null = null;
  #waitingReason: string | null = null;
  #cause: RootCause | null = null;
  /** Nothing better than the known cause is waited for. Only in FAILING. */
  #causeSettled = false;
  #effects: JobEffect[] = [];
  #nowMs = 0;

  constructor(options: JobMasterOptions) {
    this.#options = options;
  }

  get state(): JobState {
    return this.#state;
  }

  /** Null until slots were assigned. */
  get graph(): ExecutionGraph | null {
    return this.#graph;
  }

  get waitingReason(): string | null {
    return this.#state === 'WAITING_FOR_RESOURCES' ? this.#waitingReason : null;
  }

  /** Null until the cause is settled: it never changes once it is told. */
  get failure(): JobFailure | null {
    return this.#state === 'FAILED' ? (this.#cause?.failure ?? null) : null;
  }

  get ended(): boolean {
    return JOB_TRANSITIONS[this.#state].length === 0;
  }

  step(event: JobEvent, nowMs: number): JobEffect[] {
    this.#effects = [];
    this.#nowMs = nowMs;
    if (!this.ended) this.#handle(event);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #handle(event: JobEvent): void {
    switch (event.kind) {
      case 'submitted':
        this.#moveTo('WAITING_FOR_RESOURCES');
        this.#setTimer('resources', this.#options.resourceTimeoutMs);
        return;
      case 'waiting':
        this.#waitingReason = event.reason;
        return;
      case 'slots-assigned':
        this.#deploy(event.plan);
        return;
      case 'task-state':
        this.#onTaskState(event);
        return;
      case 'task-manager-lost':
        this.#onTaskManagerLost(event.taskManagerId, event.error);
        return;
      case 'source-failed':
        this.#onSourceFailed(event.operatorId, event.error);
        return;
      case 'cancel':
        this.#onCancel();
        return;
      case 'stop':
        this.#onStop();
        return;
      case 'timer':
        this.#onTimer(event.timer);
        return;
      default:
        event satisfies never;
    }
  }

  // Deployment

  #deploy(plan: SchedulePlan): void {
    // The scheduler may decide in the very turn in which a cancel came: the slots go back unused.
    if (this.#state !== 'WAITING_FOR_RESOURCES') return;
    const { jobId, jobGraph } = this.#options;
    const graph = new ExecutionGraph({ jobId, jobGraph, plan });
    this.#graph = graph;
    this.#effects.push({ kind: 'clear-timer', timer: 'resources' }, { kind: 'start-sources' });
    this.#moveTo('RUNNING');
    for (const execution of graph.executions()) {
      graph.transition(execution, 'SCHEDULED');
      graph.transition(execution, 'DEPLOYING');
      this.#effects.push({
        kind: 'deploy',
        taskManagerId: execution.slot.taskManagerId,
        deployment: taskDeployment(graph, execution),
      });
    }
  }

  // Reports

  #onTaskState(event: Extract<JobEvent, { kind: 'task-state' }>): void {
    const execution = this.#graph?.byAttempt(event.attemptId);
    if (execution === undefined || execution.slot.taskManagerId !== event.taskManagerId) return;
    const asked = execution.state === 'CANCELING';
    if (!this.#transition(execution, event.state)) return;
    if (event.state === 'FAILED') {
      const error = event.error ?? withoutReason(execution);
      this.#fail(taskFailure(execution, error, this.#now()));
    } else if (event.state === 'CANCELED' && !asked) {
      this.#fail(taskFailure(execution, cancelledUnasked(execution), this.#now()));
    }
    this.#endIfPossible();
  }

  #onTaskManagerLost(taskManagerId: string, error: SerializedError): void {
    if (this.#graph === null) return;
    const lost = this.#graph
      .executions()
      .filter((execution) => execution.slot.taskManagerId === taskManagerId);
    const running = lost.filter((execution) => !isEnded(execution.state));
    for (const execution of running) this.#transition(execution, 'FAILED');
    // Also where all its tasks had reported their end: they may have failed because it was leaving.
    const witness = running[0] ?? lost.find((execution) => execution.state !== 'FINISHED');
    if (witness !== undefined) this.#fail(lossFailure(witness, error, this.#now()));
    this.#endIfPossible();
  }

  #onSourceFailed(operatorId: string, error: SerializedError): void {
    const vertex = this.#options.jobGraph.vertices.find((candidate) =>
      candidate.operators.some((operator) => operator.id === operatorId),
    );
    const failure: JobFailure = {
      error,
      at: this.#now(),
      vertexId: vertex?.id ?? operatorId,
      vertexName: vertex?.name ?? operatorId,
      subtask: null,
      taskManagerId: null,
    };
    this.#fail({ failure, consequential: false });
    this.#endIfPossible();
  }

  // People

  #onCancel(): void {
    if (this.#state === 'FAILING' || this.#state === 'CANCELLING') return;
    this.#moveTo('CANCELLING');
    this.#effects.push({ kind: 'clear-timer', timer: 'resources' });
    this.#cancelTasks();
    this.#endIfPossible();
  }

  #onStop(): void {
    if (this.#state === 'CREATED' || this.#state === 'WAITING_FOR_RESOURCES') {
      // Nothing was read: there is nothing to drain.
      this.#onCancel();
    } else if (this.#state === 'RUNNING') {
      this.#moveTo('STOPPING');
      this.#effects.push({ kind: 'stop-sources' });
    }
  }

  // Ends

  #fail(candidate: RootCause): void {
    if (this.#state === 'FAILING') {
      this.#cause = betterCause(this.#cause, candidate);
      if (!this.#cause.consequential) this.#settleCause();
      return;
    }
    // Whatever breaks while the job is being cancelled is what was asked for.
    if (this.#state !== 'RUNNING' && this.#state !== 'STOPPING') return;
    this.#cause = candidate;
    this.#moveTo('FAILING');
    if (candidate.consequential) this.#setTimer('failure-grace', this.#options.failureGraceMs);
    else this.#causeSettled = true;
    this.#cancelTasks();
  }

  #settleCause(): void {
    if (this.#causeSettled) return;
    this.#causeSettled = true;
    this.#effects.push({ kind: 'clear-timer', timer: 'failure-grace' });
  }

  #cancelTasks(): void {
    if (this.#graph === null) return;
    this.#setTimer('cancellation', this.#options.cancellationTimeoutMs);
    for (const execution of this.#graph.executions()) {
      if (!this.#transition(execution, 'CANCELING')) continue;
      this.#effects.push({
        kind: 'cancel-task',
        taskManagerId: execution.slot.taskManagerId,
        attemptId: execution.attemptId,
      });
    }
  }

  #onTimer(timer: JobTimer): void {
    switch (timer) {
      case 'resources':
        if (this.#state !== 'WAITING_FOR_RESOURCES') return;
        this.#cause = { failure: this.#noResources(), consequential: false };
        this.#end('FAILED');
        return;
      case 'failure-grace':
        if (this.#state !== 'FAILING') return;
        this.#causeSettled = true;
        this.#endIfPossible();
        return;
      case 'cancellation':
        this.#onCancellationTimeout();
        return;
      default:
        timer satisfies never;
    }
  }

  #onCancellationTimeout(): void {
    if (this.#state === 'FAILING') {
      this.#end('FAILED');
      return;
    }
    if (this.#state !== 'CANCELLING') return;
    const stuck = this.#graph?.executions().find((execution) => !isEnded(execution.state));
    invariant(stuck !== undefined, 'a job with no task left has ended');
    const error = notCancelled(stuck, this.#options.cancellationTimeoutMs);
    this.#cause = taskFailure(stuck, error, this.#now());
    this.#end('FAILED');
  }

  #endIfPossible(): void {
    if (this.#graph !== null && !this.#graph.allEnded()) return;
    if (this.#state === 'CANCELLING') this.#end('CANCELED');
    else if (this.#state === 'FAILING' && this.#causeSettled) this.#end('FAILED');
    else if (this.#state === 'RUNNING' || this.#state === 'STOPPING') {
      if (this.#graph?.allFinished() === true) this.#end('FINISHED');
    }
  }

  #end(state: JobState): void {
    this.#moveTo(state);
    for (const timer of ['resources', 'failure-grace', 'cancellation'] as const) {
      this.#effects.push({ kind: 'clear-timer', timer });
    }
    this.#effects.push({ kind: 'ended', state, failure: this.failure });
  }

  // Small parts

  #moveTo(state: JobState): void {
    const allowed: readonly JobState[] = JOB_TRANSITIONS[this.#state];
    invariant(allowed.includes(state), 'a legal transition of the job', {
      from: this.#state,
      to: state,
    });
    this.#state = state;
  }

  #transition(execution: Execution, state: Execution['state']): boolean {
    const done = this.#graph?.transition(execution, state) ?? false;
    if (done && isEnded(state)) {
      this.#effects.push({ kind: 'attempt-ended', attemptId: execution.attemptId });
    }
    return done;
  }

  #setTimer(timer: JobTimer, delayMs: number): void {
    this.#effects.push({ kind: 'set-timer', timer, delayMs });
  }

  #now(): string {
    return new Date(this.#nowMs).toISOString();
  }

  #noResources(): JobFailure {
    const seconds = this.#options.resourceTimeoutMs / 1000;
    const reason = this.#waitingReason ?? 'no task manager is registered';
    const error: SerializedError = {
      code: 'RESOURCE_UNAVAILABLE',
      message: `no slots for the job within ${seconds} s: ${reason}`,
      domain: 'user',
      retry: 'none',
      context: {},
      hint: 'add task managers, end other jobs, or ask for a lower parallelism',
      causes: [],
    };
    return { error, at: this.#now(), vertexId: null, subtask: null, taskManagerId: null };
  }
}

function withoutReason(execution: Execution): SerializedError {
  return taskError(
    'TASK_FAILED',
    'the task failed, and its task manager gave no reason',
    execution,
  );
}

function cancelledUnasked(execution: Execution): SerializedError {
  return taskError('CANCELLED', 'the task manager cancelled the task by itself', execution);
}

function notCancelled(execution: Execution, timeoutMs: number): SerializedError {
  const message = `the task did not end within ${timeoutMs / 1000} s of being cancelled`;
  return taskError('TASK_FAILED', message, execution);
}

function taskError(
  code: 'TASK_FAILED' | 'CANCELLED',
  message: string,
  execution: Execution,
): SerializedError {
  const context = { host: execution.slot.hostName };
  return { code, message, domain: 'internal', retry: 'restart-job', context, causes: [] };
}
