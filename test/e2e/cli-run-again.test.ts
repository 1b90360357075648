/** `sluice run --storage`, killed and run again. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { readRows } from '../support/result-rows.ts';
import { SluiceProcess, sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const RECORDS = 6_000;

function writePipeline(folder: string, name: string): string {
  const path = join(folder, `${name}.yaml`);
  writeFileSync(
    path,
    `name: ${name}
parameters: { rate: 2000 }
checkpoints: { interval: 200ms }
nodes:
  numbers: { source: datagen, keys: 10, count: ${RECORDS}, rateMax: "\${rate}" }
  all: { sink: files, from: numbers, path: "${folder}/${name}/all" }
  counts: { transform: count, from: numbers, keyBy: key }
  totals: { sink: files, from: counts, path: "${folder}/${name}/totals" }
`,
  );
  return path;
}

test('sluice run --storage', async (t) => {
  const folder = temporaryFolder(t);
  const storage = join(folder, 'storage');
  const jobs = join(storage, 'jobs');
  const run = (pipeline: string) => ['run', pipeline, '--storage', storage, '--no-progress'];
  const counted = writePipeline(folder, 'counted');
  const rows = (): { sequence: number }[] => readRows(join(folder, 'counted', 'all'));

  await t.test('when it is killed, then its job is unfinished in the storage', async () => {
    const first = new SluiceProcess(run(counted));
    await eventually(() => rows().length > 0, { timeoutMs: 30_000, message: 'no rows' });
    first.child.kill('SIGKILL');
    await first.ended;
    assert.equal(readdirSync(jobs).length, 1);
    assert.ok(rows().length < RECORDS);
  });

  await t.test('when another pipeline is to run there, then it is refused', async () => {
    const [id = ''] = readdirSync(jobs);
    const other = await sluice(run(writePipeline(folder, 'other')));
    assert.equal(other.code, 2, other.stderr);
    const problem = `error JOB_STATE: the storage holds an unfinished job, ${id} \\(counted\\), `;
    assert.match(other.stderr, new RegExp(`^${problem}`, 'm'));
    assert.ok(!existsSync(join(folder, 'other')), 'it has not begun');
    const slower = await sluice([...run(counted), '--set', 'rate=1']);
    assert.equal(slower.code, 2, 'other parameters make another job of it');
  });

  await t.test('when it is run again, then it goes on and every record is there once', async () => {
    const [id = ''] = readdirSync(jobs);
    const { code, stderr } = await sluice(run(counted));
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`^going on with job ${id} of an earlier run$`, 'm'));
    const distinct = new Set(rows().map(({ sequence }) => sequence));
    assert.deepEqual([rows().length, distinct.size], [RECORDS, RECORDS]);
    const totals = readRows<{ count: number }>(join(folder, 'counted', 'totals'));
    assert.equal(
      totals.reduce((sum, { count }) => sum + count, 0),
      RECORDS,
    );
  });

  await t.test(
    'when it has finished, then its checkpoints are gone and it may begin anew',
    async () => {
      const [id = ''] = readdirSync(jobs);
      assert.deepEqual(readdirSync(join(jobs, id)), ['job']);
      const { code, stderr } = await sluice([
        ...run(writePipeline(folder, 'other')),
        '--set',
        'rate=100000',
      ]);
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /going on/);
    },
  );
});
