import type { JobRun } from '../job-master/job-run.ts';
import type { SlotRequest } from '../job-master/restart.ts';
import type { ResourceManager } from '../resource-manager/resource-manager.ts';
import {
  planAnew,
  planRestart,
  type RestartPlanDecision,
  type RestartPlanOptions,
} from '../scheduler/restart-plan.ts';
import type { SchedulePlan } from '../scheduler/scheduler.ts';
import { slotKey } from '../scheduler/slots.ts';

type RestartRequest = Exclude<SlotRequest, { kind: 'first' }>;

/**
 * Which slots a job gets that starts again, wholly or in part. Those that it has on task managers that
 * drain are the last resort: it stays there rather than wait.
 */
export function restartSlots(
  run: JobRun,
  request: RestartRequest,
  resourceManager: ResourceManager,
): RestartPlanDecision {
  const held = resourceManager.slotsHeldBy(run.jobId);
  const registered = resourceManager.slots();
  const offered = new Set(registered.map(slotKey));
  const usable = new Set([...held].filter((key) => offered.has(key)));
  const decision = place(run, request, { registered, held: usable });
  const settles = decision.kind === 'placed' || decision.otherwise || usable.size === held.size;
  if (settles) return decision;
  const all = [...registered, ...resourceManager.drainingSlots()];
  const stay = place(run, request, { registered: all, held });
  return stay.kind === 'placed' ? stay : decision;
}

function place(
  run: JobRun,
  request: RestartRequest,
  slots: Pick<RestartPlanOptions, 'registered' | 'held'>,
): RestartPlanDecision {
  const { jobGraph } = run;
  const current: SchedulePlan = run.master.graph?.plan ?? new Map();
  const rescalable = run.recovery?.rescalable ?? true;
  const options = { jobGraph, current, ...slots };
  if (request.kind === 'again') {
    const decision = planRestart({ ...options, isAffected: request.isAffected });
    if (decision.kind === 'placed' || rescalable) return decision;
    return { ...decision, otherwise: false };
  }
  const anew = planAnew(options);
  if (anew.kind === 'waiting') return { ...anew, otherwise: false };
  if (rescalable || sameParallelism(anew.plan, current)) return anew;
  // Buffers in flight lie in the checkpoint; they fit the parallelism they were taken at, and no other.
  const same = planRestart({ ...options, isAffected: () => true });
  return same.kind === 'placed' ? same : { ...same, otherwise: false };
}

function sameParallelism(left: SchedulePlan, right: SchedulePlan): boolean {
  return [...left].every(([vertexId, slots]) => slots.length === right.get(vertexId)?.length);
}
