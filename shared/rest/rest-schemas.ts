import { z } from 'zod';
import { jobStateSchema } from './job-schemas.ts';
import {
  LOG_BYTES_DEFAULT,
  LOG_BYTES_MAX,
  LOG_LINES_MAX,
  PAGE_LIMIT_DEFAULT,
  PAGE_LIMIT_MAX,
} from './rest-limits.ts';
import { named } from './schema-names.ts';

/** What comes over REST is checked before anything else sees it. */

/** The longest request body, bytes. */
export const REQUEST_BODY_BYTES_MAX = 2 * 1024 ** 2;

const PARAMETERS_MAX = 1_000;

const locationSchema = z.string().min(1).max(4_096);

export const submitJobRequestSchema = named(
  'SubmitJobRequest',
  z.strictObject({
    pipeline: z.string().min(1).describe("the text of the pipeline's file"),
    fileName: z.string().min(1).max(4_096).describe('its name, for messages'),
    baseDirectory: z
      .string()
      .min(1)
      .max(4_096)
      .describe('absolute; relative locations in the text are relative to it'),
    parameters: z
      .record(z.string().max(256), z.string().max(65_536))
      .default({})
      .refine((parameters) => Object.keys(parameters).length <= PARAMETERS_MAX, {
        error: `at most ${PARAMETERS_MAX} parameters`,
      })
      .describe('as with `--set name=value`; paths among them already absolute'),
    restoreFrom: locationSchema
      .describe('the folder of a savepoint or a checkpoint to start from, as a URI')
      .exactOptional(),
    allowDroppedState: z
      .boolean()
      .describe('state in it that this pipeline has no operator for is left behind')
      .exactOptional(),
    resume: z
      .boolean()
      .describe(
        'an unfinished job of this very pipeline is gone on with; where another one is ' +
          'unfinished, this one is refused',
      )
      .exactOptional(),
  }),
);

/** No body at all means the same as `{}`. */
export const savepointRequestSchema = named(
  'SavepointRequest',
  z.strictObject({
    directory: locationSchema
      .describe(
        'a URI; the folder of the savepoint is made in it. Default: `savepoints` of the storage',
      )
      .exactOptional(),
  }),
);

export const stopJobRequestSchema = named(
  'StopJobRequest',
  savepointRequestSchema.extend({
    savepoint: z
      .boolean()
      .describe('with it the answer comes once the job has ended, with the folder of a savepoint')
      .exactOptional(),
  }),
);

// Of paths

export const jobIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/u)
  .describe("a job's id, or its first characters");

/** Names that people give: everything but what could be a path, or break a line. */
const nameSchema = z.string().regex(/^(?!\.\.?$)[^/\\\p{Cc}]{1,256}$/u);

export const vertexIdSchema = nameSchema.describe('the id of a vertex');
export const taskManagerIdSchema = nameSchema.describe('the id of a task manager');
export const checkpointIdSchema = wholeNumber(z.int().min(1)).describe('the id of a checkpoint');

// Of queries

const limitSchema = wholeNumber(z.int().min(1).max(PAGE_LIMIT_MAX))
  .default(PAGE_LIMIT_DEFAULT)
  .describe('entries of one page');

const afterSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,1024}$/u)
  .describe('`next` of the page before')
  .exactOptional();

export const pageQuerySchema = z.strictObject({ limit: limitSchema, after: afterSchema });

export const jobsQuerySchema = pageQuerySchema.extend({
  state: jobStateSchema.describe('only jobs in this state').exactOptional(),
});

export const logQuerySchema = z.strictObject({
  offset: wholeNumber(z.int().min(0))
    .describe('from this byte on; default: the last `length` bytes')
    .exactOptional(),
  length: wholeNumber(z.int().min(1).max(LOG_BYTES_MAX))
    .default(LOG_BYTES_DEFAULT)
    .describe('so many bytes at most'),
  tail: wholeNumber(z.int().min(1).max(LOG_LINES_MAX))
    .describe('only the last lines; not together with `offset`')
    .exactOptional(),
});

/** Digits only: neither `1e3` nor ` 5`. */
function wholeNumber<Schema extends z.ZodType<number>>(schema: Schema) {
  return z.preprocess(
    (text) => (typeof text === 'string' && /^\d{1,16}$/u.test(text) ? Number(text) : text),
    schema,
  );
}
