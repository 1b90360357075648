import { z } from 'zod';
import { expressionSchema } from './common.ts';

/** `transform: filter`: keeps the records for which the expression is true. */
export const filterSchema = z.strictObject({
  where: expressionSchema.describe('a CEL expression that gives true or false'),
});

export type FilterOptions = z.output<typeof filterSchema>;
