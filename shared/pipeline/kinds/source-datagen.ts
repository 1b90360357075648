import { z } from 'zod';

/**
 * `source: datagen` (after Flink's connector of that name): small generated records
 * `{ sequence, key, value }`, for tests, demonstrations and the exchange benchmark.
 */
export const datagenSourceSchema = z.strictObject({
  count: z.int().min(1).optional().describe('records over all subtasks; endless without it'),
  keys: z.int().min(1).default(1000).describe('distinct values of `key`'),
  rateMax: z.number().positive().optional().describe('records a second over all subtasks'),
});

export type DatagenSourceOptions = z.output<typeof datagenSourceSchema>;
