import type { ResourceProfile } from '../../shared/job-graph/job-graph.ts';
import type { DataAddress } from '../../shared/job-graph/task-deployment.ts';

/** A registered slot as the scheduler sees it. */
export interface SlotOffer {
  readonly taskManagerId: string;
  readonly hostName: string;
  readonly slotIndex: number;
  readonly device: 'cpu' | 'gpu';
  readonly labels: Readonly<Record<string, string>>;
  readonly dataAddress: DataAddress;
  /** Taken slots count where it matters which profiles exist at all. */
  readonly free: boolean;
}

/** `<task manager>#<slot>`; unique among the registered slots. */
export function slotKey(slot: Pick<SlotOffer, 'taskManagerId' | 'slotIndex'>): string {
  return `${slot.taskManagerId}#${slot.slotIndex}`;
}

/** Whether the slot's device and labels suit; a taken slot can match too. */
export function slotMatches(
  slot: SlotOffer,
  profile: Pick<ResourceProfile, 'device' | 'labels'>,
): boolean {
  if (slot.device !== profile.device) return false;
  return Object.entries(profile.labels).every(([name, value]) => slot.labels[name] === value);
}
