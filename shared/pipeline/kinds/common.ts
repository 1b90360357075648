import { z } from 'zod';

/**
 * The vocabulary that the options of all kinds share. Schemas take what the YAML says and give what
 * the engine wants: durations become `…Ms` numbers, sizes become bytes.
 */

const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)$/;
const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

function durationMs(text: string): number {
  const [, amount = '0', unit = 'ms'] = DURATION.exec(text) ?? [];
  return Number(amount) * (DURATION_MS[unit] ?? 1);
}

const DURATION_HINT = 'a duration is a number and a unit: 500ms, 10s, 5m, 1h';

/** `10s`, `500ms`, `2m`, `1h`; gives milliseconds. */
export const durationSchema = z
  .string()
  .regex(DURATION, DURATION_HINT)
  .transform(durationMs)
  .meta({ title: 'duration', examples: ['500ms', '10s', '5m'] });

/** A duration with a lower bound. */
export function durationOfAtLeast(minMs: number) {
  return z
    .string()
    .regex(DURATION, { error: DURATION_HINT, abort: true })
    .refine((text) => durationMs(text) >= minMs, `it must be at least ${minMs}ms`)
    .transform(durationMs)
    .meta({ title: 'duration', examples: ['500ms', '10s', '5m'] });
}

const DURATION_OR_NEVER = new RegExp(`^never$|${DURATION.source}`);

/** A duration, or `never`, which gives null. */
export const durationOrNeverSchema = z
  .string()
  .regex(DURATION_OR_NEVER, 'it is a duration such as 500ms, 10s, 5m, or never')
  .transform((text) => (text === 'never' ? null : durationMs(text)))
  .meta({ title: 'duration or never', examples: ['500ms', '10s', 'never'] });

const SIZE = /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)$/;
const SIZE_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** `64MiB`, `10MB`; gives bytes. */
export const sizeSchema = z
  .string()
  .regex(SIZE, 'a size is a number and a unit: 512KiB, 64MiB, 1GB')
  .transform((text) => {
    const [, amount = '0', unit = 'B'] = SIZE.exec(text) ?? [];
    return Math.round(Number(amount) * (SIZE_BYTES[unit] ?? 1));
  })
  .meta({ title: 'size', examples: ['64MiB', '10MB'] });

/** A path relative to the pipeline's file, an absolute path, or a URI; made a URI when compiled. */
export const locationSchema = z
  .string()
  .min(1)
  .meta({ title: 'location', examples: ['./images', 's3://bucket/prefix'] });

/** A CEL expression over the record's fields. */
export const expressionSchema = z
  .string()
  .min(1)
  .meta({ title: 'CEL expression', examples: ['label == "traffic light" && score > 0.5'] });

/** What a subtask needs of the task manager it runs on. */
export const resourcesSchema = z
  .strictObject({
    device: z.enum(['cpu', 'gpu']).default('cpu').describe('the kind of slot'),
    labels: z
      .record(z.string(), z.string())
      .default({})
      .describe('labels that the task manager must carry'),
    fallback: z
      .enum(['none', 'cpu'])
      .default('none')
      .describe('`cpu`: run on a CPU slot where no GPU slot is registered'),
  })
  .describe('what a subtask needs of its slot');

export type ResourceRequest = z.output<typeof resourcesSchema>;
