import type { Logger } from '../../shared/observability/logger.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import type { JobRun } from '../job-master/job-run.ts';
import type { ResourceManager } from '../resource-manager/resource-manager.ts';
import { planRescale, type RescaleDecision } from '../scheduler/rescale-plan.ts';
import { RescaleTiming, type RescaleTimingOptions } from '../scheduler/rescale-timing.ts';

export interface RescalesOptions extends RescaleTimingOptions {
  readonly resourceManager: ResourceManager;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Calls `check` with the jobs there are. */
  readonly checkAgain: () => void;
}

/**
 * Moves running jobs to other slots: to more of them when task managers have come, and away from task
 * managers that drain. Each job takes a checkpoint first; only when it is complete are the new slots
 * taken, so that a checkpoint that fails costs nobody anything. Single-threaded.
 */
export class Rescales {
  readonly #options: RescalesOptions;
  readonly #timings = new Map<string, RescaleTiming>();
  #cancelTimer: CancelTimer | null = null;

  constructor(options: RescalesOptions) {
    this.#options = options;
  }

  /** Whenever slots or jobs have changed; in the order in which jobs get slots. */
  check(runs: readonly JobRun[]): void {
    const nowMs = this.#options.clock.monotonicMs();
    const mayGrow = this.#mayGrow(runs);
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const run of runs) {
      if (run.master.rescaling.isUnderWay) continue;
      const decision = this.#decide(run, mayGrow);
      if (decision.kind !== 'move') {
        this.#timings.get(run.jobId)?.nothingToDo();
        continue;
      }
      const dueAtMs = this.#timingOf(run).dueAtMs(decision, nowMs);
      if (dueAtMs > nowMs) {
        nextAtMs = Math.min(nextAtMs, dueAtMs);
        continue;
      }
      this.#log(run, `job is to be moved: ${decision.reason}`);
      run.dispatch({ kind: 'rescale-wanted', reason: decision.reason });
    }
    this.#wake(nextAtMs - nowMs);
  }

  /** Its checkpoint is complete: takes the slots; false where there is nothing to gain any more. */
  confirm(run: JobRun, runs: readonly JobRun[]): boolean {
    const { resourceManager, clock } = this.#options;
    const decision = this.#decide(run, this.#mayGrow(runs));
    const moves = run.master.rescaling.isUnderWay && decision.kind === 'move';
    if (moves) resourceManager.reserve(run.jobId, decision.plan);
    this.#timingOf(run).ended(moves, clock.monotonicMs());
    return moves;
  }

  /** Its checkpoint failed. */
  failed(run: JobRun, error: unknown): void {
    const { logger, clock } = this.#options;
    const fields = { jobId: run.jobId, job: run.jobGraph.name, error };
    logger.info(fields, 'the job could not be moved yet: its checkpoint failed');
    this.#timingOf(run).ended(false, clock.monotonicMs());
  }

  /** Which jobs are still on a task manager that drains, and why; null where none is. */
  reasonsThere(taskManagerId: string, runs: readonly JobRun[]): string | null {
    const { resourceManager } = this.#options;
    const there = runs.filter(({ jobId }) => resourceManager.isOn(jobId, taskManagerId));
    const reasons = there.map((run) => `job ${run.jobId} ${this.#whyThere(run)}`);
    return reasons.length === 0 ? null : reasons.join('; ');
  }

  #whyThere(run: JobRun): string {
    const { master, recovery } = run;
    if (recovery === null) return 'takes no checkpoints: it stays until it ends';
    if (master.rescaling.isUnderWay) return 'takes a checkpoint and moves';
    if (master.state !== 'RUNNING') return `is ${master.state}`;
    if (recovery.checkpoints.drained) return 'is about to end';
    if (!run.rescalable) return 'moves when all of its tasks run';
    const decision = this.#decide(run, false);
    if (decision.kind === 'stuck')
      return `stays until there are other slots: it ${decision.reason}`;
    return 'takes a checkpoint soon and moves';
  }

  forget(jobId: string): void {
    this.#timings.delete(jobId);
  }

  close(): void {
    this.#cancelTimer?.();
  }

  /** Jobs that wait for slots come first. */
  #mayGrow(runs: readonly JobRun[]): boolean {
    const { free } = this.#options.resourceManager.slotCounts();
    return free > 0 && !runs.some(({ slotRequest }) => slotRequest !== null);
  }

  #decide(run: JobRun, mayGrow: boolean): RescaleDecision {
    const { resourceManager } = this.#options;
    const draining = resourceManager.drainingIds();
    const graph = run.master.graph;
    if (graph === null || (!mayGrow && draining.size === 0)) return { kind: 'stay' };
    if (!run.rescalable) return { kind: 'stay' };
    const { jobGraph, jobId } = run;
    return planRescale({
      ...{ jobGraph, current: graph.plan, draining, mayGrow },
      registered: resourceManager.slots(),
      held: resourceManager.slotsHeldBy(jobId),
    });
  }

  #timingOf({ jobId }: JobRun): RescaleTiming {
    const timing = this.#timings.get(jobId) ?? new RescaleTiming(this.#options);
    this.#timings.set(jobId, timing);
    return timing;
  }

  #wake(delayMs: number): void {
    this.#cancelTimer?.();
    const { clock, checkAgain } = this.#options;
    this.#cancelTimer = Number.isFinite(delayMs) ? clock.setTimer(delayMs, checkAgain) : null;
  }

  #log({ jobId, jobGraph }: JobRun, message: string): void {
    this.#options.logger.info({ jobId, job: jobGraph.name }, message);
  }
}
