import { z } from 'zod';
import {
  CHECKPOINT_DEFAULTS,
  type CheckpointSettings,
  RESTART_DEFAULT,
  RESTART_DEFAULTS,
  type RestartSettings,
} from '../checkpoint/checkpoint-settings.ts';
import { STATE_DEFAULTS, type StateSettings } from '../checkpoint/state-backend.ts';
import { durationOfAtLeast, durationOrNeverSchema, durationSchema } from './kinds/common.ts';

/**
 * `checkpoints`, `restart` and `state` of a pipeline: how a job is brought back after a failure, and
 * where its state lies. Pure, any thread.
 */
const INTERVAL_MIN_MS = 10;
const RETAINED_MAX = 1000;

/** `checkpoints: off`. */
export const CHECKPOINTS_OFF = 'off';

const checkpointOptionsSchema = z.strictObject({
  interval: durationOfAtLeast(INTERVAL_MIN_MS)
    .default(CHECKPOINT_DEFAULTS.intervalMs)
    .describe('how often a checkpoint is triggered'),
  mode: z
    .enum(['exactly-once', 'at-least-once'])
    .default(CHECKPOINT_DEFAULTS.mode)
    .describe('at-least-once: nothing is aligned; records may count twice after a failure'),
  timeout: durationOfAtLeast(INTERVAL_MIN_MS)
    .default(CHECKPOINT_DEFAULTS.timeoutMs)
    .describe('a checkpoint that is not complete by then is given up'),
  minPause: durationSchema
    .default(CHECKPOINT_DEFAULTS.minPauseMs)
    .describe('at least so long between the end of one and the trigger of the next'),
  alignmentTimeout: durationOrNeverSchema
    .default(CHECKPOINT_DEFAULTS.alignmentTimeoutMs)
    .describe('after so long a barrier overtakes the records that wait (an unaligned checkpoint)'),
  tolerableFailures: z
    .int()
    .min(0)
    .default(CHECKPOINT_DEFAULTS.tolerableFailures)
    .describe('so many in a row may fail; one more is a failure of the job'),
  retained: z
    .int()
    .min(1)
    .max(RETAINED_MAX)
    .default(CHECKPOINT_DEFAULTS.retained)
    .describe('completed checkpoints that are kept'),
});

export const checkpointsSchema = z
  .union([checkpointOptionsSchema, z.literal(CHECKPOINTS_OFF)])
  .prefault({})
  .describe('how often the state of the job is stored, and how; `off`: a failure ends the job');

type RestartStrategy = RestartSettings['strategy'];

/** Which options a strategy has. */
const OPTIONS_OF: Readonly<Record<RestartStrategy, readonly string[]>> = {
  'exponential-delay': ['initialDelay', 'delayMax', 'factor', 'resetAfter'],
  'fixed-delay': ['attempts', 'delay'],
  'failure-rate': ['failuresMax', 'interval', 'delay'],
  none: [],
};

/** Options have no defaults here: those of other strategies must not appear by themselves. */
export const restartSchema = z
  .strictObject({
    strategy: z
      .enum(['exponential-delay', 'fixed-delay', 'failure-rate', 'none'])
      .default(RESTART_DEFAULT.strategy)
      .describe('what follows a failure; `none`: the job ends'),
    initialDelay: durationSchema
      .optional()
      .describe('exponential-delay: before the first restart; default `100ms`'),
    delayMax: durationOfAtLeast(1)
      .optional()
      .describe('exponential-delay: the delay grows up to it; default `1m`'),
    factor: z
      .number()
      .min(1)
      .max(100)
      .optional()
      .describe('exponential-delay: by which each failure makes the delay longer; default `2`'),
    resetAfter: durationOfAtLeast(1)
      .optional()
      .describe(
        'exponential-delay: the delay is the first again so long after a failure; default `1m`',
      ),
    attempts: z
      .int()
      .min(1)
      .optional()
      .describe('fixed-delay: restarts in all; one more failure ends the job; default `3`'),
    failuresMax: z
      .int()
      .min(1)
      .optional()
      .describe('failure-rate: more failures within `interval` end the job; default `3`'),
    interval: durationOfAtLeast(1)
      .optional()
      .describe('failure-rate: see `failuresMax`; default `1m`'),
    delay: durationSchema
      .optional()
      .describe('fixed-delay, failure-rate: before every restart; default `1s`'),
  })
  .superRefine((options, context) => {
    const { strategy } = options;
    const own = OPTIONS_OF[strategy];
    for (const name of Object.keys(options)) {
      if (name === 'strategy' || own.includes(name)) continue;
      const owners = Object.entries(OPTIONS_OF).filter(([, names]) => names.includes(name));
      const ownersText = owners.map(([owner]) => `"${owner}"`).join(' and ');
      const has = own.length === 0 ? 'has no options' : `has ${own.join(', ')}`;
      context.addIssue({
        code: 'custom',
        path: [name],
        message: `"restart.${name}" is an option of ${ownersText}; "${strategy}" ${has}`,
        params: { sentence: true },
      });
    }
  })
  .prefault({})
  .describe('what the job does after a failure; it needs checkpoints');

export const stateSchema = z
  .strictObject({
    backend: z
      .enum(['heap', 'lmdb'])
      .default(STATE_DEFAULTS.backend)
      .describe('lmdb: on the local disk, for state that is larger than the memory'),
  })
  .prefault({})
  .describe('where keyed state (of `count`) is kept');

export function checkpointSettings(
  options: z.output<typeof checkpointsSchema>,
): CheckpointSettings | null {
  if (options === CHECKPOINTS_OFF) return null;
  return {
    intervalMs: options.interval,
    minPauseMs: options.minPause,
    timeoutMs: options.timeout,
    mode: options.mode,
    alignmentTimeoutMs: options.alignmentTimeout,
    tolerableFailures: options.tolerableFailures,
    retained: options.retained,
  };
}

export function restartSettings(options: z.output<typeof restartSchema>): RestartSettings {
  switch (options.strategy) {
    case 'none':
      return RESTART_DEFAULTS.none;
    case 'fixed-delay': {
      const { strategy, attempts, delayMs } = RESTART_DEFAULTS['fixed-delay'];
      return {
        strategy,
        attempts: options.attempts ?? attempts,
        delayMs: options.delay ?? delayMs,
      };
    }
    case 'failure-rate': {
      const { strategy, failuresMax, intervalMs, delayMs } = RESTART_DEFAULTS['failure-rate'];
      return {
        strategy,
        failuresMax: options.failuresMax ?? failuresMax,
        intervalMs: options.interval ?? intervalMs,
        delayMs: options.delay ?? delayMs,
      };
    }
    case 'exponential-delay': {
      const preset = RESTART_DEFAULTS['exponential-delay'];
      return {
        strategy: preset.strategy,
        initialDelayMs: options.initialDelay ?? preset.initialDelayMs,
        delayMaxMs: options.delayMax ?? preset.delayMaxMs,
        factor: options.factor ?? preset.factor,
        resetAfterMs: options.resetAfter ?? preset.resetAfterMs,
      };
    }
    default:
      return options.strategy satisfies never;
  }
}

export function stateSettings(options: z.output<typeof stateSchema>): StateSettings {
  return { backend: options.backend };
}
