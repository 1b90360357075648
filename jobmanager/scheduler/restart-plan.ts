import type { JobGraph, JobVertex } from '../../shared/job-graph/job-graph.ts';
import { type ScheduleDecision, type SchedulePlan, schedule } from './scheduler.ts';
import { matchSlots, spreadOverTaskManagers } from './slot-matching.ts';
import { type SlotOffer, slotKey } from './slots.ts';

export interface RestartPlanOptions {
  readonly jobGraph: JobGraph;
  /** Where every subtask runs, or ran. */
  readonly current: SchedulePlan;
  /** The subtasks to place; the others stay where they are. */
  readonly isAffected: (vertex: JobVertex, subtask: number) => boolean;
  readonly registered: readonly SlotOffer[];
  /** Keys of the slots that the job still holds and may use. */
  readonly held: ReadonlySet<string>;
}

export type RestartPlanDecision =
  | { readonly kind: 'placed'; readonly plan: SchedulePlan }
  | {
      readonly kind: 'waiting';
      readonly reason: string;
      /** All of the job could start anew on the slots there are, at another parallelism perhaps. */
      readonly otherwise: boolean;
    };

/**
 * Where the failed subtasks of a job start again, at the same parallelism: in the slot they had where
 * the job still holds it (its threads and models are warm), else in a free one of the same kind. What
 * shared a slot shares one again. Pure.
 */
export function planRestart(options: RestartPlanOptions): RestartPlanDecision {
  const { current, registered, held } = options;
  const lost = lostSlots(options);
  const free = spreadOverTaskManagers(registered.filter((slot) => slot.free));
  const found = matchSlots([...lost.values()], free);
  if (found === null) {
    const otherwise = planAnew(options).kind === 'placed';
    return { kind: 'waiting', reason: shortage([...lost.values()], free), otherwise };
  }
  const replacements = new Map([...lost.keys()].map((key, index) => [key, found[index]]));
  const plan = new Map<string, readonly SlotOffer[]>();
  for (const vertex of options.jobGraph.vertices) {
    const slots = current.get(vertex.id) ?? [];
    plan.set(
      vertex.id,
      slots.map((slot, subtask) => {
        const moves = options.isAffected(vertex, subtask) && !held.has(slotKey(slot));
        return moves ? (replacements.get(slotKey(slot)) ?? slot) : slot;
      }),
    );
  }
  return { kind: 'placed', plan };
}

/** Places the whole job as if it started now, its own slots counted as free. */
export function planAnew({
  jobGraph,
  registered,
  held,
}: Pick<RestartPlanOptions, 'jobGraph' | 'registered' | 'held'>): ScheduleDecision {
  const offers = registered.map((slot) => ({
    ...slot,
    free: slot.free || held.has(slotKey(slot)),
  }));
  return schedule(jobGraph, offers);
}

type Demand = Pick<SlotOffer, 'device' | 'labels'>;

/** By the key of the slot that is gone: what its replacement must have. */
function lostSlots({ jobGraph, current, isAffected, held }: RestartPlanOptions) {
  const lost = new Map<string, Demand>();
  for (const vertex of jobGraph.vertices) {
    (current.get(vertex.id) ?? []).forEach((slot, subtask) => {
      const key = slotKey(slot);
      if (held.has(key) || !isAffected(vertex, subtask)) return;
      const labels = { ...lost.get(key)?.labels, ...vertex.resources.labels };
      lost.set(key, { device: slot.device, labels });
    });
  }
  return lost;
}

/** `needs 2 cpu slots in place of lost ones, 1 free` */
function shortage(lost: readonly Demand[], free: readonly SlotOffer[]): string {
  const devices = Map.groupBy(lost, ({ device }) => device);
  const needs = [...devices].map(([device, demands]) => {
    const count = demands.length;
    const there = free.filter((slot) => slot.device === device).length;
    const slots = count === 1 ? 'slot in place of a lost one' : 'slots in place of lost ones';
    return `needs ${count} ${device} ${slots}, ${there} free`;
  });
  return needs.join('; ');
}
