import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobDetail, JobSummary } from '../../shared/rest/rest-types.ts';
import { writeCountingJob } from '../support/counting-job.ts';
import { eventually } from '../support/eventually.ts';
import { writeMainJob } from '../support/job-pipelines.ts';
import { startLocalCluster } from '../support/local-cluster.ts';
import { type ResultRow, readRows } from '../support/result-rows.ts';
import { ROOT, sluice, sluiceJson } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const EXAMPLE = join(ROOT, 'examples', 'image-classification');
const IMAGES = join(EXAMPLE, 'images');
const MODEL = join(EXAMPLE, 'model', 'model.yaml');
const IMAGE_COUNT = 150;

const classesOf = (rows: readonly ResultRow[]): string[] =>
  rows.map((row) => `${row.uri} ${row.index}`).toSorted();

test('when 1, 2, 4, 8 and 16 task managers do the same job, then the results are the same', async (t) => {
  const folder = temporaryFolder(t);
  const cluster = await startLocalCluster(t, ['-n', '1']);
  let first: string[] | null = null;
  for (const size of [1, 2, 4, 8, 16]) {
    if (size > 1) {
      const scaled = await sluice([
        'cluster',
        'scale',
        `${size}`,
        '--directory',
        cluster.directory,
      ]);
      assert.equal(scaled.code, 0, scaled.stderr);
    }
    const output = join(folder, `out-${size}`);
    const job = await cluster.submit(
      writeMainJob(folder, { images: IMAGES, model: MODEL, output }),
    );
    assert.equal(job.state, 'FINISHED');
    assert.equal(job.progress.recordsRejected, 3);
    const used = new Set(
      job.vertices.flatMap((vertex) => vertex.subtasks.map((subtask) => subtask.taskManagerId)),
    );
    assert.equal(used.size, size, 'every task manager takes part');
    const rows = readRows<ResultRow>(join(output, 'results'));
    assert.equal(rows.length, IMAGE_COUNT);
    first ??= classesOf(rows);
    assert.deepEqual(classesOf(rows), first);
  }
});

test('when inference asks for a GPU slot, then decoding runs on the CPU task managers', async (t) => {
  const folder = temporaryFolder(t);
  const gpu = ['--gpu-task-managers', '1', '--gpu-provider', 'cpu'];
  const cluster = await startLocalCluster(t, ['-n', '2', ...gpu]);
  const output = join(folder, 'out');
  const pipeline = writeMainJob(folder, {
    images: IMAGES,
    model: MODEL,
    output,
    classes: 'resources: { device: gpu }',
  });
  const { id, state } = await cluster.submit(pipeline);
  assert.equal(state, 'FINISHED');
  const job = await cluster.json<JobDetail>(['job', id]);
  const placed = (operator: string): string[] =>
    job.vertices
      .filter((vertex) => vertex.operators.some((candidate) => candidate.id === operator))
      .flatMap((vertex) => vertex.subtasks.map((subtask) => subtask.taskManagerId ?? ''))
      .toSorted();
  assert.deepEqual(placed('tensors'), ['taskmanager-1', 'taskmanager-2']);
  assert.deepEqual(placed('classes'), ['taskmanager-gpu-1']);
  const text = await sluice(['job', id, ...cluster.where]);
  assert.match(text.stdout, /classes.*\(gpu/);
  assert.match(text.stdout, /taskmanager-gpu-1/);
  const rows = readRows<ResultRow>(join(output, 'results'));
  assert.equal(new Set(rows.map((row) => row.uri)).size, IMAGE_COUNT);
  assert.equal(rows.length, IMAGE_COUNT);
});

test('when a cluster with a running job is made smaller, then the job moves and counts every record once', async (t) => {
  const folder = temporaryFolder(t);
  const cluster = await startLocalCluster(t, ['-n', '3']);
  const counting = writeCountingJob(folder, {
    ...{ name: 'shrinking', count: 4_000, rateMax: 500, checkpointInterval: '1s' },
  });
  const { id } = await sluiceJson<{ id: string }>([
    ...['submit', counting.pipeline, '--detached', '--json', ...cluster.where],
  ]);
  const job = (): Promise<JobDetail> => cluster.json<JobDetail>(['job', id]);
  await eventually(async () => (await job()).progress.recordsRead > 500, { timeoutMs: 30_000 });
  const smaller = ['cluster', 'scale', '1', '--directory', cluster.directory];
  const { code, stderr } = await sluice(smaller);
  assert.deepEqual([code, stderr.includes('it ends now')], [0, false], stderr);
  const moved = await job();
  assert.deepEqual([moved.state, moved.restarts], ['RUNNING', 0]);
  await eventually(async () => (await job()).state === 'FINISHED', { timeoutMs: 60_000 });
  assert.equal((await job()).restarts, 0);
  counting.assertExact();
});

test('when there is no storage and a task manager is killed, then the job fails with one message that names it', async (t) => {
  const folder = temporaryFolder(t);
  const cluster = await startLocalCluster(t, ['-n', '2', '--no-storage']);
  const pipeline = writeMainJob(folder, {
    images: IMAGES,
    model: MODEL,
    output: join(folder, 'out'),
    source: 'watch: 1s, rateMax: 10',
  });
  const { id } = await sluiceJson<{ id: string }>([
    ...['submit', pipeline, '--detached', '--json'],
    ...cluster.where,
  ]);
  const job = (): Promise<JobDetail> => cluster.json<JobDetail>(['job', id]);
  await eventually(async () => (await job()).progress.recordsRead > 3, { timeoutMs: 30_000 });
  const status = await sluiceJson<{
    state: { members: { name: string; processId: number }[] };
  }>(['cluster', 'status', '--json', '--directory', cluster.directory]);
  const victim = status.state.members.find((member) => member.name === 'taskmanager-2');
  process.kill(victim?.processId ?? 0, 'SIGKILL');
  const failed = await eventually(
    async () => {
      const detail = await job();
      return detail.state === 'FAILED' ? detail : null;
    },
    { timeoutMs: 30_000 },
  );
  assert.equal(failed.failure?.error.code, 'TASK_MANAGER_LOST');
  assert.equal(failed.failure?.taskManagerId, 'taskmanager-2');
  const text = await sluice(['job', id, ...cluster.where]);
  assert.match(text.stdout, /TASK_MANAGER_LOST/);
  assert.doesNotMatch(text.stdout, /\n\s+at /, 'no stack trace');

  // The rest of the cluster is unharmed: the slot is free again and takes the next job.
  const output = join(folder, 'again');
  const next = await cluster.submit(writeMainJob(folder, { images: IMAGES, model: MODEL, output }));
  assert.equal(next.state, 'FINISHED');
  assert.equal(readRows<ResultRow>(join(output, 'results')).length, IMAGE_COUNT);
});

test('when a watching job is stopped or cancelled, then it ends as asked', async (t) => {
  const folder = temporaryFolder(t);
  const cluster = await startLocalCluster(t, ['-n', '1']);
  for (const [command, end] of [
    ['stop', 'FINISHED'],
    ['cancel', 'CANCELED'],
  ] as const) {
    const output = join(folder, command);
    const pipeline = writeMainJob(folder, {
      images: IMAGES,
      model: MODEL,
      output,
      source: 'watch: 1s',
    });
    const { id } = await sluiceJson<{ id: string }>([
      ...['submit', pipeline, '--detached', '--json'],
      ...cluster.where,
    ]);
    await eventually(
      async () => (await cluster.json<JobDetail>(['job', id])).progress.recordsRead >= IMAGE_COUNT,
      { timeoutMs: 60_000 },
    );
    assert.equal((await sluice([command, id, ...cluster.where])).code, 0);
    await eventually(async () => (await cluster.json<JobDetail>(['job', id])).state === end, {
      timeoutMs: 30_000,
      message: `the job did not become ${end}`,
    });
    if (command === 'stop') {
      assert.equal(readRows<ResultRow>(join(output, 'results')).length, IMAGE_COUNT);
    }
  }
  const jobs = await cluster.json<JobSummary[]>(['jobs']);
  assert.deepEqual(jobs.map((job) => job.state).toSorted(), ['CANCELED', 'FINISHED']);
});
