/**
 * Savepoints restored at another parallelism, with another backend and by another topology, with the
 * command line on a cluster of processes: the results are those of a job that was never interrupted.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobDetail } from '../../shared/rest/rest-types.ts';
import { eventually } from '../support/eventually.ts';
import { type LocalTestCluster, startLocalCluster } from '../support/local-cluster.ts';
import { readRows } from '../support/result-rows.ts';
import { sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { EXAMPLE_IMAGES, EXAMPLE_MODEL } from '../support/watch-job.ts';

const RECORDS = 20_000;
const KEYS = 97;
/** So long a job of `SLOW` takes: time enough to be stopped in the middle. */
const SLOW = 1_000;
const FAST = 1_000_000;

interface Counting {
  readonly parallelism: number;
  readonly rateMax: number;
  readonly backend: 'heap' | 'lmdb';
  readonly output: string;
  /** Further lines below `nodes`, or instead of the counting ones. */
  readonly more?: string;
  readonly counts?: string;
}

/** Counts generated records by key, and writes every record too. */
function writeCounting(folder: string, job: Counting): string {
  const path = join(folder, `${job.output}.yaml`);
  const output = join(folder, job.output);
  const counts =
    job.counts ??
    `  counts: { transform: count, from: numbers, keyBy: key }
  totals: { sink: files, from: counts, path: "${output}/totals" }`;
  writeFileSync(
    path,
    `name: counting
parallelism: ${job.parallelism}
checkpoints: { interval: 200ms }
state: { backend: ${job.backend} }
nodes:
  numbers: { source: datagen, keys: ${KEYS}, count: ${RECORDS}, rateMax: ${job.rateMax} }
  all: { sink: files, from: numbers, path: "${output}/all" }
${counts}
${job.more ?? ''}
`,
  );
  return path;
}

function countsOf(folder: string, output: string): ReadonlyMap<number, number> {
  const rows = readRows<{ key: number; count: number }>(join(folder, output, 'totals'));
  const counts = new Map(rows.map(({ key, count }) => [key, count]));
  assert.equal(counts.size, rows.length, 'a key has one count');
  return new Map([...counts].toSorted(([left], [right]) => left - right));
}

function assertEachOnce(folder: string, outputs: readonly string[]): void {
  const rows = outputs.flatMap((output) =>
    readRows<{ sequence: number }>(join(folder, output, 'all')),
  );
  const distinct = new Set(rows.map(({ sequence }) => sequence));
  assert.deepEqual([rows.length, distinct.size], [RECORDS, RECORDS]);
}

/** Starts it, lets it get somewhere, and stops it with a savepoint; gives that. */
async function interrupt(
  cluster: LocalTestCluster,
  command: readonly string[],
  recordsMin: number,
): Promise<string> {
  const { id } = await cluster.json<{ id: string }>([...command, '--detached']);
  const isUnderWay = async () => {
    const { progress } = await cluster.json<JobDetail>(['job', id]);
    return progress.recordsRead >= recordsMin;
  };
  await eventually(isUnderWay, { timeoutMs: 60_000, message: 'it reads nothing' });
  const { path } = await cluster.json<{ path: string }>(['stop', id, '--savepoint']);
  assert.equal((await cluster.json<JobDetail>(['job', id])).state, 'FINISHED');
  return path;
}

async function finish(
  cluster: LocalTestCluster,
  pipeline: string,
  from: string,
): Promise<JobDetail> {
  const command = ['submit', pipeline, '--from', from, '--no-progress'];
  const job = await cluster.json<JobDetail>(command);
  assert.equal(job.state, 'FINISHED');
  return job;
}

function subtasksOf(job: JobDetail): number {
  return Math.max(...job.vertices.map(({ subtasks }) => subtasks.length));
}

test('savepoints', async (t) => {
  const folder = temporaryFolder(t);
  const cluster = await startLocalCluster(t, ['-n', '2', '--slots', '3']);
  const { where } = cluster;
  let savepoint = '';

  const straight = { parallelism: 2, rateMax: FAST, backend: 'heap', output: 'straight' } as const;
  await cluster.submit(writeCounting(folder, straight));
  const expected = countsOf(folder, 'straight');
  assert.equal(expected.size, KEYS);

  for (const [backend, other] of [
    ['heap', 'lmdb'],
    ['lmdb', 'heap'],
  ] as const) {
    const job = (output: string, parallelism: number, rateMax = FAST) =>
      writeCounting(folder, { parallelism, rateMax, backend, output: `${backend}-${output}` });

    await t.test(
      `when 2 become 3 on the ${backend} backend, then counts are the same`,
      async () => {
        const command = ['submit', job('at-2', 2, SLOW)];
        savepoint = await interrupt(cluster, command, 2_000);
        assert.equal(countsOf(folder, `${backend}-at-2`).size, 0, 'nothing is counted yet');
        const restored = await finish(cluster, job('at-3', 3), savepoint);
        assert.equal(subtasksOf(restored), 3);
        assert.ok(restored.progress.recordsRead < RECORDS, 'it begins where the other one ended');
        assert.deepEqual(countsOf(folder, `${backend}-at-3`), expected);
        assertEachOnce(folder, [`${backend}-at-2`, `${backend}-at-3`]);
      },
    );

    await t.test(`when 2 become 5, and 1 on ${other}, then counts are the same`, async () => {
      const command = ['submit', job('at-5', 5, SLOW), '--from', savepoint];
      const second = await interrupt(cluster, command, 2_000);
      const last = { parallelism: 1, rateMax: FAST, backend: other, output: `${backend}-at-1` };
      await finish(cluster, writeCounting(folder, last), second);
      assert.deepEqual(countsOf(folder, `${backend}-at-1`), expected);
      const outputs = ['at-2', 'at-5', 'at-1'].map((output) => `${backend}-${output}`);
      assertEachOnce(folder, outputs);
    });

    await t.test(`when 2 become 5 in one go on ${backend}, then counts are the same`, async () => {
      const restored = await finish(cluster, job('in-one-go', 5), savepoint);
      assert.equal(subtasksOf(restored), 5);
      assert.deepEqual(countsOf(folder, `${backend}-in-one-go`), expected);
    });
  }

  const changed = { parallelism: 2, rateMax: FAST, backend: 'lmdb' } as const;
  const refused = async (pipeline: string): Promise<string> => {
    const { code, stderr } = await sluice(['submit', pipeline, '--from', savepoint, ...where]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^error CHECKPOINT_MISMATCH: /);
    return stderr;
  };

  await t.test('when a node is added, then it starts empty and the others go on', async () => {
    const output = 'added';
    const more =
      `  even: { transform: filter, from: numbers, where: "key % 2 == 0" }\n` +
      `  again: { transform: count, from: even, keyBy: key }\n` +
      `  evens: { sink: files, from: again, path: "${join(folder, output, 'evens')}" }`;
    await finish(cluster, writeCounting(folder, { ...changed, output, more }), savepoint);
    assert.deepEqual(countsOf(folder, output), expected);
    const evens = readRows<{ count: number }>(join(folder, output, 'evens'));
    const sum = evens.reduce((all, { count }) => all + count, 0);
    assert.ok(sum > 0 && sum < RECORDS / 2, `${sum} of the rest`);
  });

  await t.test('when a node is gone, then its state is named, or dropped', async () => {
    const output = 'removed';
    const pipeline = writeCounting(folder, { ...changed, output, counts: '' });
    assert.match(await refused(pipeline), /: counts \([^)]*counts[^)]*\)/);
    const command = ['submit', pipeline, '--from', savepoint, '--allow-dropped-state'];
    await cluster.json<JobDetail>([...command, '--no-progress']);
    assertEachOnce(folder, ['lmdb-at-2', output]);
  });

  await t.test('when the source has another name, then its positions are named', async () => {
    const pipeline = writeCounting(folder, { ...changed, output: 'renamed' });
    writeFileSync(pipeline, readFileSync(pipeline, 'utf8').replaceAll('numbers', 'figures'));
    assert.match(await refused(pipeline), /: numbers \(enumerator, [^)]*splits[^)]*\)\./);
  });

  await t.test('when key groups would be others, then that is refused', async () => {
    const wide = writeCounting(folder, { ...changed, output: 'wide', parallelism: 200 });
    assert.match(await refused(wide), /counts lies in 128 key groups; the pipeline wants 256/);
  });

  await t.test('when the image job goes from 2 to 3, then the audit is exact', async () => {
    const images = (parallelism: number, rateMax: number): string => {
      const path = join(folder, `images-${parallelism}.yaml`);
      const output = join(folder, 'images');
      writeFileSync(
        path,
        `name: images
parallelism: ${parallelism}
checkpoints: { interval: 300ms }
nodes:
  images: { source: files, path: "${EXAMPLE_IMAGES}", rateMax: ${rateMax} }
  tensors: { transform: image-tensor, from: images }
  classes: { transform: onnx, from: tensors, model: "${EXAMPLE_MODEL}" }
  results: { sink: files, from: classes, path: "${output}/results" }
  thumbnails: { sink: thumbnails, from: classes, path: "${output}/thumbnails" }
deadLetters: { path: "${output}/dead-letters" }
`,
      );
      return path;
    };
    const from = await interrupt(cluster, ['submit', images(2, 10)], 10);
    const half = readRows<object>(join(folder, 'images', 'results')).length;
    const last = await finish(cluster, images(3, 1_000), from);
    const all = readRows<object>(join(folder, 'images', 'results')).length;
    assert.ok(half > 0 && half < all, `${half} of ${all} rows before`);
    const { code, stdout, stderr } = await sluice(['audit', last.id, ...where]);
    assert.deepEqual([code, stderr], [0, ''], stdout);
    assert.match(stdout, /\nexact: /);
  });
});
