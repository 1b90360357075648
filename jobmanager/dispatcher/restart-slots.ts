import type { JobRun } from '../job-master/job-run.ts';
import type { SlotRequest } from '../job-master/restart.ts';
import type { ResourceManager } from '../resource-manager/resource-manager.ts';
import { planAnew, planRestart, type RestartPlanDecision } from '../scheduler/restart-plan.ts';
import type { SchedulePlan } from '../scheduler/scheduler.ts';

/** Which slots a job gets that starts again, wholly or in part. */
export function restartSlots(
  run: JobRun,
  request: Exclude<SlotRequest, { kind: 'first' }>,
  resourceManager: ResourceManager,
): RestartPlanDecision {
  const { jobGraph, jobId } = run;
  const current: SchedulePlan = run.master.graph?.plan ?? new Map();
  const registered = resourceManager.slots();
  const held = resourceManager.slotsHeldBy(jobId);
  const rescalable = run.recovery?.rescalable ?? true;
  const options = { jobGraph, current, registered, held };
  if (request.kind === 'again') {
    const decision = planRestart({ ...options, isAffected: request.isAffected });
    if (decision.kind === 'placed' || rescalable) return decision;
    return { ...decision, otherwise: false };
  }
  const anew = planAnew(options);
  if (anew.kind === 'waiting') return { ...anew, otherwise: false };
  if (rescalable || sameParallelism(anew.plan, current)) return anew;
  // Buffers in flight lie in the checkpoint; they fit the parallelism they were taken at, and no other.
  return planRestart({ ...options, isAffected: () => true });
}

function sameParallelism(left: SchedulePlan, right: SchedulePlan): boolean {
  return [...left].every(([vertexId, slots]) => slots.length === right.get(vertexId)?.length);
}
