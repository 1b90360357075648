/**
 * How a job takes checkpoints and what it does after a failure: `checkpoints` and `restart` of the
 * pipeline, complete. Durations in milliseconds.
 */
export interface CheckpointSettings {
  /** From one trigger to the next. */
  readonly intervalMs: number;
  /** At least so long between the end of one checkpoint and the trigger of the next. */
  readonly minPauseMs: number;
  /** A checkpoint that is not complete by then is given up. */
  readonly timeoutMs: number;
  /** `at-least-once`: barriers are not aligned; records may count twice after a recovery. */
  readonly mode: 'exactly-once' | 'at-least-once';
  /** How long alignment may take before a barrier overtakes what waits; null: for ever. */
  readonly alignmentTimeoutMs: number | null;
  /** So many checkpoints in a row may fail; one more fails the job (and restarts it). */
  readonly tolerableFailures: number;
  /** Completed checkpoints that are kept. */
  readonly retained: number;
}

export const CHECKPOINT_DEFAULTS: CheckpointSettings = {
  intervalMs: 10_000,
  minPauseMs: 0,
  timeoutMs: 600_000,
  mode: 'exactly-once',
  alignmentTimeoutMs: 1_000,
  tolerableFailures: 10,
  retained: 1,
};

/** Flink's restart strategies. */
export type RestartSettings =
  | { readonly strategy: 'none' }
  | {
      readonly strategy: 'fixed-delay';
      /** Restarts in all; one more failure ends the job. */
      readonly attempts: number;
      readonly delayMs: number;
    }
  | {
      readonly strategy: 'exponential-delay';
      readonly initialDelayMs: number;
      readonly delayMaxMs: number;
      readonly factor: number;
      /** After so long without a failure the delay is the initial one again. */
      readonly resetAfterMs: number;
    }
  | {
      readonly strategy: 'failure-rate';
      /** More failures than this within the interval end the job. */
      readonly failuresMax: number;
      readonly intervalMs: number;
      readonly delayMs: number;
    };

export const RESTART_DEFAULT = {
  strategy: 'exponential-delay',
  initialDelayMs: 100,
  delayMaxMs: 60_000,
  factor: 2,
  resetAfterMs: 60_000,
} as const satisfies RestartSettings;

/** What each strategy's options are where the pipeline says nothing else. */
export const RESTART_DEFAULTS = {
  none: { strategy: 'none' },
  'fixed-delay': { strategy: 'fixed-delay', attempts: 3, delayMs: 1_000 },
  'exponential-delay': RESTART_DEFAULT,
  'failure-rate': {
    strategy: 'failure-rate',
    failuresMax: 3,
    intervalMs: 60_000,
    delayMs: 1_000,
  },
} as const satisfies {
  [Strategy in RestartSettings['strategy']]: RestartSettings;
};
