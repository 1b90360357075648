import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRows } from './result-rows.ts';

/** Generated records, counted by key behind a shuffle: a lost or doubled record shows. */
export interface CountingJob {
  readonly pipeline: string;
  /** Every record was counted, once. */
  assertExact(): void;
}

export function writeCountingJob(
  folder: string,
  options: {
    readonly name: string;
    readonly count: number;
    readonly rateMax?: number;
    /** A duration; default: the pipeline's. */
    readonly checkpointInterval?: string;
  },
): CountingJob {
  const { name, count, rateMax, checkpointInterval } = options;
  const output = join(folder, `${name}-counts`);
  const pipeline = join(folder, `${name}.yaml`);
  const rate = rateMax === undefined ? '' : `, rateMax: ${rateMax}`;
  writeFileSync(
    pipeline,
    `name: ${name}
${checkpointInterval === undefined ? '' : `checkpoints: { interval: ${checkpointInterval} }`}
nodes:
  numbers: { source: datagen, keys: 50, count: ${count}${rate} }
  counts: { transform: count, from: numbers, keyBy: key }
  rows: { sink: files, from: counts, path: "${output}" }
`,
  );
  return {
    pipeline,
    assertExact() {
      const rows = readRows<{ key: number; count: number }>(output);
      assert.equal(new Set(rows.map((row) => row.key)).size, rows.length, 'a key has one count');
      assert.equal(
        rows.reduce((sum, row) => sum + row.count, 0),
        count,
      );
    },
  };
}
