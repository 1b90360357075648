/**
 * A cluster with TLS and tokens, 10 000 strangers on each of its ports at once, and its certificates replaced
 * while a job runs: members are served all the time, the job is exact, logs and memory stay small.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TaskManagerInfo } from '../../shared/rest/rest-types.ts';
import { writeCountingJob } from '../support/counting-job.ts';
import { eventually } from '../support/eventually.ts';
import { readRows } from '../support/result-rows.ts';
import { type SecuredCluster, startSecuredCluster } from '../support/security/secured-cluster.ts';
import { type FloodFigures, flood } from '../support/security/strangers.ts';
import { sluice, sluiceJson } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const STRANGERS = 10_000;
const OPEN_MAX = 1_000;
/** Longer than any server waits for a stranger. */
const WAIT_MS = 20_000;
const LOG_BYTES_MAX = 100_000;
/** Of a process, two of whose ports are flooded. */
const MEMORY_GROWTH_BYTES_MAX = 300 * 1024 ** 2;
const ASK_EVERY_MS = 250;

interface Port {
  readonly name: string;
  readonly port: number;
  readonly process: string;
}

test('when 10 000 strangers come to each port, then members are served and the job is unharmed', async (t) => {
  const cluster = await startSecuredCluster(t, ['-n', '2']);
  const before = await taskManagers(cluster);
  const folder = temporaryFolder(t);
  const job = writeCountingJob(folder, {
    ...{ name: 'meanwhile', count: 100_000_000, rateMax: 20_000, checkpointInterval: '2s' },
  });
  const { id } = await sluiceJson<{ readonly id: string }>([
    ...['submit', job.pipeline, '--detached', '--json', '--config', cluster.config],
  ]);
  await untilRunning(cluster, id);

  const [first] = before;
  assert.ok(first !== undefined);
  const ports: readonly Port[] = [
    { name: 'gRPC', port: cluster.rpcPort, process: 'jobmanager' },
    { name: 'REST', port: cluster.restPort, process: 'jobmanager' },
    { name: 'data plane', port: portOf(first.dataAddress), process: first.id },
    { name: 'metrics', port: portOf(first.metricsAddress), process: first.id },
  ];
  await Promise.all(ports.map((port) => floodOne(t, cluster, { port, id })));

  const { restarts, state, failure } = await cluster.client().job(id);
  assert.deepEqual([state, restarts, failure], ['RUNNING', 0, null]);
  assert.deepEqual((await taskManagers(cluster)).map(identity), before.map(identity));
  assert.equal((await sluice(['stop', id, '--config', cluster.config])).code, 0);
  await eventually(async () => (await cluster.client().job(id)).state === 'FINISHED', {
    timeoutMs: 60_000,
  });
  const rows = readRows<{ readonly count: number }>(join(folder, 'meanwhile-counts'));
  const counted = rows.reduce((sum, { count }) => sum + count, 0);
  assert.equal(counted, await recordsRead(cluster, id), 'every record was counted, once');
  for (const name of ['jobmanager', 'taskmanager-1', 'taskmanager-2']) {
    const { length } = cluster.logOf(name);
    assert.ok(length < LOG_BYTES_MAX, `the log of ${name} has ${length} bytes`);
  }
});

test('when certificates are replaced while a job runs, then it goes on and new processes join', async (t) => {
  const cluster = await startSecuredCluster(t, ['-n', '2']);
  const folder = temporaryFolder(t);
  const options = { count: 300_000, rateMax: 20_000, checkpointInterval: '1s' };
  const job = writeCountingJob(folder, { name: 'before', ...options });
  const where = ['--json', '--no-progress', '--config', cluster.config];
  const running = sluiceJson<{ readonly state: string; readonly restarts: number }>([
    ...['submit', job.pipeline, ...where],
  ]);
  const [first] = await taskManagers(cluster);
  const logged = (name: string): boolean => cluster.logOf(name).includes('new TLS certificate');
  await cluster.rotate();
  for (const name of ['jobmanager', 'taskmanager-1', 'taskmanager-2']) {
    await eventually(() => logged(name), { timeoutMs: 30_000, message: `${name} has the old one` });
  }
  assert.equal((await sluice(['cluster', 'scale', '3', '--directory', cluster.directory])).code, 0);
  const { state, restarts } = await running;
  assert.deepEqual([state, restarts], ['FINISHED', 0]);
  job.assertExact();

  const next = writeCountingJob(folder, { name: 'after', count: 20_000 });
  const after = await sluiceJson<{ readonly state: string }>(['submit', next.pipeline, ...where]);
  assert.equal(after.state, 'FINISHED');
  next.assertExact();
  const infos = await taskManagers(cluster);
  assert.equal(infos.length, 3);
  assert.equal(identity(infos[0]!), identity(first!), 'nobody was started anew');
});

async function floodOne(
  t: TestContext,
  cluster: SecuredCluster,
  { port, id }: { readonly port: Port; readonly id: string },
): Promise<void> {
  const processId = await processIdOf(cluster, port.process);
  const memoryBefore = memoryOf(processId);
  const logBefore = cluster.logOf(port.process).length;
  const readBefore = await recordsRead(cluster, id);
  const startedAt = performance.now();
  const members = askAsMember(cluster);
  const figures = await flood(port.port, {
    ...{ count: STRANGERS, openMax: OPEN_MAX, waitMs: WAIT_MS },
  });
  const { answers, slowestMs, failures } = await members.stop();
  const seconds = (performance.now() - startedAt) / 1000;
  const rate = ((await recordsRead(cluster, id)) - readBefore) / seconds;
  const memory = memoryOf(processId) - memoryBefore;
  const log = cluster.logOf(port.process).length - logBefore;
  t.diagnostic(
    `${port.name.padEnd(10)} | ${figuresText(figures)} | members: ${answers} answers, slowest ` +
      `${Math.round(slowestMs)} ms | job: ${Math.round(rate)} records/s | ` +
      `memory ${signed(memory / 1024 ** 2)} MiB | log ${(log / 1024).toFixed(1)} KiB`,
  );
  assert.equal(figures.left, 0, `${port.name}: somebody was let be`);
  assert.equal(figures.served, 0, `${port.name}: somebody was served`);
  assert.deepEqual(failures, [], `${port.name}: members were not served`);
  assert.ok(memory < MEMORY_GROWTH_BYTES_MAX, `${port.name}: ${memory} bytes more`);
}

/** Asks again and again, each time over a new connection, as a member who has just come. */
function askAsMember(cluster: SecuredCluster) {
  let isOver = false;
  let answers = 0;
  let slowestMs = 0;
  const failures: string[] = [];
  const asking = (async () => {
    while (!isOver) {
      const startedAt = performance.now();
      try {
        await cluster.client().cluster();
        answers += 1;
      } catch (error) {
        failures.push((error as Error).message);
      }
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  })();
  return {
    async stop() {
      isOver = true;
      await asking;
      return { answers, slowestMs, failures };
    },
  };
}

function figuresText({ strangers, ended, served, seconds }: FloodFigures): string {
  return `${strangers} strangers in ${seconds.toFixed(1)} s, ${ended} ended, ${served} served`;
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(0)}`;
}

async function untilRunning(cluster: SecuredCluster, id: string): Promise<void> {
  const client = cluster.client();
  await eventually(async () => (await client.job(id)).state === 'RUNNING', { timeoutMs: 30_000 });
}

async function recordsRead(cluster: SecuredCluster, id: string): Promise<number> {
  return (await cluster.client().job(id)).progress.recordsRead;
}

async function processIdOf(cluster: SecuredCluster, name: string): Promise<number> {
  if (name === 'jobmanager') return (await cluster.client().cluster()).processId;
  return (await taskManagers(cluster)).find((each) => each.id === name)?.processId ?? 0;
}

/** Resident, now. */
function memoryOf(processId: number): number {
  const [, pages = '0'] = readFileSync(`/proc/${processId}/statm`, 'utf8').split(' ');
  return Number(pages) * 4096;
}

async function taskManagers(cluster: SecuredCluster): Promise<readonly TaskManagerInfo[]> {
  return (await cluster.client().taskManagers()).toSorted((a, b) => a.id.localeCompare(b.id));
}

function identity({ id, processId }: TaskManagerInfo): string {
  return `${id} ${processId}`;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
