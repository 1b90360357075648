import { invariant } from '../../shared/errors/invariant.ts';
import type { JobGraph, JobVertex } from '../../shared/job-graph/job-graph.ts';
import { EXECUTION_TRANSITIONS, type ExecutionState } from '../../shared/job-graph/states.ts';
import type { SchedulePlan } from '../scheduler/scheduler.ts';
import type { SlotOffer } from '../scheduler/slots.ts';
import { pipelinedRegions, subtaskKey } from './pipelined-regions.ts';

/** One attempt of one subtask. */
export interface Execution {
  /** `<job id>/<vertex>/<subtask>/<attempt>` */
  readonly attemptId: string;
  readonly vertex: JobVertex;
  readonly subtask: number;
  readonly attempt: number;
  readonly slot: SlotOffer;
  /** Changes only through {@link ExecutionGraph.transition}. */
  readonly state: ExecutionState;
}

export interface ExecutionGraphOptions {
  readonly jobId: string;
  readonly jobGraph: JobGraph;
  readonly plan: SchedulePlan;
  /** By `<vertex>/<subtask>`: the number of its attempt. Absent: `firstAttempt`. */
  readonly attempts?: ReadonlyMap<string, number>;
  /** See {@link ExecutionGraph.attemptsEnd}; default: 0. */
  readonly firstAttempt?: number;
}

/**
 * The ExecutionGraph (Flink's term): the JobGraph made parallel, with the current attempt of every
 * subtask and its state. Pure bookkeeping; the JobMaster decides.
 */
export class ExecutionGraph {
  readonly jobId: string;
  readonly jobGraph: JobGraph;
  readonly #byVertex = new Map<string, Execution[]>();
  readonly #byAttempt = new Map<string, { -readonly [Key in keyof Execution]: Execution[Key] }>();
  readonly #nextAttempts: Map<string, number>;
  readonly #firstAttempt: number;
  readonly #regions: ReadonlyMap<string, ReadonlySet<string>>;

  constructor(options: ExecutionGraphOptions) {
    this.jobId = options.jobId;
    this.jobGraph = options.jobGraph;
    this.#nextAttempts = new Map(options.attempts);
    this.#firstAttempt = options.firstAttempt ?? 0;
    for (const vertex of this.jobGraph.vertices) {
      const slots = options.plan.get(vertex.id);
      invariant(slots !== undefined && slots.length > 0, 'every vertex has slots', {
        vertex: vertex.id,
      });
      const executions = slots.map((slot, subtask) => this.#newAttempt(vertex, subtask, slot));
      this.#byVertex.set(vertex.id, executions);
    }
    this.#regions = pipelinedRegions(this.jobGraph, ({ id }) => this.ofVertex(id).length);
  }

  #newAttempt(vertex: JobVertex, subtask: number, slot: SlotOffer): Execution {
    const key = subtaskKey({ vertexId: vertex.id, subtask });
    const attempt = this.#nextAttempts.get(key) ?? this.#firstAttempt;
    this.#nextAttempts.set(key, attempt + 1);
    const attemptId = `${this.jobId}/${key}/${attempt}`;
    const execution = { attemptId, vertex, subtask, attempt, slot, state: 'CREATED' as const };
    this.#byAttempt.set(attemptId, execution);
    return execution;
  }

  /**
   * No attempt of any subtask has had this number or a higher one. A graph that starts there, at another
   * parallelism perhaps, keeps that true of subtasks that it does not have: whoever knows the numbers of
   * the current attempts only (a new leader) can tell which ones are new for all.
   */
  get attemptsEnd(): number {
    let end = this.#firstAttempt;
    for (const next of this.#nextAttempts.values()) end = Math.max(end, next);
    return end;
  }

  /** Leaves numbers out: an earlier leader may have used them without its successor's knowing. */
  skipAttempts(count: number): void {
    for (const [key, next] of this.#nextAttempts) this.#nextAttempts.set(key, next + count);
  }

  /** The slots of the current attempts. */
  get plan(): SchedulePlan {
    return new Map(
      [...this.#byVertex].map(([id, executions]) => [id, executions.map(({ slot }) => slot)]),
    );
  }

  /**
   * A new attempt takes the place of one that has ended. From now on the old one is unknown: whatever
   * is still said about it changes nothing.
   */
  replace(old: Execution, slot: SlotOffer): Execution {
    invariant(isEnded(old.state), 'only an attempt that has ended is replaced', {
      attemptId: old.attemptId,
    });
    const execution = this.#newAttempt(old.vertex, old.subtask, slot);
    this.#byAttempt.delete(old.attemptId);
    this.#byVertex.get(old.vertex.id)?.splice(old.subtask, 1, execution);
    return execution;
  }

  /** The current attempts of all subtasks that exchange records with this one, itself included. */
  regionOf(execution: Execution): Execution[] {
    const region = this.#regions.get(keyOf(execution));
    return this.executions().filter((other) => region?.has(keyOf(other)) === true);
  }

  /** The current attempts, vertex by vertex in topological order. */
  executions(): Execution[] {
    return [...this.#byVertex.values()].flat();
  }

  ofVertex(vertexId: string): readonly Execution[] {
    const executions = this.#byVertex.get(vertexId);
    invariant(executions !== undefined, 'the vertex is in the graph', { vertexId });
    return executions;
  }

  /** Undefined for attempts of other jobs and for old ones: their messages are dropped. */
  byAttempt(attemptId: string): Execution | undefined {
    return this.#byAttempt.get(attemptId);
  }

  /** False where the transition table forbids it: a late or repeated message. */
  transition(execution: Execution, state: ExecutionState): boolean {
    const entry = this.#byAttempt.get(execution.attemptId);
    invariant(entry !== undefined, 'the execution is in the graph', {
      attemptId: execution.attemptId,
    });
    const allowed: readonly ExecutionState[] = EXECUTION_TRANSITIONS[entry.state];
    if (!allowed.includes(state)) return false;
    entry.state = state;
    return true;
  }

  allEnded(): boolean {
    return this.executions().every((execution) => isEnded(execution.state));
  }

  allRunning(): boolean {
    return this.executions().every((execution) => execution.state === 'RUNNING');
  }

  anyFinished(): boolean {
    return this.executions().some((execution) => execution.state === 'FINISHED');
  }

  allFinished(): boolean {
    return this.executions().every((execution) => execution.state === 'FINISHED');
  }

  counts(): Partial<Record<ExecutionState, number>> {
    const counts: Partial<Record<ExecutionState, number>> = {};
    for (const { state } of this.executions()) counts[state] = (counts[state] ?? 0) + 1;
    return counts;
  }
}

function keyOf({ vertex, subtask }: Execution): string {
  return subtaskKey({ vertexId: vertex.id, subtask });
}

/** Whether no transition leads out of the state. */
export function isEnded(state: ExecutionState): boolean {
  return EXECUTION_TRANSITIONS[state].length === 0;
}
