import { z } from 'zod';
import { durationSchema, locationSchema, sizeSchema } from './common.ts';

/** When a part file is finished and becomes visible (Flink's rolling policy). */
export const rollSchema = z.strictObject({
  size: sizeSchema.default(128 * 1024 ** 2).describe('finish a part file at this size'),
  age: durationSchema.default(60_000).describe('finish a part file this long after its first row'),
});

/** `sink: files`: rows in part files that are invisible until they are finished. */
export const filesSinkSchema = z.strictObject({
  path: locationSchema.describe('the folder or prefix of the part files'),
  format: z.enum(['jsonl', 'csv']).default('jsonl').describe('one JSON object a line, or CSV'),
  fields: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('the fields to write, in order; `model.name` reaches inside. Default: all (JSONL)'),
  roll: rollSchema.prefault({}).describe('when a part file is finished and becomes visible'),
});

export type FilesSinkOptions = z.output<typeof filesSinkSchema>;
export type RollOptions = z.output<typeof rollSchema>;

/** `deadLetters`: where what was rejected goes, for the whole pipeline. */
export const deadLettersSchema = z.strictObject({
  path: locationSchema.describe('the folder or prefix of the part files (JSONL)'),
  roll: rollSchema.prefault({}).describe('when a part file is finished and becomes visible'),
});

export type DeadLettersOptions = z.output<typeof deadLettersSchema>;
