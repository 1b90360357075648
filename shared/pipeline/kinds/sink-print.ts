import { z } from 'zod';

/** `sink: print`: a JSON line a record on the task manager's standard output. */
export const printSchema = z.strictObject({
  fields: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('the fields to print; default: all'),
});

export type PrintOptions = z.output<typeof printSchema>;
