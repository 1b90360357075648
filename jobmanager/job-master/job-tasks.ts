import { invariant } from '../../shared/errors/invariant.ts';
import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import { type Execution, ExecutionGraph, isEnded } from '../execution-graph/execution-graph.ts';
import { taskDeployment } from '../execution-graph/task-deployments.ts';
import type { SchedulePlan } from '../scheduler/scheduler.ts';
import { isSource } from '../sources/create-enumerator.ts';
import type { Adoption } from './adoption.ts';
import type { JobEffect, JobTimer } from './job-events.ts';
import { notAdopted } from './job-failures.ts';
import type { Restart } from './restart.ts';

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

  on(taskManagerId: string): readonly Execution[] {
    return this.executions().filter(({ slot }) => slot.taskManagerId === taskManagerId);
  }

  /** All attempts are new; their numbers go on where there were others. */
  create(plan: SchedulePlan): readonly Execution[] {
    const { jobId, jobGraph } = this.#job;
    const attempts = this.#graph?.nextAttempts ?? new Map();
    this.#graph = new ExecutionGraph({ jobId, jobGraph, plan, attempts });
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
