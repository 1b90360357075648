import { z } from 'zod';
import { ERROR_CODES } from '../errors/codes.ts';
import type { SerializedError } from '../errors/sluice-error.ts';
import { named } from './schema-names.ts';

export const countSchema = z.number().min(0);

export const timeSchema = z.iso.datetime().describe('UTC, ISO 8601');

const contextSchema = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
  .describe('where it happened: field, file, line, job …');

export const errorSchema = named(
  'Error',
  z.object({
    code: z.enum(ERROR_CODES).describe('docs/errors.md lists them'),
    message: z.string(),
    domain: z.enum(['user', 'external', 'internal']).describe('who can mend it'),
    retry: z.enum(['none', 'backoff', 'restart-job']).describe('what helps'),
    context: contextSchema,
    hint: z.string().describe('what to do about it').exactOptional(),
    causes: z.array(z.string()).describe('the messages of the causes, outermost first'),
  }) satisfies z.ZodType<SerializedError>,
);

export const problemSchema = named(
  'Problem',
  z
    .object({
      type: z.string(),
      title: z.string(),
      status: z.int().min(400).max(599),
      detail: z.string(),
      code: z.string().describe('an error code of docs/errors.md'),
      hint: z.string().describe('what to do about it').exactOptional(),
      context: contextSchema.exactOptional(),
      problems: z
        .array(errorSchema)
        .describe('all of them, where a pipeline has several')
        .exactOptional(),
    })
    .describe('RFC 9457, application/problem+json'),
);

/** Of a list that comes in pages. */
export const nextSchema = z
  .string()
  .nullable()
  .describe('what `after` of the next request is; null: this was the last page');
