import { z } from 'zod';
import { durationSchema, locationSchema, sizeSchema } from './common.ts';

/** `source: files`: the files of a folder or of a bucket's prefix, once or for ever. */
export const filesSourceSchema = z.strictObject({
  path: locationSchema.describe('a folder or s3://bucket/prefix'),
  glob: z
    .union([z.string(), z.array(z.string()).min(1)])
    .default('**')
    .describe('which files, relative to `path`; hidden files are never read'),
  watch: durationSchema
    .optional()
    .describe('look for new files this often and never end; without it the pipeline ends'),
  overwrites: z
    .enum(['ignore', 'process'])
    .default('ignore')
    .describe('what to do with a file that is written again under the same name'),
  bytesMax: sizeSchema.default(64 * 1024 ** 2).describe('a longer file goes to the dead letters'),
  readAhead: z
    .int()
    .min(1)
    .max(1024)
    .default(16)
    .describe('files that one subtask reads or holds at a time'),
  rateMax: z
    .number()
    .positive()
    .optional()
    .describe('files a second, over all subtasks; unlimited without it'),
  seenMax: z
    .int()
    .min(1000)
    .default(20_000_000)
    .describe('files that the watch remembers (8 bytes each)'),
});

export type FilesSourceOptions = z.output<typeof filesSourceSchema>;
