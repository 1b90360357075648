/** The job manager dies, stands still or is succeeded: data flows on, and every row is there once. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { HealthAnswer, JobDetail } from '../../shared/rest/rest-types.ts';
import { ChaosCluster } from '../support/chaos/chaos-cluster.ts';
import { SupervisedProcess } from '../support/chaos/supervised-process.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { readRows } from '../support/result-rows.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const RATE = 1_000;

function writePipeline(folder: string, records: number): string {
  const path = join(folder, 'pipeline.yaml');
  writeFileSync(
    path,
    `name: numbers
checkpoints: { interval: 300ms }
nodes:
  numbers: { source: datagen, count: ${records}, keys: 100, rateMax: ${RATE} }
  kept: { transform: filter, from: numbers, where: "sequence >= 0", partition: rebalance }
  rows: { sink: files, from: kept, path: "${folder}/rows" }
`,
  );
  return path;
}

async function start(t: TestContext, folder: string): Promise<ChaosCluster> {
  return ChaosCluster.start(t, {
    taskManagers: 2,
    slots: 1,
    storage: storageIn(folder),
    environment: {},
  });
}

function storageIn(folder: string): string {
  return pathToFileURL(join(folder, 'storage')).href;
}

async function running(cluster: ChaosCluster, id: string): Promise<JobDetail> {
  return until(cluster, id, (job) => job.state === 'RUNNING' && allRun(job));
}

function allRun({ vertices }: JobDetail): boolean {
  return (
    vertices.length > 0 &&
    vertices.every(({ subtasks }) => subtasks.every(({ state }) => state === 'RUNNING'))
  );
}

async function until(
  cluster: ChaosCluster,
  id: string,
  condition: (job: JobDetail) => boolean,
): Promise<JobDetail> {
  return eventually(
    async () => {
      const job = await cluster.json<JobDetail>(['job', id]);
      return condition(job) ? job : null;
    },
    { timeoutMs: 60_000, message: 'the job did not come so far' },
  ).catch((error: Error) => {
    throw new Error(`${error.message}\n${cluster.output()}`);
  });
}

function assertExact(folder: string, records: number, cluster: ChaosCluster): void {
  const rows = readRows<{ sequence: number }>(join(folder, 'rows'));
  const distinct = new Set(rows.map(({ sequence }) => sequence)).size;
  const found = { rows: rows.length, distinct };
  assert.deepEqual(found, { rows: records, distinct: records }, cluster.output());
}

function attempts({ vertices }: JobDetail): number[] {
  return vertices.flatMap(({ subtasks }) => subtasks.map(({ attempt }) => attempt));
}

async function health(address: string): Promise<HealthAnswer | null> {
  try {
    return (await (await fetch(`${address}/v1/health`)).json()) as HealthAnswer;
  } catch {
    return null;
  }
}

test('when the job manager is killed again and again, then the same attempts go on and rows are exact', async (t) => {
  const folder = temporaryFolder(t);
  const records = 12_000;
  const cluster = await start(t, folder);
  const pipeline = writePipeline(folder, records);
  const { id } = await cluster.json<{ id: string }>(['submit', pipeline, '--detached']);
  await running(cluster, id);
  const times: number[] = [];
  for (let kill = 0; kill < 3; kill += 1) {
    await until(cluster, id, (job) => (job.checkpoints?.counts.completed ?? 0) > 1);
    const killedAtMs = performance.now();
    assert.ok(cluster.jobManager.kill());
    await eventually(async () => (await health(cluster.where[1] ?? '')) === null);
    await eventually(async () => (await health(cluster.where[1] ?? ''))?.role === 'leader');
    times.push(Math.round(performance.now() - killedAtMs));
    const job = await running(cluster, id);
    assert.deepEqual(new Set(attempts(job)), new Set([0]), cluster.output());
    assert.equal(job.restarts, 0);
  }
  t.diagnostic(`leadership again after ${times.join(', ')} ms`);
  const ended = await until(cluster, id, ({ state }) => state === 'FINISHED' || state === 'FAILED');
  assert.equal(ended.state, 'FINISHED', cluster.output());
  assert.deepEqual(new Set(attempts(ended)), new Set([0]), cluster.output());
  assertExact(folder, records, cluster);
});

test('when a leader stands still, then a standby goes on with its job and it is refused as it wakes', async (t) => {
  const folder = temporaryFolder(t);
  const records = 12_000;
  const cluster = await start(t, folder);
  const [restPort = 0, rpcPort = 0] = await freePorts(2);
  const standby = new SupervisedProcess(
    'standby',
    [
      ...['jobmanager', '--storage', storageIn(folder), '--log-level', 'info'],
      ...['--rest-port', `${restPort}`, '--rpc-port', `${rpcPort}`],
    ],
    {},
  );
  t.after(() => standby.stop());
  standby.start();
  const standbyAt = `http://127.0.0.1:${restPort}`;
  await eventually(async () => (await health(standbyAt))?.leader != null, { timeoutMs: 20_000 });
  assert.equal((await health(standbyAt))?.role, 'standby');
  const refused = await fetch(`${standbyAt}/v1/jobs`);
  const problem = (await refused.json()) as { code: string; context: { restAddress: string } };
  assert.deepEqual(
    [refused.status, problem.code, problem.context.restAddress],
    [503, 'NOT_LEADER', cluster.where[1]],
  );

  const pipeline = writePipeline(folder, records);
  const { id } = await cluster.json<{ id: string }>(['submit', pipeline, '--detached']);
  await until(cluster, id, (job) => (job.checkpoints?.counts.completed ?? 0) > 0);
  const leader = cluster.jobManager.processId ?? 0;
  process.kill(leader, 'SIGSTOP');
  t.after(() => cluster.jobManager.kill('SIGCONT'));
  const stoppedAtMs = performance.now();
  await eventually(async () => (await health(standbyAt))?.role === 'leader', {
    timeoutMs: 20_000,
  }).catch((error: Error) => {
    throw new Error(`${error.message}\n${standby.output}`);
  });
  t.diagnostic(`the standby leads after ${Math.round(performance.now() - stoppedAtMs)} ms`);
  process.kill(leader, 'SIGCONT');
  await eventually(async () => (await health(cluster.where[1] ?? ''))?.role === 'standby', {
    timeoutMs: 20_000,
  });
  const adopted = await running(cluster, id);
  assert.deepEqual(new Set(attempts(adopted)), new Set([0]), standby.output);
  // The old leader's address still does: it names the new one.
  const ended = await until(cluster, id, ({ state }) => state === 'FINISHED' || state === 'FAILED');
  assert.equal(ended.state, 'FINISHED', `${cluster.output()}\n${standby.output}`);
  assertExact(folder, records, cluster);
});
