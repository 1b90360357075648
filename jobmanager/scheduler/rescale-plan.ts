import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import { planAnew } from './restart-plan.ts';
import type { SchedulePlan } from './scheduler.ts';
import type { SlotOffer } from './slots.ts';

export interface RescalePlanOptions {
  readonly jobGraph: JobGraph;
  /** Where every subtask runs. */
  readonly current: SchedulePlan;
  /** Of the task managers that do not drain. */
  readonly registered: readonly SlotOffer[];
  /** Keys of the slots that the job holds. */
  readonly held: ReadonlySet<string>;
  /** Ids of the task managers that drain. */
  readonly draining: ReadonlySet<string>;
  /** Free slots may be taken in order to run with more subtasks. */
  readonly mayGrow: boolean;
}

export type RescaleDecision =
  /** It is well where it is. */
  | { readonly kind: 'stay' }
  /** It should leave a task manager that drains, but the other slots do not suffice. */
  | { readonly kind: 'stuck'; readonly reason: string }
  | {
      readonly kind: 'move';
      readonly plan: SchedulePlan;
      readonly reason: string;
      /** What it leaves, sorted; none: it grows. */
      readonly leaves: readonly string[];
      readonly subtasks: number;
    };

/**
 * Whether a running job should start again on other slots: to leave task managers that drain, at
 * whatever parallelism the others allow, or to run with more subtasks. It grows only where some vertex
 * gets more subtasks and none gets fewer, so that a job cannot be moved to and fro. Pure.
 */
export function planRescale(options: RescalePlanOptions): RescaleDecision {
  const { jobGraph, current, draining, mayGrow } = options;
  const used = [...current.values()].flat().map(({ taskManagerId }) => taskManagerId);
  const leaves = [...new Set(used)].filter((id) => draining.has(id)).toSorted();
  if (leaves.length === 0 && !(mayGrow && couldGrow(jobGraph, current))) return { kind: 'stay' };
  const anew = planAnew(options);
  if (leaves.length > 0) {
    if (anew.kind === 'waiting') return { kind: 'stuck', reason: anew.reason };
    const reason = `${leaves.join(', ')} ${leaves.length === 1 ? 'drains' : 'drain'}`;
    return { kind: 'move', plan: anew.plan, reason, leaves, subtasks: size(anew.plan) };
  }
  if (anew.kind === 'waiting') return { kind: 'stay' };
  const changes = jobGraph.vertices.map(({ id, name }) => {
    const [from, to] = [current.get(id)?.length ?? 0, anew.plan.get(id)?.length ?? 0];
    return { name, from, to };
  });
  const grown = changes.filter(({ from, to }) => to > from);
  if (grown.length === 0 || changes.some(({ from, to }) => to < from)) return { kind: 'stay' };
  const reason = grown.map(({ name, from, to }) => `${name}: ${from} → ${to}`).join(', ');
  return { kind: 'move', plan: anew.plan, reason, leaves, subtasks: size(anew.plan) };
}

function couldGrow(jobGraph: JobGraph, current: SchedulePlan): boolean {
  return jobGraph.vertices.some(
    ({ id, parallelism, maxParallelism }) =>
      parallelism === null && (current.get(id)?.length ?? 0) < maxParallelism,
  );
}

function size(plan: SchedulePlan): number {
  return [...plan.values()].reduce((sum, slots) => sum + slots.length, 0);
}
