import { invariant } from '../../shared/errors/invariant.ts';
import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import { type Execution, ExecutionGraph, isEnded } from '../execution-graph/execution-graph.ts';
import { taskDeployment } from '../execution-graph/task-deployments.ts';
import type { SchedulePlan } from '../scheduler/scheduler.ts';
import { isSource } from '../sources/create-enumerator.ts';
import type { Adoption } from './adoption.ts';
import type { JobEffect, JobEvent, JobTimer } from './job-events.ts';
import { cancelledUnasked, notAdopted, withoutReason } from './job-failures.ts';
import type { Failed, Restart } from './restart.ts';

/**
 * Attempts of a subtask that a leader may have deployed after its last write to the record: it writes
 * at every restart, leads for seconds at most when it cannot, and restarts are at least 100 ms apart.
 */
const UNKNOWN_ATTEMPTS_MAX = 100;

/**
 * The tasks of one job as its JobMaster handles them: every change of an attempt, together with the
 * effects that belong to it. Effects are collected until they are taken. Pure.
 */
export class JobTasks {
  readonly #job: { readonly jobId: string; readonly jobGraph: JobGraph };
  #graph: ExecutionGraph | null = null;
  #effects: JobEffect[] = [];

  constructor(job: { readonly jobId: string; readonly jobGraph: JobGraph }) {
    this.#job = job;
  }

  /** Null until slots were assigned. */
  get graph(): ExecutionGraph | null {
    return this.#graph;
  }

  executions(): readonly Execution[] {
    return this.#graph?.executions() ?? [];
  }

  /** What a task manager says of an attempt; null where that changes nothing. `error`: it failed. */
  report(event: Extract<JobEvent, { kind: 'task-state' }>): {
    readonly execution: Execution;
    readonly error: SerializedError | null;
  } | null {
    const execution = this.#graph?.byAttempt(event.attemptId);
    if (execution === undefined || execution.slot.taskManagerId !== event.taskManagerId)
      return null;
    const asked = execution.state === 'CANCELING';
    if (!this.transition(execution, event.state)) return null;
    if (event.state === 'FAILED') {
      return { execution, error: event.error ?? withoutReason(execution) };
    }
    const unasked = event.state === 'CANCELED' && !asked;
    return { execution, error: unasked ? cancelledUnasked(execution) : null };
  }

  /** What ran there has failed. `witness`: who can tell of the loss. */
  lose(taskManagerId: string): {
    readonly running: readonly Execution[];
    readonly witness: Execution | undefined;
  } {
    const lost = this.executions().filter(({ slot }) => slot.taskManagerId === taskManagerId);
    const running = lost.filter((execution) => !isEnded(execution.state));
    for (const execution of running) this.transition(execution, 'FAILED');
    // Also where all its tasks had reported their end: they may have failed because it was leaving.
    const witness = running[0] ?? lost.find((execution) => execution.state !== 'FINISHED');
    return { running, witness };
  }

  /** All attempts are new; their numbers go on where the highest one was. */
  create(plan: SchedulePlan): readonly Execution[] {
    const { jobId, jobGraph } = this.#job;
    const firstAttempt = this.#graph?.attemptsEnd ?? 0;
    this.#graph = new ExecutionGraph({ jobId, jobGraph, plan, firstAttempt });
    return this.#graph.executions();
  }

  /** Attempts that an earlier leader deployed, as they were reported; the others are lost. */
  adopt(adoption: Adoption): {
    readonly executions: readonly Execution[];
    readonly lost: readonly { readonly execution: Execution; readonly error: SerializedError }[];
  } {
    const { jobId, jobGraph } = this.#job;
    const { plan, attempts, reports } = adoption;
    const graph = new ExecutionGraph({ jobId, jobGraph, plan, attempts });
    graph.skipAttempts(UNKNOWN_ATTEMPTS_MAX);
    this.#graph = graph;
    this.push({ kind: 'adopt-sources', adoption });
    const executions = graph.executions();
    const lost: { execution: Execution; error: SerializedError }[] = [];
    for (const execution of executions) {
      const report = reports.get(execution.attemptId);
      const state = report?.state ?? 'FAILED';
      graph.transition(execution, 'SCHEDULED');
      graph.transition(execution, 'DEPLOYING');
      this.transition(execution, state);
      if (state !== 'FAILED' && state !== 'CANCELED') continue;
      lost.push({ execution, error: report?.error ?? notAdopted(execution) });
    }
    return { executions, lost };
  }

  /** The current attempts of what the restart takes in. */
  in(restart: Restart): readonly Execution[] {
    return this.executions().filter((execution) => restart.includes(execution));
  }

  /** Those that have not ended; of what the restart takes in. */
  running(restart: Restart | null = null): readonly Execution[] {
    const executions = restart === null ? this.executions() : this.in(restart);
    return executions.filter(({ state }) => !isEnded(state));
  }

  /** With all that exchanges records with them. */
  regionsOf(failed: Failed): readonly Execution[] {
    if (failed === 'everything') return this.executions();
    return failed.flatMap((execution) => this.#graph?.regionOf(execution) ?? []);
  }

  /** New attempts take the places of these, in the slots of the plan. */
  replace(old: readonly Execution[], plan: SchedulePlan): readonly Execution[] {
    const graph = this.#graph;
    invariant(graph !== null, 'what is replaced has run before');
    return old.map((execution) => {
      const slot = plan.get(execution.vertex.id)?.[execution.subtask];
      invariant(slot !== undefined, 'the plan has a slot for every subtask');
      return graph.replace(execution, slot);
    });
  }

  deploy(executions: readonly Execution[]): void {
    const graph = this.#graph;
    invariant(graph !== null, 'what is deployed is in the graph');
    for (const execution of executions) {
      graph.transition(execution, 'SCHEDULED');
      graph.transition(execution, 'DEPLOYING');
      this.push({
        kind: 'deploy',
        taskManagerId: execution.slot.taskManagerId,
        deployment: taskDeployment(graph, execution),
      });
    }
  }

  /** The readers among these attempts, which are deployed by now, get back what was lost. */
  resetReaders(executions: readonly Execution[]): void {
    for (const { vertex, subtask, attemptId } of executions) {
      const [head] = vertex.operators;
      if (head === undefined || !isSource(head)) continue;
      this.push({ kind: 'reset-subtask', operatorId: head.id, subtask, attemptId });
    }
  }

  /** False where the transition table forbids it: a late or repeated message. */
  transition(execution: Execution, state: Execution['state']): boolean {
    const done = this.#graph?.transition(execution, state) ?? false;
    if (done && isEnded(state)) {
      this.push({ kind: 'attempt-ended', attemptId: execution.attemptId });
    }
    return done;
  }

  /** True where any of them was not being cancelled yet, and had not ended. */
  cancel(executions: readonly Execution[]): boolean {
    let any = false;
    for (const execution of executions) {
      if (!this.transition(execution, 'CANCELING')) continue;
      any = true;
      this.push({
        kind: 'cancel-task',
        taskManagerId: execution.slot.taskManagerId,
        attemptId: execution.attemptId,
      });
    }
    return any;
  }

  /** All of them, and a timer that they may take so long to end. */
  cancelAll(timeoutMs: number): void {
    if (this.#graph === null) return;
    this.setTimer('cancellation', timeoutMs);
    this.cancel(this.#graph.executions());
  }

  /** Their slots with them. */
  giveUp(restart: Restart): void {
    for (const execution of this.in(restart)) {
      if (!this.transition(execution, 'FAILED')) continue;
      this.push({ kind: 'release-slot', slot: execution.slot });
    }
  }

  // Effects

  push(...effects: readonly JobEffect[]): void {
    this.#effects.push(...effects);
  }

  setTimer(timer: JobTimer, delayMs: number): void {
    this.push({ kind: 'set-timer', timer, delayMs });
  }

  clearTimers(...timers: readonly JobTimer[]): void {
    for (const timer of timers) this.push({ kind: 'clear-timer', timer });
  }

  takeEffects(): JobEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
