import { z } from 'zod';

/**
 * `transform: count`: counts the records of each key (the node's `keyBy`) and emits
 * `{ <key fields>, count }` at the end of the input.
 */
export const countSchema = z.strictObject({});
