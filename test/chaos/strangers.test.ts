/** Whoever connects and whatever they send: the cluster goes on, and its logs stay short. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import type { TaskManagerInfo } from '../../shared/rest/rest-types.ts';
import { writeCountingJob } from '../support/counting-job.ts';
import { eventually } from '../support/eventually.ts';
import { type LocalTestCluster, startLocalCluster } from '../support/local-cluster.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { sluice, sluiceJson } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HALF_OPEN = 100;
const LOG_BYTES_MAX = 40_000;

const GARBAGE: readonly (string | Buffer)[] = [
  'GET // HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /v1/jobs/%zz HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /v1/jobs/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: x\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
  'CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage behind the preface',
  Buffer.alloc(5000),
  Buffer.alloc(5000, 0xff),
  `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n\r\n`,
];

test('when strangers connect to every port while a job runs, then the job is unharmed', async (t) => {
  const folder = temporaryFolder(t);
  const cluster = await startLocalCluster(t, ['-n', '2']);
  const before = await taskManagers(cluster);
  const job = writeCountingJob(folder, { name: 'counting', count: 60_000, rateMax: 25_000 });
  const result = cluster.submit(job.pipeline);

  const ports = [await rpcPort(cluster), portOf(cluster.restAddress)];
  for (const { dataAddress, metricsAddress } of before) {
    ports.push(portOf(dataAddress), portOf(metricsAddress));
  }
  const sockets: Socket[] = [];
  t.after(() => sockets.map((socket) => socket.destroy()));
  const random = new SeededRandom(1);
  for (const port of ports) {
    for (const garbage of GARBAGE) sockets.push(send(port, garbage));
    for (let index = 0; index < HALF_OPEN; index += 1) {
      const bytes = Buffer.from(Array.from({ length: index % 9 }, () => random.integer(0, 255)));
      sockets.push(send(port, bytes));
    }
  }
  const refused = await fetch(`${cluster.restAddress}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: Buffer.alloc(3 * 1024 ** 2, ' '),
  });
  assert.equal(refused.status, 413);
  await refused.text();

  const { state } = await result;
  assert.equal(state, 'FINISHED');
  job.assertExact();
  const after = await taskManagers(cluster);
  assert.deepEqual(after.map(identity), before.map(identity), 'no process was ended');
  for (const name of ['jobmanager', 'taskmanager-1', 'taskmanager-2']) {
    const log = readFileSync(join(cluster.directory, 'logs', `${name}.log`));
    assert.ok(log.length < LOG_BYTES_MAX, `the log of ${name} has ${log.length} bytes`);
  }
});

test('when ports or names are taken, then the cluster that has them goes on', async (t) => {
  const folder = temporaryFolder(t);
  const cluster = await startLocalCluster(t, ['-n', '1']);
  const rpc = await rpcPort(cluster);
  const second = await sluice([
    ...['cluster', 'up', '-n', '1', '--directory', join(folder, 'second')],
    ...['--rest-port', `${portOf(cluster.restAddress)}`, '--rpc-port', `${rpc}`],
  ]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /PORT_IN_USE/);
  assert.equal((await taskManagers(cluster)).length, 1, 'nobody joined the first cluster');

  const [first] = await taskManagers(cluster);
  const twin = sluice(
    ['taskmanager', '--id', 'taskmanager-1', '--slots', '1', '--job-manager', `127.0.0.1:${rpc}`],
    { timeoutMs: 30_000 },
  );
  const isReplaced = async (): Promise<boolean> =>
    (await taskManagers(cluster))[0]?.processId !== first?.processId;
  await eventually(isReplaced, { timeoutMs: 20_000 });
  const log = join(cluster.directory, 'logs', 'taskmanager-1.log');
  const ended = /error FILE_EXISTS: process \d+ on .* has registered as taskmanager-1 too/;
  await eventually(() => ended.test(readFileSync(log, 'utf8')), { timeoutMs: 10_000 });
  const job = writeCountingJob(folder, { name: 'after', count: 1000 });
  assert.equal((await cluster.submit(job.pipeline)).state, 'FINISHED');
  job.assertExact();
  process.kill((await taskManagers(cluster))[0]?.processId ?? 0, 'SIGTERM');
  assert.equal((await twin).code, 0);
});

function identity({ id, processId }: TaskManagerInfo): string {
  return `${id} ${processId}`;
}

async function taskManagers(cluster: LocalTestCluster): Promise<readonly TaskManagerInfo[]> {
  const response = await fetch(`${cluster.restAddress}/v1/task-managers`);
  const body = (await response.json()) as { readonly taskManagers: readonly TaskManagerInfo[] };
  return body.taskManagers.toSorted((a, b) => a.id.localeCompare(b.id));
}

async function rpcPort(cluster: LocalTestCluster): Promise<number> {
  const status = await sluiceJson<{ readonly state: { readonly rpcAddress: string } }>([
    ...['cluster', 'status', '--json', '--directory', cluster.directory],
  ]);
  return portOf(status.state.rpcAddress);
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

/** Stays open unless the other end closes it. */
function send(port: number, bytes: string | Buffer): Socket {
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
  socket.on('error', () => {});
  socket.resume();
  return socket;
}
