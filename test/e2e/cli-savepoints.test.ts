/** Checkpoints and savepoints from the command line, on a cluster with storage. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { JobCheckpointsDetail, JobDetail } from '../../shared/rest/rest-types.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalCluster } from '../support/local-cluster.ts';
import { readRows } from '../support/result-rows.ts';
import { sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const RECORDS = 200_000;
const KEYS = 50;

interface CountsOptions {
  readonly rateMax: number;
  readonly output: string;
  readonly name?: string;
}

test('checkpoints and savepoints', async (t) => {
  const folder = temporaryFolder(t);
  const cluster = await startLocalCluster(t, ['-n', '2', '--slots', '2']);
  const { where } = cluster;

  /** Counts generated records by key; `name` is that of the counting node. */
  const counting = ({ rateMax, output, name = 'counts' }: CountsOptions): string => {
    const path = join(folder, `${name}-${rateMax}.yaml`);
    writeFileSync(
      path,
      `name: counting\ncheckpoints: { interval: 200ms }\nnodes:\n` +
        `  numbers: { source: datagen, keys: ${KEYS}, count: ${RECORDS}, rateMax: ${rateMax} }\n` +
        `  ${name}: { transform: count, from: numbers, keyBy: key }\n` +
        `  rows: { sink: files, from: ${name}, path: "${join(folder, output)}" }\n`,
    );
    return path;
  };
  const slow = counting({ rateMax: 2_000, output: 'slow' });
  const submitted = await sluice(['submit', slow, '--detached', ...where]);
  assert.equal(submitted.code, 0, submitted.stderr);
  const id = submitted.stdout.trim();
  let savepoint = '';

  await t.test('when a job of a cluster runs, then it takes checkpoints', async () => {
    const detail = await eventually(
      async () => {
        const found = await cluster.json<JobCheckpointsDetail>(['checkpoints', id]);
        return found.counts.completed >= 2 ? found : null;
      },
      { timeoutMs: 20_000, message: 'no two checkpoints' },
    );
    assert.equal(detail.settings?.intervalMs, 200);
    assert.match(detail.latest?.path ?? '', /\/storage\/jobs\/.*\/chk-\d+$/);
    const text = await sluice(['checkpoints', id, ...where]);
    assert.match(text.stdout, /^a checkpoint every 200 ms, exactly once.*\n[0-9]+ completed/);
    const job = await sluice(['job', id, ...where]);
    assert.match(job.stdout, /\n {2}checkpoints {4}\d+ completed.*; last: \d+, /);
  });

  await t.test(
    'when a savepoint is made, then its folder is printed and the job goes on',
    async () => {
      const { code, stdout, stderr } = await sluice(['savepoint', id, ...where]);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, new RegExp(`^file://.*/storage/savepoints/savepoint-${id}-\\d+\\n$`));
      assert.ok(existsSync(join(fileURLToPath(stdout.trim()), '_metadata')));
      assert.equal((await cluster.json<JobDetail>(['job', id])).state, 'RUNNING');
    },
  );

  await t.test('when it is stopped with a savepoint, then it ends without its result', async () => {
    const directory = join(folder, 'saved');
    const stop = ['stop', id, '--savepoint', '--directory', directory];
    savepoint = (await cluster.json<{ path: string }>(stop)).path;
    assert.ok(savepoint.startsWith(`file://${directory}/savepoint-${id}-`));
    assert.equal((await cluster.json<JobDetail>(['job', id])).state, 'FINISHED');
    assert.deepEqual(readRows(join(folder, 'slow')), []);
  });

  await t.test('when another job goes on from it, then every record counts once', async () => {
    const fast = counting({ rateMax: 1_000_000, output: 'fast' });
    const from = ['submit', fast, '--from', savepoint, '--no-progress'];
    const job = await cluster.json<JobDetail>(from);
    assert.equal(job.state, 'FINISHED');
    assert.ok(job.progress.recordsRead < RECORDS, 'it does not begin at the beginning');
    const rows = readRows<{ key: number; count: number }>(join(folder, 'fast'));
    assert.equal(rows.length, KEYS);
    assert.equal(
      rows.reduce((sum, row) => sum + row.count, 0),
      RECORDS,
    );
  });

  await t.test('when a node has another name, then its state is refused, or dropped', async () => {
    const renamed = counting({ rateMax: 1_000_000, output: 'renamed', name: 'tallies' });
    const from = ['submit', renamed, '--from', savepoint, '--no-progress', ...where];
    const refused = await sluice(from);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /^error CHECKPOINT_MISMATCH: .*counts/);
    const dropped = await sluice([...from, '--allow-dropped-state']);
    assert.equal(dropped.code, 0, dropped.stderr);
  });

  await t.test('when there is no savepoint at that place, then that is said', async () => {
    const from = ['submit', slow, '--from', join(folder, 'nowhere'), ...where];
    const { code, stderr } = await sluice(from);
    assert.equal(code, 2);
    assert.match(stderr, /^error CHECKPOINT_INVALID: .*\/nowhere .*_metadata/);
  });

  await t.test('when the job has ended, then no savepoint can be made of it', async () => {
    for (const command of [
      ['savepoint', id],
      ['stop', id, '--savepoint'],
    ]) {
      const { code, stderr } = await sluice([...command, ...where]);
      assert.equal(code, 2);
      assert.match(stderr, /^error JOB_STATE: job .* has ended: it is FINISHED\n/);
    }
  });

  await t.test('when the pipeline says off, then none are taken', async () => {
    const path = join(folder, 'off.yaml');
    writeFileSync(
      path,
      'name: off\ncheckpoints: off\nnodes:\n  numbers: { source: datagen, rateMax: 100 }\n' +
        '  nowhere: { sink: blackhole, from: numbers }\n',
    );
    const off = (await sluice(['submit', path, '--detached', ...where])).stdout.trim();
    const { stdout } = await sluice(['checkpoints', off, ...where]);
    assert.match(stdout, /^none are taken: /);
    const { code, stderr } = await sluice(['savepoint', off, ...where]);
    assert.equal(code, 2);
    assert.match(stderr, /^error JOB_STATE: the job takes no checkpoints/);
    await sluice(['cancel', off, ...where]);
  });
});
