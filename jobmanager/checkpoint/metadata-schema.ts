import { z } from 'zod';
import {
  type CheckpointMetadata,
  METADATA_VERSION,
} from '../../shared/checkpoint/checkpoint-metadata.ts';
import { CHECKPOINT_PURPOSES } from '../../shared/record/stream-event.ts';

/** The shape of `_metadata`: it may have been written by anybody. */

const count = z.int().min(0);

const handle = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('inline'), base64: z.string() }),
  z.object({
    kind: z.literal('object'),
    uri: z.string().min(1),
    offset: count,
    length: count,
    crc32: count,
  }),
]);

const operatorState = z.object({
  lists: z.record(
    z.string(),
    z.object({ mode: z.enum(['split', 'union', 'broadcast']), handle, entries: count }),
  ),
  keyed: z.record(
    z.string(),
    z.object({
      segments: z.array(
        z.object({
          kind: z.enum(['base', 'changes']),
          firstKeyGroup: count,
          offsets: z.array(count),
          handle,
        }),
      ),
    }),
  ),
});

const subtask = z.object({
  operators: z.record(z.string(), operatorState),
  channels: z.array(
    z.object({
      edgeId: z.string(),
      direction: z.enum(['input', 'output']),
      channel: count,
      buffers: z.array(handle),
    }),
  ),
});

export const metadataSchema = z.object({
  version: z.literal(METADATA_VERSION),
  sluiceVersion: z.string(),
  jobId: z.string().min(1),
  jobName: z.string(),
  checkpointId: count,
  purpose: z.enum(CHECKPOINT_PURPOSES),
  triggeredAtMs: z.number(),
  completedAtMs: z.number(),
  unaligned: z.boolean(),
  vertices: z.array(
    z.object({
      vertexId: z.string(),
      maxParallelism: z.int().min(1),
      subtasks: z.array(subtask),
    }),
  ),
  enumerators: z.record(z.string(), handle),
  enumeratorParts: z.record(z.string(), z.array(handle)).optional(),
}) satisfies z.ZodType<CheckpointMetadata>;
