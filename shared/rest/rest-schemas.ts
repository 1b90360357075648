import { z } from 'zod';
import type { SavepointRequest, StopJobRequest, SubmitJobRequest } from './rest-types.ts';

/** The longest request body, bytes. */
export const REQUEST_BODY_BYTES_MAX = 2 * 1024 ** 2;

const PARAMETERS_MAX = 1_000;

const locationSchema = z.string().min(1).max(4_096);

/** What comes over REST is checked before anything else sees it. */
export const submitJobRequestSchema = z.strictObject({
  pipeline: z.string().min(1).describe("the text of the pipeline's file"),
  fileName: z.string().min(1).max(4_096),
  baseDirectory: z.string().min(1).max(4_096),
  parameters: z
    .record(z.string().max(256), z.string().max(65_536))
    .default({})
    .refine((parameters) => Object.keys(parameters).length <= PARAMETERS_MAX, {
      error: `at most ${PARAMETERS_MAX} parameters`,
    }),
  restoreFrom: locationSchema.exactOptional(),
  allowDroppedState: z.boolean().exactOptional(),
  resume: z.boolean().exactOptional(),
}) satisfies z.ZodType<SubmitJobRequest>;

/** No body at all means the same as `{}`. */
export const savepointRequestSchema = z.strictObject({
  directory: locationSchema.exactOptional(),
}) satisfies z.ZodType<SavepointRequest>;

export const stopJobRequestSchema = savepointRequestSchema.extend({
  savepoint: z.boolean().exactOptional(),
}) satisfies z.ZodType<StopJobRequest>;

export const jobIdSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/u);
