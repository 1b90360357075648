import { z } from 'zod';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import { JOB_TRANSITIONS, type JobState } from '../../shared/job-graph/states.ts';
import { CHECKPOINT_PURPOSES } from '../../shared/record/stream-event.ts';
import type { JobFailure } from '../../shared/rest/rest-types.ts';
import type { RegisteredCheckpoint } from '../checkpoint/completed-checkpoint.ts';
import type { SlotOffer } from '../scheduler/slots.ts';

/** Raised whenever the record changes in a way that older versions cannot read. */
export const JOB_RECORD_VERSION = 1;

/** What outlives a job manager of one job: the content of `jobs/<id>/job`, as JSON. */
export interface JobRecord {
  readonly version: typeof JOB_RECORD_VERSION;
  /** Of the leader that wrote it; only it may write the next one. */
  readonly epoch: number;
  /** Counts the writes: with the epoch it tells any two of them apart. */
  readonly revision: number;
  readonly jobId: string;
  readonly submittedAtMs: number;
  readonly state: JobState;
  readonly jobGraph: JobGraph;
  /** To recover from, oldest first; what is not named here does not count. */
  readonly checkpoints: readonly RegisteredCheckpoint[];
  /** No checkpoint that was registered has this id or a higher one. */
  readonly nextCheckpointId: number;
  /** `stop` was asked for: its sources find nothing more. */
  readonly stopping: boolean;
  /** Null until tasks were deployed. */
  readonly execution: RecordedExecution | null;
  readonly endedAtMs: number | null;
  /** Only of a job that has FAILED. */
  readonly failure: JobFailure | null;
}

export interface RecordedExecution {
  /** The current attempt of every subtask, vertex by vertex, in order. */
  readonly attempts: readonly RecordedAttempt[];
}

export interface RecordedAttempt {
  readonly vertexId: string;
  readonly subtask: number;
  readonly attempt: number;
  readonly slot: Omit<SlotOffer, 'free'>;
}

/** What a job is submitted with. */
export type NewJob = Pick<JobRecord, 'jobId' | 'submittedAtMs' | 'jobGraph' | 'checkpoints'>;

export function newRecord(job: NewJob, epoch: number): JobRecord {
  const ids = job.checkpoints.map(({ checkpointId }) => checkpointId);
  return {
    version: JOB_RECORD_VERSION,
    epoch,
    revision: 1,
    ...job,
    state: 'CREATED',
    nextCheckpointId: Math.max(0, ...ids) + 1,
    stopping: false,
    execution: null,
    endedAtMs: null,
    failure: null,
  };
}

export function hasEnded({ state }: Pick<JobRecord, 'state'>): boolean {
  return JOB_TRANSITIONS[state].length === 0;
}

/** A graph of a thousand nodes and ten thousand attempts stay far below it. */
export const JOB_RECORD_BYTES_MAX = 16 * 1024 ** 2;

export function encodeRecord(uri: string, record: JobRecord): Uint8Array {
  const bytes = Buffer.from(`${JSON.stringify(record)}\n`, 'utf8');
  if (bytes.length <= JOB_RECORD_BYTES_MAX) return bytes;
  throw new SluiceError('OBJECT_TOO_LARGE', `the record of job ${record.jobId} is too large`, {
    domain: 'internal',
    context: { uri, size: bytes.length, sizeMax: JOB_RECORD_BYTES_MAX },
  });
}

const slotSchema = z.object({
  taskManagerId: z.string(),
  hostName: z.string(),
  slotIndex: z.int().nonnegative(),
  device: z.enum(['cpu', 'gpu']),
  labels: z.record(z.string(), z.string()),
  dataAddress: z.object({ taskManagerId: z.string(), host: z.string(), port: z.int() }),
});

const recordSchema = z.object({
  version: z.literal(JOB_RECORD_VERSION),
  epoch: z.int().positive(),
  revision: z.int().positive(),
  jobId: z.string().min(1),
  submittedAtMs: z.number(),
  state: z.string().refine((state) => Object.hasOwn(JOB_TRANSITIONS, state)),
  jobGraph: z.looseObject({ name: z.string(), vertices: z.array(z.unknown()) }),
  checkpoints: z.array(
    z.object({
      checkpointId: z.int().positive(),
      purpose: z.enum(CHECKPOINT_PURPOSES),
      uri: z.string(),
      completedAtMs: z.number(),
    }),
  ),
  nextCheckpointId: z.int().positive(),
  stopping: z.boolean(),
  execution: z
    .object({
      attempts: z.array(
        z.object({
          vertexId: z.string(),
          subtask: z.int().nonnegative(),
          attempt: z.int().nonnegative(),
          slot: slotSchema,
        }),
      ),
    })
    .nullable(),
  endedAtMs: z.number().nullable(),
  failure: z.unknown(),
});

/** Throws STATE_CORRUPT for what no job manager of this version has written. */
export function decodeRecord(uri: string, bytes: Uint8Array): JobRecord {
  try {
    const text = Buffer.from(bytes).toString('utf8');
    // The graph and the failure were made by a job manager of a version that wrote this format.
    return recordSchema.parse(JSON.parse(text)) as unknown as JobRecord;
  } catch (cause) {
    throw new SluiceError('STATE_CORRUPT', `${uri} is no record of a job that is known here`, {
      domain: 'external',
      context: { uri },
      hint: 'it may have been written by another version of Sluice',
      cause,
    });
  }
}
