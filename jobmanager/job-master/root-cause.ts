import type { ErrorCode } from '../../shared/errors/codes.ts';
import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import type { JobFailure } from '../../shared/rest/rest-types.ts';
import type { Execution } from '../execution-graph/execution-graph.ts';

/**
 * When a task or a task manager dies, its neighbours fail too: their connections break. Whichever
 * report comes first, people must read the cause and not a consequence.
 */
export interface RootCause {
  readonly failure: JobFailure;
  /** May be the consequence of another failure, whose report may still be on its way. */
  readonly consequential: boolean;
}

/** What a task reports when the fault may lie with another process. */
const CONSEQUENTIAL_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NETWORK_CLOSED',
  'NETWORK_UNREACHABLE',
  'NETWORK_TIMEOUT',
  'TASK_MANAGER_LOST',
  'JOB_MANAGER_LOST',
  'CANCELLED',
]);

/** The failure of one task, as its task manager reported it. */
export function taskFailure(execution: Execution, error: SerializedError, at: string): RootCause {
  return {
    failure: {
      error,
      at,
      vertexId: execution.vertex.id,
      vertexName: execution.vertex.name,
      subtask: execution.subtask,
      taskManagerId: execution.slot.taskManagerId,
    },
    consequential: CONSEQUENTIAL_CODES.has(error.code),
  };
}

/** A task manager was lost, as the job manager itself saw; `execution` is one that ran there. */
export function lossFailure(execution: Execution, error: SerializedError, at: string): RootCause {
  return { ...taskFailure(execution, error, at), consequential: false };
}

/** The job as a whole failed. */
export function wholeFailure(error: SerializedError, at: string): RootCause {
  const failure = { error, at, vertexId: null, subtask: null, taskManagerId: null };
  return { failure, consequential: false };
}

export function sourceFailure(
  jobGraph: JobGraph,
  operatorId: string,
  error: SerializedError,
  at: string,
): RootCause {
  const { failure } = wholeFailure(error, at);
  const vertex = jobGraph.vertices.find((candidate) =>
    candidate.operators.some((operator) => operator.id === operatorId),
  );
  const vertexId = vertex?.id ?? operatorId;
  const vertexName = vertex?.name ?? operatorId;
  return { failure: { ...failure, vertexId, vertexName }, consequential: false };
}

/** A failure after which the job does not start again, though it could. */
export function notRestarted({ failure, consequential }: RootCause, reason: string): RootCause {
  const context = { ...failure.error.context, notRestarted: reason };
  return { failure: { ...failure, error: { ...failure.error, context } }, consequential };
}

/** The first cause stands, but any real cause replaces one that may be a consequence. */
export function betterCause(known: RootCause | null, candidate: RootCause): RootCause {
  if (known === null) return candidate;
  return known.consequential && !candidate.consequential ? candidate : known;
}

/** What a job ends with: while it may be a consequence, its cause is waited for. */
export class FinalCause {
  #cause: RootCause | null = null;
  /** Nothing better is waited for. */
  #settled = false;

  get failure(): JobFailure | null {
    return this.#cause?.failure ?? null;
  }

  get settled(): boolean {
    return this.#settled;
  }

  set(cause: RootCause): void {
    this.#cause = cause;
    this.#settled = !cause.consequential;
  }

  settle(): void {
    this.#settled = true;
  }

  /** Another failure, after the one that ends the job; true where it settles the cause. */
  improve(candidate: RootCause): boolean {
    if (this.#settled) return false;
    this.#cause = betterCause(this.#cause, candidate);
    this.#settled = !this.#cause.consequential;
    return this.#settled;
  }
}
