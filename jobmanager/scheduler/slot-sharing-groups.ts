import type { JobVertex, ResourceProfile } from '../../shared/job-graph/job-graph.ts';
import { type SlotOffer, slotMatches } from './slots.ts';

/** Vertices whose subtasks share slots: one slot runs at most one subtask of each of them. */
export interface SlotSharingGroup {
  /** What its slots must have, after fallbacks. */
  readonly profile: Pick<ResourceProfile, 'device' | 'labels'>;
  readonly vertices: readonly JobVertex[];
  /** Slots without which it cannot run: the largest explicit parallelism, at least one. */
  readonly slotsRequired: number;
  /** Slots that it can use: more than required where a vertex adapts. */
  readonly slotsUseful: number;
}

/** Groups the vertices by the profile they get on these registered slots. */
export function slotSharingGroups(
  vertices: readonly JobVertex[],
  registered: readonly SlotOffer[],
): SlotSharingGroup[] {
  const byProfile = new Map<string, { profile: SlotSharingGroup['profile']; list: JobVertex[] }>();
  for (const vertex of vertices) {
    const profile = effectiveProfile(vertex.resources, registered);
    const labels = Object.entries(profile.labels).toSorted();
    const key = JSON.stringify([profile.device, labels]);
    const group = byProfile.get(key);
    if (group === undefined) byProfile.set(key, { profile, list: [vertex] });
    else group.list.push(vertex);
  }
  return [...byProfile.values()].map(({ profile, list }) => ({
    profile,
    vertices: list,
    slotsRequired: Math.max(...list.map((vertex) => vertex.parallelism ?? 1)),
    slotsUseful: Math.max(...list.map((vertex) => vertex.parallelism ?? vertex.maxParallelism)),
  }));
}

/**
 * A `gpu` vertex that allows it takes cpu slots where no matching gpu slot is registered; a `cpu`
 * vertex takes gpu slots only where no matching cpu slot is registered. Taken slots count as
 * registered: a job waits for the slots it prefers rather than spread to the wrong ones.
 */
function effectiveProfile(
  wanted: ResourceProfile,
  registered: readonly SlotOffer[],
): SlotSharingGroup['profile'] {
  const { device, labels } = wanted;
  const other = device === 'cpu' ? 'gpu' : 'cpu';
  const otherAllowed = device === 'cpu' || wanted.fallback === 'cpu';
  const exists = (candidate: 'cpu' | 'gpu') =>
    registered.some((slot) => slotMatches(slot, { device: candidate, labels }));
  return { device: otherAllowed && !exists(device) && exists(other) ? other : device, labels };
}
