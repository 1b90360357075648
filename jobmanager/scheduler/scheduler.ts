import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import { matchSlots, spreadOverTaskManagers } from './slot-matching.ts';
import { type SlotSharingGroup, slotSharingGroups } from './slot-sharing-groups.ts';
import { type SlotOffer, slotKey, slotMatches } from './slots.ts';

/**
 * The adaptive scheduler's decision, as a pure function: which slot runs which subtask, and thereby
 * how many subtasks an adaptive vertex has. Slot sharing as in Flink: a slot runs at most one
 * subtask of each vertex of its group, so a group needs as many slots as its widest vertex.
 *
 * 1. Every group gets the slots it requires, by bipartite matching: groups with overlapping labels
 *    cannot take each other's only slots.
 * 2. What is left goes to the groups that adapt, narrowest first.
 *
 * Slots are offered round robin over the task managers, so both steps spread the load.
 */
export type ScheduleDecision =
  | {
      readonly kind: 'placed';
      readonly plan: SchedulePlan;
      /** More slots would have made it wider: worth a short wait while task managers come up. */
      readonly adaptive: boolean;
    }
  | { readonly kind: 'waiting'; readonly reason: string };

/** By vertex id: the slot of subtask 0, 1, … */
export type SchedulePlan = ReadonlyMap<string, readonly SlotOffer[]>;

export function schedule(jobGraph: JobGraph, registered: readonly SlotOffer[]): ScheduleDecision {
  const groups = slotSharingGroups(jobGraph.vertices, registered);
  const offers = spreadOverTaskManagers(registered.filter((slot) => slot.free));
  const taken = matchRequired(groups, offers);
  if (taken === null) return { kind: 'waiting', reason: shortage(groups, registered) };
  const adaptive = distributeRest(groups, offers, taken);
  const plan = new Map<string, readonly SlotOffer[]>();
  groups.forEach((group, index) => {
    const slots = offers.filter((slot) => taken.get(slotKey(slot)) === index);
    for (const vertex of group.vertices) {
      const parallelism = vertex.parallelism ?? Math.min(vertex.maxParallelism, slots.length);
      plan.set(vertex.id, slots.slice(0, parallelism));
    }
  });
  return { kind: 'placed', plan, adaptive };
}

/** Slot key → index of its group, for all required slots; null where there are not enough. */
function matchRequired(
  groups: readonly SlotSharingGroup[],
  offers: readonly SlotOffer[],
): Map<string, number> | null {
  const demands = groups.flatMap((group, index) =>
    Array.from({ length: group.slotsRequired }, () => index),
  );
  const profiles = demands.flatMap((index) => groups[index]?.profile ?? []);
  const slots = matchSlots(profiles, offers);
  if (slots === null) return null;
  return new Map(slots.map((slot, demand) => [slotKey(slot), demands[demand] ?? 0]));
}

/** Gives free slots to groups that can use more; true where any group could. */
function distributeRest(
  groups: readonly SlotSharingGroup[],
  offers: readonly SlotOffer[],
  taken: Map<string, number>,
): boolean {
  const sizes = groups.map((group) => group.slotsRequired);
  for (const slot of offers) {
    if (taken.has(slotKey(slot))) continue;
    const candidates = groups
      .map((group, index) => ({ group, index, size: sizes[index] ?? 0 }))
      .filter(({ group, size }) => size < group.slotsUseful && slotMatches(slot, group.profile))
      .toSorted((left, right) => left.size - right.size);
    const narrowest = candidates[0];
    if (narrowest === undefined) continue;
    taken.set(slotKey(slot), narrowest.index);
    sizes[narrowest.index] = narrowest.size + 1;
  }
  return groups.some((group) => group.slotsUseful > group.slotsRequired);
}

/** `needs 4 cpu slots, 2 free; needs 1 gpu slot with zone=a, none registered` */
function shortage(groups: readonly SlotSharingGroup[], registered: readonly SlotOffer[]): string {
  const needs = groups.map((group) => {
    const matching = registered.filter((slot) => slotMatches(slot, group.profile));
    const free = matching.filter((slot) => slot.free).length;
    const labels = Object.entries(group.profile.labels).map(([name, value]) => `${name}=${value}`);
    const count = group.slotsRequired;
    const slots = `${count} ${group.profile.device} ${count === 1 ? 'slot' : 'slots'}`;
    const withLabels = labels.length === 0 ? '' : ` with ${labels.join(', ')}`;
    const there = matching.length === 0 ? 'none registered' : `${free} free`;
    return { short: free < count, text: `needs ${slots}${withLabels}, ${there}` };
  });
  const short = needs.filter((need) => need.short);
  return (short.length > 0 ? short : needs).map((need) => need.text).join('; ');
}
