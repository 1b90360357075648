import { z } from 'zod';
import { countSchema, nextSchema, timeSchema } from './common-schemas.ts';
import { jobStateSchema } from './job-schemas.ts';
import { LOG_BYTES_MAX } from './rest-limits.ts';
import { named } from './schema-names.ts';

export const healthSchema = named(
  'Health',
  z.object({
    status: z.literal('ok'),
    role: z.enum(['leader', 'standby']),
    leader: z
      .object({ restAddress: z.string(), rpcAddress: z.string() })
      .nullable()
      .describe('as far as it is known'),
  }),
);

const slotCountsSchema = named('SlotCounts', z.object({ total: countSchema, free: countSchema }));

export const clusterSchema = named(
  'ClusterOverview',
  z.object({
    version: z.string(),
    jobManagerId: z.string(),
    processId: z.int(),
    startedAt: timeSchema,
    taskManagers: countSchema,
    slots: slotCountsSchema,
    jobs: z.partialRecord(jobStateSchema, countSchema),
  }),
);

export const taskManagerSchema = named(
  'TaskManager',
  z.object({
    id: z.string(),
    host: z.string(),
    processId: z.int(),
    dataAddress: z.string(),
    metricsAddress: z.string(),
    device: z.enum(['cpu', 'gpu']),
    labels: z.record(z.string(), z.string()),
    slots: slotCountsSchema,
    executors: countSchema,
    rssBytes: countSchema,
    cpuCoresUsed: countSchema,
    lastHeartbeatAgeMs: countSchema,
    state: z
      .enum(['ACTIVE', 'DRAINING', 'DRAINED'])
      .describe('DRAINING: it gets nothing new; DRAINED: and nothing runs there any more'),
    drainingReason: z
      .string()
      .nullable()
      .describe('what still runs there while it is DRAINING, and why'),
  }),
);

export const taskManagerListSchema = named(
  'TaskManagerList',
  z.object({ taskManagers: z.array(taskManagerSchema).describe('by id'), next: nextSchema }),
);

export const configSchema = named(
  'JobManagerConfig',
  z.object({
    jobManagerId: z.string(),
    options: z
      .record(z.string(), z.unknown())
      .describe('as they are in force, by their names in docs/configuration.md; secrets masked'),
  }),
);

export const logSchema = named(
  'Log',
  z.object({
    start: countSchema.describe('offset of the first byte that is kept'),
    end: countSchema.describe('bytes written since the process started'),
    offset: countSchema.describe('of the first byte of `text`'),
    next: countSchema.describe('what `offset` of the next request is, to go on'),
    text: z.string().max(LOG_BYTES_MAX).describe('whole lines'),
  }),
);

/** Not described further: it describes itself. */
export const openApiSchema = z.looseObject({ openapi: z.string() });
