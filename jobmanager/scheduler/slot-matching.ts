import type { ResourceProfile } from '../../shared/job-graph/job-graph.ts';
import { type SlotOffer, slotKey, slotMatches } from './slots.ts';

/** First one slot of each task manager, then the second of each, …; the freest come first. */
export function spreadOverTaskManagers(free: readonly SlotOffer[]): SlotOffer[] {
  const byTaskManager = Map.groupBy(free, (slot) => slot.taskManagerId);
  const queues = [...byTaskManager.values()].toSorted(
    (left, right) => right.length - left.length || compareIds(left, right),
  );
  for (const queue of queues) queue.sort((left, right) => left.slotIndex - right.slotIndex);
  const rounds = Math.max(0, ...queues.map((queue) => queue.length));
  const spread: SlotOffer[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const queue of queues) {
      const slot = queue[round];
      if (slot !== undefined) spread.push(slot);
    }
  }
  return spread;
}

function compareIds(left: readonly SlotOffer[], right: readonly SlotOffer[]): number {
  const leftId = left[0]?.taskManagerId ?? '';
  const rightId = right[0]?.taskManagerId ?? '';
  return leftId < rightId ? -1 : leftId > rightId ? 1 : 0;
}

/**
 * One slot for each demand, in the order of the demands, or null where that cannot be: bipartite
 * matching by Kuhn's algorithm. Slots that are offered earlier are preferred.
 */
export function matchSlots(
  demands: readonly Pick<ResourceProfile, 'device' | 'labels'>[],
  offers: readonly SlotOffer[],
): SlotOffer[] | null {
  if (demands.length > offers.length) return null;
  const demandOfSlot = new Map<string, number>();
  // A demand may push another one to another slot of that one's choice.
  const place = (demand: number, tried: Set<string>): boolean => {
    const profile = demands[demand];
    if (profile === undefined) return false;
    for (const slot of offers) {
      const key = slotKey(slot);
      if (tried.has(key) || !slotMatches(slot, profile)) continue;
      tried.add(key);
      const holder = demandOfSlot.get(key);
      if (holder === undefined || place(holder, tried)) {
        demandOfSlot.set(key, demand);
        return true;
      }
    }
    return false;
  };
  for (let demand = 0; demand < demands.length; demand += 1) {
    if (!place(demand, new Set())) return null;
  }
  const matched: SlotOffer[] = [];
  for (const slot of offers) {
    const demand = demandOfSlot.get(slotKey(slot));
    if (demand !== undefined) matched[demand] = slot;
  }
  return matched;
}
