import { z } from 'zod';
import { parseFieldPath } from '../record/field-path.ts';
import { resourcesSchema } from './kinds/common.ts';
import { KINDS, type NodeCategory } from './kinds/kinds.ts';
import { deadLettersSchema } from './kinds/sink-files.ts';
import { PARAMETER_NAME, parameterSchema } from './parameters.ts';
import { checkpointsSchema, restartSchema, stateSchema } from './recovery-schema.ts';

/** The shape of a pipeline's file: what surrounds the options of the kinds. */
export const NODE_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
export const NODES_MAX = 200;
const PARALLELISM_MAX = 1024;

export const parallelismSchema = z.int().min(1).max(PARALLELISM_MAX);

const fieldPathSchema = z
  .string()
  .refine((path) => parseFieldPath(path) !== null, 'a field is a name such as label or model.name');

const namesSchema = z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(NODES_MAX)]);

const ofEveryNode = {
  parallelism: parallelismSchema.optional().describe('subtasks; default: one on every slot'),
  resources: resourcesSchema.optional(),
};

const ofEveryReceiver = {
  from: namesSchema.describe('the node, or nodes, whose records come in'),
  partition: z
    .enum(['forward', 'rebalance', 'broadcast'])
    .optional()
    .describe('how records are spread over the subtasks; default: forward where possible'),
  keyBy: z
    .union([fieldPathSchema, z.array(fieldPathSchema).min(1).max(16)])
    .optional()
    .describe('fields; records with equal values meet in the same subtask'),
  chain: z.boolean().default(true).describe('false: a task of its own, never a direct call'),
};

/** The whole node: category key, common options, options of the kind. */
export function nodeSchema(category: NodeCategory, kind: string): z.ZodObject {
  const kinds: Readonly<Record<string, z.ZodObject>> = KINDS[category];
  const own = kinds[kind];
  if (own === undefined) throw new RangeError(`there is no ${category} ${kind}`);
  const receiver = category === 'source' ? {} : ofEveryReceiver;
  return z.strictObject({
    [category]: z.literal(kind),
    ...own.shape,
    ...receiver,
    ...ofEveryNode,
  });
}

/** What `nodeSchema` gives, without the options of the kind. */
export const commonSchema = z.object({
  ...ofEveryNode,
  ...ofEveryReceiver,
  from: namesSchema.default([]),
});

/** The names of the options that are no option of the kind. */
export const COMMON_OPTIONS: ReadonlySet<string> = new Set([
  'source',
  'transform',
  'sink',
  ...Object.keys(ofEveryNode),
  ...Object.keys(ofEveryReceiver),
]);

/** Nodes and parameters are looked into one by one, for better messages. */
export const pipelineSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$/, 'letters, digits, blanks, ".", "_" and "-"')
    .describe('the name of the job'),
  description: z.string().optional().describe('for people'),
  parameters: z
    .record(
      z.string().regex(PARAMETER_NAME),
      z.union([parameterSchema, z.string(), z.number(), z.boolean()]),
    )
    .nullish()
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the pipeline's own syntax
    .describe('values that `${name}` stands for; `--set name=value` changes them'),
  nodes: z.record(z.string().regex(NODE_NAME), z.unknown()).describe('name → node'),
  deadLetters: deadLettersSchema.optional().describe('where rejected records are written'),
  onError: z
    .enum(['dead-letter', 'fail'])
    .default('dead-letter')
    .describe('what a rejected record does: it is put aside, or the job fails'),
  parallelism: parallelismSchema.optional().describe('for nodes that name none'),
  checkpoints: checkpointsSchema,
  restart: restartSchema,
  state: stateSchema,
});

/** Options of the file's top level that are checked as one object. */
export const headSchema = pipelineSchema.extend({
  parameters: z.unknown().optional(),
  nodes: z.unknown().optional(),
});
