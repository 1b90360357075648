import { z } from 'zod';
import { expressionSchema } from './common.ts';

/** `transform: map`: computes fields. */
export const mapSchema = z.strictObject({
  fields: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a field name'), expressionSchema)
    .describe('field → CEL expression'),
  keep: z
    .union([z.literal('all'), z.literal('none'), z.array(z.string())])
    .default('all')
    .describe('which of the fields that were there stay: all, none, or a list'),
});

export type MapOptions = z.output<typeof mapSchema>;
