import { z } from 'zod';
import {
  CHECKPOINT_FAILURE_REASONS,
  type CheckpointFailureReason,
} from '../checkpoint/checkpoint-failure-reason.ts';
import type { CheckpointSettings } from '../checkpoint/checkpoint-settings.ts';
import { CHECKPOINT_PURPOSES } from '../record/stream-event.ts';
import { countSchema, timeSchema } from './common-schemas.ts';
import { CHECKPOINT_HISTORY_MAX } from './rest-limits.ts';
import { named } from './schema-names.ts';

const FAILURE_REASONS = Object.keys(CHECKPOINT_FAILURE_REASONS) as CheckpointFailureReason[];

const checkpointFailureSchema = named(
  'CheckpointFailure',
  z.object({ reason: z.enum(FAILURE_REASONS), message: z.string() }),
);

export const checkpointInfoSchema = named(
  'CheckpointInfo',
  z.object({
    id: z.int(),
    purpose: z.enum(CHECKPOINT_PURPOSES),
    status: z.enum(['COMPLETED', 'FAILED', 'IN_PROGRESS']),
    triggeredAt: timeSchema,
    durationMs: countSchema.describe('from the trigger to its end, or to now'),
    bytes: countSchema.describe(
      'what it stored itself; state that it shares with earlier ones is not counted',
    ),
    failure: checkpointFailureSchema.nullable(),
    path: z
      .string()
      .nullable()
      .describe('the folder with its `_metadata`, as a URI; null unless it is completed'),
  }),
);

const checkpointCountsSchema = named(
  'CheckpointCounts',
  z
    .object({ completed: countSchema, failed: countSchema, inProgress: countSchema })
    .describe('since this job manager leads the job'),
);

export const checkpointsSummarySchema = named(
  'CheckpointsSummary',
  z.object({
    counts: checkpointCountsSchema,
    latest: checkpointInfoSchema
      .nullable()
      .describe('the last one that completed, savepoints included'),
  }),
);

const checkpointSettingsSchema = named(
  'CheckpointSettings',
  z.object({
    intervalMs: countSchema,
    minPauseMs: countSchema,
    timeoutMs: countSchema,
    mode: z.enum(['exactly-once', 'at-least-once']),
    alignmentTimeoutMs: countSchema.nullable(),
    tolerableFailures: countSchema,
    retained: countSchema,
  }) satisfies z.ZodType<CheckpointSettings>,
);

export const jobCheckpointsDetailSchema = named(
  'JobCheckpointsDetail',
  z.object({
    settings: checkpointSettingsSchema
      .nullable()
      .describe('null: the pipeline says `checkpoints: off`, or the job manager has no storage'),
    counts: checkpointCountsSchema,
    latest: checkpointInfoSchema.nullable(),
    inProgress: checkpointInfoSchema.nullable(),
    history: z
      .array(checkpointInfoSchema)
      .max(CHECKPOINT_HISTORY_MAX)
      .describe('those that ended, newest first'),
  }),
);

export const savepointAnswerSchema = named(
  'SavepointAnswer',
  z.object({ path: z.string().describe('of its folder, a URI: what `restoreFrom` takes') }),
);
