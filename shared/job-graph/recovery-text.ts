import type { CheckpointSettings, RestartSettings } from '../checkpoint/checkpoint-settings.ts';
import type { StateSettings } from '../checkpoint/state-backend.ts';

interface Recovery {
  readonly checkpoints: CheckpointSettings | null;
  readonly restart: RestartSettings;
  readonly state: StateSettings;
}

/** How a job is brought back after a failure, in a line for people. Pure. */
export function recoveryText({ checkpoints, restart, state }: Recovery): string {
  const kept = state.backend === 'heap' ? 'state on the heap' : 'state in LMDB';
  if (checkpoints === null) return `no checkpoints: a failure ends the job; ${kept}`;
  return `${checkpointText(checkpoints)}; ${restartText(restart)}; ${kept}`;
}

/** `a checkpoint every 10 s, exactly once, unaligned after 1 s, 1 kept` */
export function checkpointText(settings: CheckpointSettings): string {
  const { intervalMs, mode, alignmentTimeoutMs, retained } = settings;
  const alignment =
    alignmentTimeoutMs === null
      ? 'always aligned'
      : `unaligned after ${duration(alignmentTimeoutMs)}`;
  const how = mode === 'exactly-once' ? `exactly once, ${alignment}` : 'at least once';
  return `a checkpoint every ${duration(intervalMs)}, ${how}, ${retained} kept`;
}

function restartText(restart: RestartSettings): string {
  switch (restart.strategy) {
    case 'none':
      return 'no restarts: a failure ends the job';
    case 'fixed-delay':
      return `${restart.attempts} restarts, each after ${duration(restart.delayMs)}`;
    case 'exponential-delay':
      return `restarts after ${duration(restart.initialDelayMs)} to ${duration(restart.delayMaxMs)}`;
    case 'failure-rate': {
      const { failuresMax, intervalMs, delayMs } = restart;
      const rate = `at most ${failuresMax} failures in ${duration(intervalMs)}`;
      return `restarts after ${duration(delayMs)}, ${rate}`;
    }
    default:
      return restart satisfies never;
  }
}

function duration(durationMs: number): string {
  return durationMs < 1000 ? `${durationMs} ms` : `${durationMs / 1000} s`;
}
