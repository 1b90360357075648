/** Processes that are killed, or stand still for a while. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import process from 'node:process';
import { test } from 'node:test';
import type { LogFields, Logger } from '../../shared/observability/logger.ts';
import { silentLogger } from '../../shared/observability/logger.ts';
import type { JobDetail } from '../../shared/rest/rest-types.ts';
import { startTaskManager } from '../../taskmanager/main.ts';
import { writeCountingJob } from '../support/counting-job.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { type LocalTestCluster, startLocalCluster } from '../support/local-cluster.ts';
import { SluiceProcess, sluiceJson } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ENDLESS = 1_000_000_000;
const LOST_TIMEOUT_MS = 500;

test('when the job manager is killed, then tasks end in time and the next one gets them all', async (t) => {
  const folder = temporaryFolder(t);
  const [restPort, rpcPort] = await freePorts(2);
  const args = ['jobmanager', '--rest-port', `${restPort}`, '--rpc-port', `${rpcPort}`];
  const where = ['--job-manager', `http://127.0.0.1:${restPort}`];
  const log: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (_: LogFields, message: string) => log.push(message),
    error: (_: LogFields, message: string) => log.push(message),
  };
  const first = new SluiceProcess(args);
  await first.until(/job manager ready/);
  const taskManager = await startTaskManager({
    jobManagerAddress: `127.0.0.1:${rpcPort}`,
    slots: 2,
    logger,
    jobManagerLostTimeoutMs: LOST_TIMEOUT_MS,
  });
  t.after(() => taskManager.stop());
  const hasRegistered = async (): Promise<boolean> =>
    (await sluiceJson<object[]>(['jobs', '--json', ...where]).catch(() => null)) !== null &&
    (await slots(restPort)) === 2;
  await eventually(hasRegistered, { timeoutMs: 20_000 });
  const endless = writeCountingJob(folder, { name: 'endless', count: ENDLESS, rateMax: 10_000 });
  const { id } = await sluiceJson<{ id: string }>([
    ...['submit', endless.pipeline, '--detached', '--json'],
    ...where,
  ]);
  const job = (): Promise<JobDetail> => sluiceJson(['job', id, '--json', ...where]);
  await eventually(async () => (await job()).progress.recordsRead > 0, { timeoutMs: 20_000 });

  first.child.kill('SIGKILL');
  await eventually(() => log.includes('lost the job manager'));
  const cancelled = 'no job manager for too long: its tasks are cancelled';
  await eventually(() => log.includes(cancelled), { message: `no "${cancelled}" in ${log}` });

  const second = new SluiceProcess(args);
  t.after(async () => {
    second.child.kill('SIGTERM');
    await second.ended;
  });
  await second.until(/job manager ready/);
  await eventually(async () => (await slots(restPort)) === 2, { timeoutMs: 20_000 });
  const next = writeCountingJob(folder, { name: 'next', count: 100_000 });
  const { state } = await sluiceJson<JobDetail>([
    ...['submit', next.pipeline, '--json', '--no-progress'],
    ...where,
  ]);
  assert.equal(state, 'FINISHED');
  next.assertExact();
});

test('when there is no storage and a task manager stands still for a while, then its job fails and it comes back', async (t) => {
  const folder = temporaryFolder(t);
  const cluster = await startLocalCluster(t, ['-n', '2', '--no-storage']);
  const endless = writeCountingJob(folder, { name: 'endless', count: ENDLESS, rateMax: 10_000 });
  const { id } = await sluiceJson<{ id: string }>([
    ...['submit', endless.pipeline, '--detached', '--json'],
    ...cluster.where,
  ]);
  const job = (): Promise<JobDetail> => cluster.json<JobDetail>(['job', id]);
  await eventually(async () => (await job()).progress.recordsRead > 0, { timeoutMs: 20_000 });
  const victim = await processIdOf(cluster, 'taskmanager-2');
  process.kill(victim, 'SIGSTOP');
  try {
    await eventually(async () => (await job()).state === 'FAILED', { timeoutMs: 20_000 });
  } finally {
    process.kill(victim, 'SIGCONT');
  }
  const { failure } = await job();
  assert.equal(failure?.error.code, 'TASK_MANAGER_LOST');
  assert.equal(failure?.taskManagerId, 'taskmanager-2');
  const restPort = Number(new URL(cluster.restAddress).port);
  await eventually(async () => (await slots(restPort)) === 2, { timeoutMs: 20_000 });
  const next = writeCountingJob(folder, { name: 'next', count: 100_000 });
  const done = await cluster.submit(next.pipeline);
  assert.equal(done.state, 'FINISHED');
  assert.ok(done.vertices.every((vertex) => vertex.parallelism === 2));
  next.assertExact();
});

test('when a task manager stands still for a while, then a job with checkpoints goes on without it', async (t) => {
  const folder = temporaryFolder(t);
  const cluster = await startLocalCluster(t, ['-n', '2']);
  const counting = writeCountingJob(folder, {
    name: 'counting',
    count: 150_000,
    rateMax: 10_000,
    checkpointInterval: '500ms',
  });
  const { id } = await sluiceJson<{ id: string }>([
    ...['submit', counting.pipeline, '--detached', '--json'],
    ...cluster.where,
  ]);
  const job = (): Promise<JobDetail> => cluster.json<JobDetail>(['job', id]);
  const checkpoints = async () => (await job()).checkpoints?.counts.completed ?? 0;
  await eventually(async () => (await checkpoints()) > 1, { timeoutMs: 20_000 });
  const victim = await processIdOf(cluster, 'taskmanager-2');
  process.kill(victim, 'SIGSTOP');
  const restarted = async () => {
    const { restarts, state } = await job();
    return restarts === 1 && state === 'RUNNING';
  };
  try {
    await eventually(restarted, { timeoutMs: 30_000 });
    // Nobody takes its place: the job adapts.
    assert.ok((await job()).vertices.every(({ parallelism }) => parallelism === 1));
  } finally {
    process.kill(victim, 'SIGCONT');
  }
  await eventually(async () => (await job()).state === 'FINISHED', { timeoutMs: 60_000 });
  const { exceptions, vertices, rescales } = await job();
  assert.deepEqual(
    exceptions.map(({ outcome, error, taskManagerId }) => [outcome, error.code, taskManagerId]),
    [['restarted', 'TASK_MANAGER_LOST', 'taskmanager-2']],
  );
  // It came back, and the job grew again, if there was time for it.
  assert.ok(rescales <= 1, `${rescales}`);
  assert.ok(vertices.every(({ parallelism }) => parallelism === 1 + rescales));
  counting.assertExact();
});

test('when a server is told to end at once, then it ends cleanly', async () => {
  for (const args of [
    ['jobmanager', '--rest-port', '0', '--rpc-port', '0'],
    ['taskmanager', '--job-manager', '127.0.0.1:1', '--slots', '1'],
  ]) {
    const server = new SluiceProcess(args);
    await server.until(/ready/);
    server.child.kill('SIGTERM');
    const { code, stderr } = await server.ended;
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /terminate called|\n\s+at /);
  }
});

test('when nobody reads what a server logs or a job prints, then they go on', async (t) => {
  const folder = temporaryFolder(t);
  const server = new SluiceProcess(['taskmanager', '--job-manager', '127.0.0.1:1']);
  server.child.stderr?.destroy();
  await server.until(/ready/);
  assert.equal(server.child.exitCode, null);
  server.child.kill('SIGTERM');
  assert.equal((await once(server.child, 'exit'))[0], 0);

  const job = writeCountingJob(folder, { name: 'quiet', count: 100_000 });
  const run = new SluiceProcess(['run', job.pipeline]);
  run.child.stdout?.destroy();
  run.child.stderr?.destroy();
  assert.equal((await once(run.child, 'exit'))[0], 0);
  job.assertExact();
});

/** Free slots of the cluster. */
async function processIdOf(cluster: LocalTestCluster, name: string): Promise<number> {
  const { state } = await sluiceJson<{
    state: { members: { name: string; processId: number }[] };
  }>(['cluster', 'status', '--json', '--directory', cluster.directory]);
  return state.members.find((member) => member.name === name)?.processId ?? 0;
}

async function slots(restPort: number | undefined): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${restPort}/v1/cluster`).catch(() => null);
  if (response === null) return 0;
  return ((await response.json()) as { readonly slots: { readonly free: number } }).slots.free;
}
