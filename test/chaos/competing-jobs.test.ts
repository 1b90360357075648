/** More work than slots, and graphs with every kind of edge: nothing is lost or doubled. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobDetail } from '../../shared/rest/rest-types.ts';
import { writeCountingJob } from '../support/counting-job.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalCluster } from '../support/local-cluster.ts';
import { readRows } from '../support/result-rows.ts';
import { sluice, sluiceJson } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('when three jobs want the slots of one, then they wait, say why, and run in turn', async (t) => {
  const folder = temporaryFolder(t);
  const cluster = await startLocalCluster(t, ['-n', '2']);
  const jobs = ['first', 'second', 'third'].map((name) =>
    writeCountingJob(folder, { name, count: 20_000, rateMax: 20_000 }),
  );
  const ids: string[] = [];
  for (const { pipeline } of jobs) {
    const command = ['submit', pipeline, '--detached', '--json', ...cluster.where];
    ids.push((await sluiceJson<{ id: string }>(command)).id);
  }
  const last = ids.at(-1) ?? '';
  const waiting = await cluster.json<JobDetail>(['job', last]);
  assert.equal(waiting.state, 'WAITING_FOR_RESOURCES');
  assert.match(waiting.waitingReason ?? '', /needs 1 cpu slot, 0 free/);
  await eventually(
    async () => (await cluster.json<JobDetail>(['job', last])).state === 'FINISHED',
    { timeoutMs: 30_000 },
  );
  for (const job of jobs) job.assertExact();
});

test('when records are joined, shuffled, copied and dropped, then all of them arrive', async (t) => {
  const folder = temporaryFolder(t);
  const pipeline = join(folder, 'edges.yaml');
  writeFileSync(
    pipeline,
    `name: edges
parallelism: 3
nodes:
  a: { source: datagen, count: 3000, keys: 7 }
  b: { source: datagen, count: 2000, keys: 7 }
  counts: { transform: count, from: [a, b], keyBy: key }
  copies: { transform: filter, from: a, partition: broadcast, where: "true" }
  none: { transform: filter, from: [a, b], where: "value < 0.0" }
  odd: { transform: map, from: a, fields: { half: "sequence == 7.0 ? 1 / 0 : 2" } }
  countRows: { sink: files, from: counts, path: "${folder}/counts", parallelism: 1 }
  copyRows: { sink: files, from: copies, path: "${folder}/copies" }
  noRows: { sink: files, from: none, path: "${folder}/none" }
  oddRows: { sink: files, from: odd, path: "${folder}/odd" }
deadLetters: { path: "${folder}/dead" }
`,
  );
  const result = await sluice(['run', pipeline, '--slots', '3', '--no-progress']);
  assert.equal(result.code, 0, result.stdout + result.stderr);
  const counts = readRows<{ key: number; count: number }>(join(folder, 'counts'));
  assert.deepEqual(counts.map((row) => row.key).toSorted(), [0, 1, 2, 3, 4, 5, 6]);
  assert.equal(
    counts.reduce((sum, row) => sum + row.count, 0),
    5000,
  );
  const copies = readRows<{ sequence: number }>(join(folder, 'copies'));
  assert.equal(copies.length, 9000);
  assert.equal(new Set(copies.map((row) => row.sequence)).size, 3000);
  assert.equal(readRows(join(folder, 'none')).length, 0);
  assert.equal(readRows(join(folder, 'odd')).length, 2999);
  const dead = readRows<{ code: string; node: string }>(join(folder, 'dead'));
  assert.deepEqual(
    dead.map(({ code, node }) => `${node} ${code}`),
    ['odd EXPRESSION_FAILED'],
  );
});
