import { invariant } from '../../shared/errors/invariant.ts';
import type { JobGraph, JobVertex } from '../../shared/job-graph/job-graph.ts';
import { EXECUTION_TRANSITIONS, type ExecutionState } from '../../shared/job-graph/states.ts';
import type { SchedulePlan } from '../scheduler/scheduler.ts';
import type { SlotOffer } from '../scheduler/slots.ts';

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

/**
 * The ExecutionGraph (Flink's term): the JobGraph made parallel, with the current attempt of every
 * subtask and its state. Pure bookkeeping; the JobMaster decides.
 */
export class ExecutionGraph {
  readonly jobId: string;
  readonly jobGraph: JobGraph;
  readonly #byVertex = new Map<string, Execution[]>();
  readonly #byAttempt = new Map<string, { -readonly [Key in keyof Execution]: Execution[Key] }>();

  constructor(options: { jobId: string; jobGraph: JobGraph; plan: SchedulePlan }) {
    this.jobId = options.jobId;
    this.jobGraph = options.jobGraph;
    for (const vertex of this.jobGraph.vertices) {
      const slots = options.plan.get(vertex.id);
      invariant(slots !== undefined && slots.length > 0, 'every vertex has slots', {
        vertex: vertex.id,
      });
      const executions = slots.map((slot, subtask) => this.#newAttempt(vertex, subtask, 0, slot));
      this.#byVertex.set(vertex.id, executions);
    }
  }

  #newAttempt(vertex: JobVertex, subtask: number, attempt: number, slot: SlotOffer): Execution {
    const attemptId = `${this.jobId}/${vertex.id}/${subtask}/${attempt}`;
    const execution = { attemptId, vertex, subtask, attempt, slot, state: 'CREATED' as const };
    this.#byAttempt.set(attemptId, execution);
    return execution;
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

  allFinished(): boolean {
    return this.executions().every((execution) => execution.state === 'FINISHED');
  }

  counts(): Partial<Record<ExecutionState, number>> {
    const counts: Partial<Record<ExecutionState, number>> = {};
    for (const { state } of this.executions()) counts[state] = (counts[state] ?? 0) + 1;
    return counts;
  }
}

/** Whether no transition leads out of the state. */
export function isEnded(state: ExecutionState): boolean {
  return EXECUTION_TRANSITIONS[state].length === 0;
}
