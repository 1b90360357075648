import { z } from 'zod';
import { durationSchema } from './common.ts';

/** `sink: blackhole` (after Flink's connector): counts and forgets; `delay` makes it a slow sink. */
export const blackholeSchema = z.strictObject({
  delay: durationSchema.default(0).describe('time that each record takes, one after the other'),
});

export type BlackholeOptions = z.output<typeof blackholeSchema>;
