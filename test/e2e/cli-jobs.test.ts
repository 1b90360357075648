/** The commands about jobs, on one cluster: each test has jobs of its own. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { JobDetail, JobSummary } from '../../shared/rest/rest-types.ts';
import { eventually } from '../support/eventually.ts';
import { type LocalTestCluster, startLocalCluster } from '../support/local-cluster.ts';
import { SluiceProcess, sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ID = /^[0-9a-f]{16}$/;

/** Generates numbers and drops them; without `count` it never ends. */
function generating(t: TestContext, options: { name: string; count?: number; rest?: string }) {
  const { name, count, rest = '' } = options;
  const path = join(temporaryFolder(t), `${name}.yaml`);
  const bound = count === undefined ? '' : `, count: ${count}`;
  writeFileSync(
    path,
    `name: ${name}\nnodes:\n` +
      `  numbers: { source: datagen, keys: 10, rateMax: 2000${bound} }\n` +
      '  even: { transform: filter, from: numbers, where: "sequence % 2 == 0" }\n' +
      `  nowhere: { sink: blackhole, from: even }\n${rest}`,
  );
  return path;
}

async function submitDetached(cluster: LocalTestCluster, pipeline: string): Promise<string> {
  const { code, stdout, stderr } = await sluice([
    'submit',
    pipeline,
    '--detached',
    ...cluster.where,
  ]);
  assert.deepEqual([code, stderr], [0, '']);
  const id = stdout.trimEnd();
  assert.match(id, ID, 'the id alone, for a script');
  return id;
}

async function untilState(
  cluster: LocalTestCluster,
  id: string,
  state: JobDetail['state'],
): Promise<JobDetail> {
  return eventually(
    async () => {
      const job = await cluster.json<JobDetail>(['job', id]);
      return job.state === state ? job : null;
    },
    { timeoutMs: 20_000, message: `job ${id} was not ${state}` },
  );
}

test('the commands about jobs', async (t) => {
  const cluster = await startLocalCluster(t, ['-n', '1', '--slots', '6']);
  const { where } = cluster;

  await t.test('when a job is submitted, then its end is waited for and summed up', async (t) => {
    const path = generating(t, { name: 'bounded', count: 500 });
    const result = await sluice(['submit', path, ...where]);
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /^bounded finished \(job [0-9a-f]{16}\)$/m);
    assert.match(result.stdout, /^ {2}read +500$/m);
    assert.match(result.stdout, /^ {2}to nowhere +250$/m);
    assert.doesNotMatch(result.stdout, /throughput +0\.0/, 'dropped records were processed, too');
    const list = await sluice(['jobs', ...where]);
    assert.match(list.stdout, /^ID +NAME +STATE +SUBMITTED +DURATION +TASKS$/m);
    assert.match(list.stdout, /^[0-9a-f]{16} +bounded +FINISHED /m);
  });

  await t.test('when all of a job is done, then its numbers say so', async (t) => {
    const job = await cluster.submit(generating(t, { name: 'counted', count: 4_000 }));
    const { progress } = job;
    assert.deepEqual(
      [progress.recordsRead, progress.recordsDone, progress.recordsTotal],
      [4_000, 4_000, 4_000],
    );
    assert.deepEqual(progress.recordsWritten, { nowhere: 2_000 });
    // 4 000 records at 2 000 a second, whenever the reports come; the job itself lasts longer.
    assert.ok(progress.activeMs > 1_500, `${progress.activeMs} ms`);
    assert.ok(progress.activeMs < job.durationMs, `${progress.activeMs} of ${job.durationMs} ms`);
    const expected = 4_000_000 / progress.activeMs;
    assert.ok(Math.abs(progress.recordsPerSecond - expected) < 1e-6, `${expected} records/s`);
  });

  await t.test('when a job has a warning, then submit prints it and goes on', async (t) => {
    const rest = 'onError: fail\ndeadLetters: { path: ./dead }\n';
    const path = generating(t, { name: 'doubtful', count: 10, rest });
    const text = await sluice(['submit', path, '--detached', ...where]);
    assert.equal(text.code, 0);
    assert.match(text.stdout.trimEnd(), ID);
    assert.match(text.stderr, /doubtful\.yaml:\d+:\d+: warning: nothing reaches the dead letters/);
    const json = await cluster.json<{ id: string; warnings: { message: string }[] }>([
      'submit',
      path,
      '--detached',
    ]);
    assert.match(json.id, ID);
    assert.equal(json.warnings.length, 1);
  });

  await t.test('when a job runs, then the first characters of its id are enough', async (t) => {
    const id = await submitDetached(cluster, generating(t, { name: 'endless' }));
    await untilState(cluster, id, 'RUNNING');
    const prefix = id.slice(0, 8);
    const shown = await sluice(['job', prefix, ...where]);
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, new RegExp(`^endless is running \\(job ${id}\\)`));
    assert.match(shown.stdout, /SUBTASK +STATE +TASK MANAGER/);
    assert.match(shown.stdout, /RUNNING +taskmanager-1/);
    const listed = await cluster.json<JobSummary[]>(['jobs']);
    assert.equal(listed.find((job) => job.id === id)?.state, 'RUNNING');
    const cancelled = await sluice(['cancel', prefix, ...where]);
    assert.deepEqual([cancelled.code, cancelled.stderr], [0, '']);
    const job = await untilState(cluster, id, 'CANCELED');
    assert.equal(job.failure, null);
    const again = await sluice(['cancel', prefix, ...where]);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /error JOB_STATE: .*CANCELED/);
  });

  await t.test('when a job is stopped, then it finishes', async (t) => {
    const id = await submitDetached(cluster, generating(t, { name: 'stopped' }));
    await untilState(cluster, id, 'RUNNING');
    const stopped = await sluice(['stop', id.slice(0, 10), ...where]);
    assert.deepEqual([stopped.code, stopped.stderr], [0, '']);
    const job = await untilState(cluster, id, 'FINISHED');
    assert.equal(job.progress.recordsDone, job.progress.recordsRead);
  });

  await t.test('when nothing has that id, then every command says so', async () => {
    for (const command of ['job', 'stop', 'cancel']) {
      const { code, stderr } = await sluice([command, 'ffff0000', ...where]);
      assert.equal(code, 2);
      assert.match(stderr, /error JOB_NOT_FOUND: there is no job "ffff0000"/);
    }
  });

  await t.test('when submit is interrupted, then the job goes on', async (t) => {
    const path = generating(t, { name: 'watched' });
    const submit = new SluiceProcess(['submit', path, ...where]);
    const id = await eventually(async () => {
      const jobs = await cluster.json<JobSummary[]>(['jobs']);
      return jobs.find((job) => job.name === 'watched' && job.state === 'RUNNING')?.id;
    });
    submit.child.kill('SIGINT');
    const { code, stderr } = await submit.ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`job ${id} goes on; sluice job ${id} shows it`));
    assert.equal((await cluster.json<JobDetail>(['job', id])).state, 'RUNNING');
    await sluice(['cancel', id, ...where]);
    await untilState(cluster, id, 'CANCELED');
  });

  await t.test('when a job fails, then submit says why and ends with 1', async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'failing.yaml');
    writeFileSync(
      path,
      'name: failing\nnodes:\n' +
        '  images: { source: files, path: ./nowhere }\n  rows: { sink: print, from: images }\n',
    );
    const { code, stdout } = await sluice(['submit', path, '--no-progress', ...where]);
    assert.equal(code, 1);
    assert.match(stdout, /^failing failed/);
    assert.match(stdout, /error FILE_NOT_FOUND: there is no folder .*nowhere/);
  });
});
