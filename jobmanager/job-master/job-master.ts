import { invariant } from '../../shared/errors/invariant.ts';
import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import { JOB_TRANSITIONS, type JobState } from '../../shared/job-graph/states.ts';
import type { JobException, JobFailure } from '../../shared/rest/rest-types.ts';
import type { Execution, ExecutionGraph } from '../execution-graph/execution-graph.ts';
import type { SchedulePlan } from '../scheduler/scheduler.ts';
import { ExceptionHistory } from './exception-history.ts';
import type { JobEffect, JobEvent, JobTimer } from './job-events.ts';
import { noResources, notCancelled } from './job-failures.ts';
import type { JobMasterOptions } from './job-master-options.ts';
import { JobTasks } from './job-tasks.ts';
import { Rescaling } from './rescaling.ts';
import { type Failed, isRecoverable, Restart, type SlotRequest } from './restart.ts';
import { RestartBackoff } from './restart-backoff.ts';
import {
  FinalCause,
  lossFailure,
  notRestarted,
  type RootCause,
  sourceFailure,
  taskFailure,
  wholeFailure,
} from './root-cause.ts';

/** How long a restart waits for slots in place of lost ones before the whole job adapts instead. */
const REPLACEMENT_WAIT_MS = 2_000;

/**
 * One job's life, as a pure state machine: `step(event, nowMs) → effects`, no I/O, no clock. The
 * states and their transitions are in `shared/job-graph/states.ts`. What it guarantees:
 *
 * - a job that fails has exactly one cause, and a consequence never hides the cause;
 * - a job that was cancelled or failed ends after `cancellationTimeoutMs` at the latest;
 * - a message of an unknown or ended attempt changes nothing;
 * - an attempt takes the place of another one only when that one has ended, or was given up.
 */
export class JobMaster {
  readonly #options: JobMasterOptions;
  readonly #backoff: RestartBackoff | null;
  readonly #tasks: JobTasks;
  readonly #history = new ExceptionHistory();
  readonly #rescaling = new Rescaling();
  readonly #cause = new FinalCause();
  #state: JobState = 'CREATED';
  #waitingReason: string | null = null;
  /** Only in RESTARTING. */
  #restart: Restart | null = null;
  #stopping = false;
  /** The last checkpoint is complete, so that tasks end one by one. */
  #ending = false;
  /** Single readers can be started again. */
  #splitsTracked = true;
  /** Subtasks that the job had at first, or was rescaled to; with fewer, it grows again when it restarts. */
  #subtasksWanted = 0;
  #nowMs = 0;

  constructor(options: JobMasterOptions) {
    this.#options = options;
    this.#tasks = new JobTasks(options);
    this.#backoff = options.restart == null ? null : new RestartBackoff(options.restart);
  }

  get state(): JobState {
    return this.#state;
  }

  /** Null until slots were assigned. */
  get graph(): ExecutionGraph | null {
    return this.#tasks.graph;
  }

  get waitingReason(): string | null {
    return this.slotRequest === null ? null : this.#waitingReason;
  }

  /** What slots the job waits for; null: for none. */
  get slotRequest(): SlotRequest | null {
    if (this.#state === 'WAITING_FOR_RESOURCES') return { kind: 'first' };
    return this.#restart?.slotRequest ?? null;
  }

  /** Null until the cause is settled: it never changes once it is told. */
  get failure(): JobFailure | null {
    return this.#state === 'FAILED' ? this.#cause.failure : null;
  }

  /** Failures, newest first. */
  get exceptions(): readonly JobException[] {
    return this.#history.entries;
  }

  /** What a restart that is under way is for; null: it moves to other slots. */
  get restartCause(): JobFailure | null {
    return this.#restart?.cause?.failure ?? null;
  }

  get restarts(): number {
    return this.#history.restarts;
  }

  get rescaling(): Pick<Rescaling, 'isUnderWay' | 'count' | 'last'> {
    return this.#rescaling;
  }

  /** It can be moved to other slots now: all of it runs, and it is not near its end. */
  get rescalable(): boolean {
    const runs = this.#state === 'RUNNING' && this.graph?.allRunning() === true;
    return runs && this.#backoff !== null && !this.#ending;
  }

  /** `stop` was asked for. */
  get stopping(): boolean {
    return this.#stopping;
  }

  get ended(): boolean {
    return JOB_TRANSITIONS[this.#state].length === 0;
  }

  get #isUp(): boolean {
    return this.#state === 'RUNNING' || this.#state === 'STOPPING';
  }

  step(event: JobEvent, nowMs: number): JobEffect[] {
    this.#nowMs = nowMs;
    if (!this.ended) this.#handle(event);
    return this.#tasks.takeEffects();
  }

  #handle(event: JobEvent): void {
    switch (event.kind) {
      case 'submitted':
        this.#moveTo('WAITING_FOR_RESOURCES');
        this.#tasks.setTimer('resources', this.#options.resourceTimeoutMs);
        return;
      case 'waiting':
        this.#onWaiting(event);
        return;
      case 'slots-assigned':
        this.#onSlots(event.plan);
        return;
      case 'adopted':
        this.#onAdopted(event);
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
      case 'splits-tracked':
        this.#splitsTracked = event.complete;
        if (!event.complete) this.#include('everything');
        return;
      case 'checkpoint-completed':
        this.#backoff?.onProgress();
        return;
      case 'ending':
        this.#ending = true;
        this.#include('everything');
        return;
      case 'checkpoints-failed':
        this.#onFailure(wholeFailure(event.error, this.#now()), 'everything');
        return;
      case 'rescale-wanted':
        if (!this.rescalable || this.#rescaling.isUnderWay) return;
        this.#rescaling.begin(event.reason);
        this.#tasks.push({ kind: 'take-checkpoint' });
        return;
      case 'rescale':
        this.#rescale();
        return;
      case 'rescale-dropped':
        this.#rescaling.drop();
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

  #onWaiting({ reason, otherwise }: Extract<JobEvent, { kind: 'waiting' }>): void {
    this.#waitingReason = reason;
    const restart = this.#restart;
    if (otherwise !== true || restart?.beginReplacementWait() !== true) return;
    this.#tasks.setTimer('replacement', REPLACEMENT_WAIT_MS);
  }

  #onSlots(plan: SchedulePlan): void {
    // The scheduler may decide in the very turn in which a cancel came: the slots go back unused.
    if (this.#restart !== null) {
      if (this.#restart.slotRequest !== null) this.#redeploy(this.#restart, plan);
      return;
    }
    if (this.#state !== 'WAITING_FOR_RESOURCES') return;
    const executions = this.#tasks.create(plan);
    this.#subtasksWanted = executions.length;
    this.#tasks.clearTimers('resources');
    this.#tasks.push({ kind: 'start-sources' });
    this.#moveTo('RUNNING');
    this.#deploy(executions);
  }

  #deploy(executions: readonly Execution[]): void {
    if (this.#backoff !== null) this.#tasks.push({ kind: 'attempts-changed' });
    this.#tasks.deploy(executions);
  }

  #onAdopted({ adoption, ending }: Extract<JobEvent, { kind: 'adopted' }>): void {
    this.#moveTo('WAITING_FOR_RESOURCES');
    this.#moveTo('RUNNING');
    this.#ending = ending;
    const { executions, lost } = this.#tasks.adopt(adoption);
    this.#subtasksWanted = executions.length;
    if (adoption.stopping) this.#onStop();
    if (this.#backoff !== null) this.#tasks.push({ kind: 'attempts-changed' });
    for (const { execution, error } of lost) {
      this.#onFailure(taskFailure(execution, error, this.#now()), [execution]);
    }
    this.#onRunning();
    this.#endIfPossible();
  }

  // Reports

  #onTaskState(event: Extract<JobEvent, { kind: 'task-state' }>): void {
    const reported = this.#tasks.report(event);
    if (reported === null) return;
    const { execution, error } = reported;
    if (error !== null) this.#onFailure(taskFailure(execution, error, this.#now()), [execution]);
    else if (event.state === 'RUNNING') this.#onRunning();
    this.#endIfPossible();
  }

  #onRunning(): void {
    if (this.#backoff === null || !this.#isUp || this.graph?.allRunning() !== true) return;
    this.#tasks.push({ kind: 'all-running' });
  }

  #onTaskManagerLost(taskManagerId: string, error: SerializedError): void {
    const { running, witness } = this.#tasks.lose(taskManagerId);
    if (witness !== undefined) this.#onFailure(lossFailure(witness, error, this.#now()), running);
    this.#endIfPossible();
  }

  #onSourceFailed(operatorId: string, error: SerializedError): void {
    const failure = sourceFailure(this.#options.jobGraph, operatorId, error, this.#now());
    // Its enumerator is gone: the source starts again as a whole.
    this.#splitsTracked = false;
    this.#onFailure(failure, 'everything');
    this.#endIfPossible();
  }

  // People

  #onCancel(): void {
    if (this.#state === 'FAILING' || this.#state === 'CANCELLING') return;
    this.#interrupt();
    this.#moveTo('CANCELLING');
    this.#tasks.clearTimers('resources');
    this.#tasks.cancelAll(this.#options.cancellationTimeoutMs);
    this.#endIfPossible();
  }

  #onStop(): void {
    if (this.#state === 'CREATED' || this.#state === 'WAITING_FOR_RESOURCES') {
      // Nothing was read: there is nothing to drain.
      this.#onCancel();
    } else if (this.#state === 'RUNNING' || (this.#state === 'RESTARTING' && !this.#stopping)) {
      if (this.#state === 'RUNNING') this.#moveTo('STOPPING');
      this.#stopping = true;
      this.#tasks.push({ kind: 'stop-sources' });
    }
  }

  // Restarts

  /** `failed`: what has to start again, with all that exchanges records with it. */
  #onFailure(candidate: RootCause, failed: Failed): void {
    if (this.#backoff === null || !isRecoverable(candidate.failure.error)) {
      this.#fail(candidate);
    } else if (this.#restart !== null) {
      // Failures while a restart is under way are part of it: most are its consequences.
      const cause = this.#restart.blame(candidate);
      if (cause !== null) this.#history.correct(cause.failure);
      this.#include(failed);
    } else if (this.#isUp) {
      const decision = this.#backoff.onFailure(this.#nowMs);
      if (decision.kind === 'restart') this.#beginRestart(candidate, failed, decision.delayMs);
      else this.#fail(notRestarted(candidate, decision.reason));
    } else {
      this.#fail(candidate);
    }
  }

  /** As a restart, but nothing failed: it is not counted as one, and waits for nothing but its tasks. */
  #rescale(): void {
    if (!this.rescalable || !this.#rescaling.isUnderWay) return;
    this.#rescaling.carryOut(this.#now());
    this.#enterRestart(Restart.rescale());
    this.#include('everything');
  }

  #enterRestart(restart: Restart): void {
    this.#interrupt();
    this.#moveTo('RESTARTING');
    this.#restart = restart;
  }

  #beginRestart(cause: RootCause, failed: Failed, delayMs: number): void {
    this.#enterRestart(new Restart(cause));
    this.#history.add(cause.failure, 'restarted');
    this.#tasks.setTimer('restart-delay', delayMs);
    this.#include(failed);
  }

  /** Takes the regions of what failed into the restart, and cancels what still runs of them. */
  #include(failed: Failed): void {
    const [restart, graph] = [this.#restart, this.graph];
    if (restart === null || graph === null) return;
    if (graph.executions().length < this.#subtasksWanted) restart.anew = true;
    // Without tracked splits readers cannot be restored one by one. And a job that was ending ends as a
    // whole: all that is left to do is in its last checkpoint.
    const isEnding = this.#ending || graph.anyFinished();
    const everything = restart.anew || !this.#splitsTracked || isEnding;
    const executions = this.#tasks.regionsOf(everything ? 'everything' : failed);
    if (restart.include(executions)) this.#tasks.clearTimers('resources');
    if (this.#tasks.cancel(executions)) {
      this.#tasks.setTimer('cancellation', this.#options.cancellationTimeoutMs);
    }
    this.#continueRestart();
  }

  /** Asks for slots as soon as all that restarts has ended and the delay is over. */
  #continueRestart(): void {
    const restart = this.#restart;
    if (restart === null || restart.slotRequest !== null || !restart.delayIsOver) return;
    if (this.#tasks.running(restart).length > 0) return;
    restart.waitForSlots();
    this.#waitingReason = null;
    this.#tasks.clearTimers('cancellation');
    this.#tasks.setTimer('resources', this.#options.resourceTimeoutMs);
    this.#tasks.push({ kind: 'request-slots' });
  }

  #redeploy(restart: Restart, plan: SchedulePlan): void {
    const executions = restart.anew
      ? this.#tasks.create(plan)
      : this.#tasks.replace(this.#tasks.in(restart), plan);
    if (restart.cause === null) this.#subtasksWanted = executions.length;
    this.#endRestart();
    this.#ending = false;
    this.#tasks.clearTimers('resources');
    this.#moveTo(this.#stopping ? 'STOPPING' : 'RUNNING');
    this.#deploy(executions);
    if (restart.anew || !this.#splitsTracked) {
      this.#splitsTracked = true;
      this.#tasks.push({ kind: 'restart-sources' });
      if (this.#stopping) this.#tasks.push({ kind: 'stop-sources' });
    } else {
      this.#tasks.resetReaders(executions);
    }
  }

  /** No slots came in place of the lost ones: the whole job starts on those there are. */
  #startAnew(restart: Restart): void {
    restart.waitsForReplacement = false;
    if (restart.slotRequest === null) return;
    restart.anew = true;
    restart.stopWaitingForSlots();
    this.#include('everything');
  }

  #endRestart(): void {
    if (this.#restart === null) return;
    this.#restart = null;
    this.#tasks.clearTimers('restart-delay', 'replacement');
  }

  // Ends

  #fail(candidate: RootCause): void {
    if (this.#state === 'FAILING') {
      if (this.#cause.improve(candidate)) this.#tasks.clearTimers('failure-grace');
      return;
    }
    // Whatever breaks while the job is being cancelled is what was asked for.
    const { state } = this;
    if (state !== 'RUNNING' && state !== 'STOPPING' && state !== 'RESTARTING') return;
    this.#cause.set(candidate);
    this.#interrupt();
    this.#moveTo('FAILING');
    if (!this.#cause.settled) {
      this.#tasks.setTimer('failure-grace', this.#options.failureGraceMs);
    }
    this.#tasks.cancelAll(this.#options.cancellationTimeoutMs);
  }

  #onTimer(timer: JobTimer): void {
    switch (timer) {
      case 'resources':
        this.#onNoResources();
        return;
      case 'failure-grace':
        if (this.#state !== 'FAILING') return;
        this.#cause.settle();
        this.#endIfPossible();
        return;
      case 'cancellation':
        this.#onCancellationTimeout();
        return;
      case 'restart-delay':
        if (this.#restart === null) return;
        this.#restart.delayIsOver = true;
        this.#continueRestart();
        return;
      case 'replacement':
        if (this.#restart !== null) this.#startAnew(this.#restart);
        return;
      default:
        timer satisfies never;
    }
  }

  #onNoResources(): void {
    const isFirst = this.#state === 'WAITING_FOR_RESOURCES';
    if (!isFirst && this.#restart?.slotRequest == null) return;
    const error = noResources({
      timeoutMs: this.#options.resourceTimeoutMs,
      reason: this.#waitingReason,
      after: this.#restart?.cause?.failure.error ?? null,
    });
    const cause = wholeFailure(error, this.#now());
    if (isFirst) this.#end('FAILED', cause);
    else this.#fail(cause);
    this.#endIfPossible();
  }

  /** A restart gives up tasks that do not end when they are cancelled, and their slots with them. */
  #onCancellationTimeout(): void {
    if (this.#restart !== null) this.#tasks.giveUp(this.#restart);
    this.#continueRestart();
    if (this.#state === 'FAILING') this.#end('FAILED');
    if (this.#state !== 'CANCELLING') return;
    const [stuck] = this.#tasks.running();
    invariant(stuck !== undefined, 'a job with no task left has ended');
    const error = notCancelled(stuck, this.#options.cancellationTimeoutMs);
    this.#end('FAILED', taskFailure(stuck, error, this.#now()));
  }

  #endIfPossible(): void {
    if (this.#state === 'RESTARTING') this.#continueRestart();
    if (this.#tasks.running().length > 0) return;
    if (this.#state === 'CANCELLING') this.#end('CANCELED');
    else if (this.#state === 'FAILING' && this.#cause.settled) this.#end('FAILED');
    else if (this.#isUp && this.graph?.allFinished() === true) this.#end('FINISHED');
  }

  #end(state: JobState, cause?: RootCause): void {
    if (cause !== undefined) this.#cause.set(cause);
    this.#moveTo(state);
    this.#tasks.clearTimers('resources', 'failure-grace', 'cancellation');
    if (this.failure !== null) this.#history.add(this.failure, 'failed');
    this.#tasks.push({ kind: 'ended', state, failure: this.failure });
  }

  /** The job leaves the state in which checkpoints are taken, or its restart. */
  #interrupt(): void {
    this.#endRestart();
    this.#rescaling.drop();
    if (this.#backoff !== null) this.#tasks.push({ kind: 'interrupt-checkpoints' });
  }

  #moveTo(state: JobState): void {
    const allowed: readonly JobState[] = JOB_TRANSITIONS[this.#state];
    invariant(allowed.includes(state), 'a legal transition of the job', {
      from: this.#state,
      to: state,
    });
    this.#state = state;
  }

  #now(): string {
    return new Date(this.#nowMs).toISOString();
  }
}
