import { z } from 'zod';
import type { PlanNode } from '../job-graph/job-plan.ts';
import {
  EXECUTION_TRANSITIONS,
  type ExecutionState,
  JOB_TRANSITIONS,
  type JobState,
} from '../job-graph/states.ts';
import { checkpointsSummarySchema } from './checkpoint-schemas.ts';
import { countSchema, errorSchema, nextSchema, timeSchema } from './common-schemas.ts';
import { EXCEPTIONS_MAX } from './rest-limits.ts';
import { named } from './schema-names.ts';

export const jobStateSchema = z.enum(Object.keys(JOB_TRANSITIONS) as JobState[]);

const executionStateSchema = z.enum(Object.keys(EXECUTION_TRANSITIONS) as ExecutionState[]);

const deviceSchema = z.enum(['cpu', 'gpu']);

const tasksSchema = z
  .partialRecord(executionStateSchema, countSchema)
  .describe('how many subtasks are in which state');

const latencies = { latencyP50Ms: countSchema, latencyP99Ms: countSchema };

export const jobSummarySchema = named(
  'JobSummary',
  z.object({
    id: z.string(),
    name: z.string(),
    state: jobStateSchema,
    submittedAt: timeSchema,
    endedAt: timeSchema.nullable(),
    durationMs: countSchema,
    tasks: tasksSchema,
  }),
);

export const jobListSchema = named(
  'JobList',
  z.object({ jobs: z.array(jobSummarySchema).describe('newest first'), next: nextSchema }),
);

const failureShape = {
  error: errorSchema,
  at: timeSchema,
  vertexId: z.string().nullable(),
  vertexName: z.string().describe("the chain's name, for people").exactOptional(),
  subtask: z.int().nullable(),
  taskManagerId: z.string().nullable(),
};

const jobFailureSchema = named(
  'JobFailure',
  z.object(failureShape).describe('the first thing that went wrong, and where'),
);

const jobExceptionSchema = named(
  'JobException',
  z.object({
    ...failureShape,
    outcome: z.enum(['restarted', 'failed']).describe('what it was followed by'),
  }),
);

export const exceptionListSchema = named(
  'JobExceptionList',
  z.object({
    exceptions: z.array(jobExceptionSchema).describe('newest first'),
    next: nextSchema,
  }),
);

const progressSchema = named(
  'JobProgress',
  z.object({
    recordsRead: countSchema.describe('records that sources emitted'),
    recordsDone: countSchema.describe(
      'records that have left the job again: written, dropped by a filter, or rejected',
    ),
    recordsTotal: countSchema
      .nullable()
      .describe('what `recordsDone` comes to, as far as the sources know now; null: they cannot'),
    recordsWritten: z
      .record(z.string(), countSchema)
      .describe('records that reached the sinks, for each sink node'),
    recordsRejected: countSchema,
    splitsDiscovered: countSchema.describe(
      'splits that the sources found; the total once `discoveryComplete`',
    ),
    discoveryComplete: z.boolean(),
    recordsPerSecond: countSchema.describe(
      'records read, over the last seconds; over the whole job once it has ended',
    ),
    ...latencies,
    activeMs: countSchema.describe('from the first record read to the last one written, or to now'),
  }),
);

const operatorSchema = named(
  'OperatorDetail',
  z
    .object({
      id: z.string(),
      kind: z.string(),
      recordsIn: countSchema,
      recordsOut: countSchema,
      recordsRejected: countSchema,
      inFlight: countSchema,
      ...latencies,
    })
    .describe('summed over the subtasks'),
);

const shareSchema = z.number().min(0).max(1);

const subtaskSchema = named(
  'SubtaskDetail',
  z.object({
    index: z.int(),
    attempt: z.int(),
    state: executionStateSchema,
    taskManagerId: z.string().nullable(),
    recordsIn: countSchema,
    recordsOut: countSchema,
    recordsPerSecond: countSchema,
    busy: shareSchema.describe(
      'share of the last seconds (of its life once it has ended); adds up to 1 with the next two',
    ),
    idle: shareSchema,
    backPressured: shareSchema,
    buffersInQueued: countSchema,
    buffersOutQueued: countSchema,
  }),
);

export const subtaskListSchema = named(
  'SubtaskList',
  z.object({ subtasks: z.array(subtaskSchema).describe('by index'), next: nextSchema }),
);

const vertexShape = {
  id: z.string(),
  name: z.string(),
  device: deviceSchema,
  parallelism: countSchema,
  operators: z.array(operatorSchema),
};

export const vertexSchema = named(
  'VertexDetail',
  z.object({ ...vertexShape, subtasks: z.array(subtaskSchema) }),
);

const vertexSummarySchema = named(
  'VertexSummary',
  z.object({ ...vertexShape, tasks: tasksSchema }),
);

export const vertexListSchema = named(
  'VertexList',
  z.object({ vertices: z.array(vertexSummarySchema).describe('in topological order') }),
);

const rescaleSchema = named(
  'JobRescale',
  z.object({
    at: timeSchema,
    reason: z.string().describe('`classify: 2 → 4`, or which task manager drains'),
  }),
);

export const jobDetailSchema = named(
  'JobDetail',
  jobSummarySchema.extend({
    bounded: z.boolean(),
    waitingReason: z
      .string()
      .describe('only while it waits for slots: `needs 4 cpu slots, 2 free`')
      .exactOptional(),
    failure: jobFailureSchema.nullable().describe('what ended the job'),
    restarts: countSchema.describe(
      'how often it, or a part of it, was started again after a failure',
    ),
    rescales: countSchema.describe(
      'how often it was moved to other slots, at another parallelism perhaps; no failure is behind it',
    ),
    lastRescale: rescaleSchema.nullable(),
    exceptions: z
      .array(jobExceptionSchema)
      .max(EXCEPTIONS_MAX)
      .describe('what it failed of, the last ones, newest first'),
    checkpoints: checkpointsSummarySchema.nullable().describe('null where none are taken'),
    progress: progressSchema,
    vertices: z.array(vertexSchema),
  }),
);

const planNodeSchema = named(
  'PlanNode',
  z.object({
    id: z.string(),
    kind: z.string(),
    from: z.array(z.string()).describe('upstream nodes'),
    options: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('of sources and sinks, as the compiler completed them'),
  }),
) as unknown as z.ZodType<PlanNode>;

export const jobPlanSchema = named(
  'JobPlan',
  z.object({
    id: z.string(),
    name: z.string(),
    state: jobStateSchema,
    nodes: z.array(planNodeSchema).describe('in topological order'),
  }),
);

export const submitJobAnswerSchema = named(
  'SubmitJobAnswer',
  z.object({
    id: z.string(),
    warnings: z.array(errorSchema).describe('what is allowed in the pipeline, but seldom meant'),
    resumed: z.boolean().describe('the job was there already, and goes on'),
  }),
);
