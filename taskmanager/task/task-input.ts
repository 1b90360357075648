import type { TurnQuota } from './task-loop.ts';

/** Why an input stopped feeding the chain. */
export type InputOutcome =
  /** The quota is spent; there may be more. */
  | 'more'
  /** Nothing to read; the input wakes the task when there is. */
  | 'empty'
  /** The chain takes nothing now. */
  | 'blocked'
  /** All of it is read. */
  | 'ended';

/** Where a task's records come from: its input gates, or the source at the head of its chain. */
export interface TaskInput {
  /** Feeds the chain record by record, for as long as it is ready. */
  process(quota: TurnQuota): InputOutcome;
  /** Called once, before the first `process`; `wake` runs the task's loop soon. */
  start(wake: () => void): void;
  /** Feeds nothing until `resume`, and takes no event: `process` finds it empty. */
  pause(): void;
  resume(): void;
  readonly bytesIn: number;
  readonly buffersQueued: number;
  readonly creditsGranted: number;
  close(): void;
}
