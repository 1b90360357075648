/** A cluster with TLS: who may come in on the ports that ask for certificates, and that jobs run meanwhile. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { createToken } from '../../../cli/security/create-token.ts';
import { type RunningJobManager, startJobManager } from '../../../jobmanager/main.ts';
import type { TlsFiles } from '../../../shared/config/tls-files.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import { RestClient } from '../../../shared/rest/rest-client.ts';
import { type RunningTaskManager, startTaskManager } from '../../../taskmanager/main.ts';
import { eventually } from '../../support/eventually.ts';
import { TestAuthority } from '../../support/security/test-authority.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const DAY_MS = 86_400_000;
const PIPELINE = `name: numbers
nodes:
  numbers: { source: datagen, count: 2000 }
  counts: { transform: count, from: numbers, keyBy: key, parallelism: 2 }
  out: { sink: blackhole, from: counts }
`;

interface Cluster {
  readonly authority: TestAuthority;
  readonly folder: string;
  readonly jobManager: RunningJobManager;
  readonly taskManagers: readonly RunningTaskManager[];
  readonly tokens: Readonly<Record<'viewer' | 'operator', string>>;
  client(token?: string): RestClient;
  join(id: string, tls: TlsFiles | null): Promise<RunningTaskManager>;
}

async function startCluster(t: TestContext): Promise<Cluster> {
  const folder = temporaryFolder(t);
  const authority = await TestAuthority.create(join(folder, 'ca'));
  const tokensFile = join(folder, 'tokens');
  const tokenOf = (role: 'viewer' | 'operator') =>
    createToken({ file: tokensFile, name: `a-${role}`, role });
  const tokens = { viewer: await tokenOf('viewer'), operator: await tokenOf('operator') };
  const common = { host: '127.0.0.1', fileSystemOptions: {}, logger: silentLogger };
  const jobManager = await startJobManager({
    ...{ ...common, rpcPort: 0, restPort: 0, stabilisationMs: 20, tokensFile },
    tls: await authority.issue('jm', { roles: ['job-manager'] }),
  });
  t.after(() => jobManager.stop());
  const joinCluster = async (id: string, tls: TlsFiles | null): Promise<RunningTaskManager> => {
    const taskManager = await startTaskManager({
      ...{ ...common, jobManagerAddress: jobManager.rpcAddress, dataPort: 0, metricsPort: 0 },
      ...{ id, slots: 1, executors: 1, labels: {}, device: 'cpu', tls },
    });
    t.after(() => taskManager.stop());
    return taskManager;
  };
  const taskManagers = [
    await joinCluster('tm-1', await authority.issue('tm-1')),
    await joinCluster('tm-2', await authority.issue('tm-2')),
  ];
  const pem = readFileSync(authority.files('jm').authority, 'utf8');
  const client = (token?: string) =>
    new RestClient(jobManager.restAddress, {
      authority: pem,
      ...(token === undefined ? {} : { token }),
    });
  const cluster = {
    authority,
    folder,
    jobManager,
    taskManagers,
    tokens,
    client,
    join: joinCluster,
  };
  await eventually(async () => (await client(tokens.viewer).taskManagers()).length === 2, {
    timeoutMs: 30_000,
  });
  return cluster;
}

const submission = (folder: string) => ({
  pipeline: PIPELINE,
  fileName: 'pipeline.yaml',
  baseDirectory: folder,
  parameters: {},
});

async function runJob(cluster: Cluster): Promise<void> {
  const client = cluster.client(cluster.tokens.operator);
  const outcome = await client.submitJob(submission(cluster.folder));
  assert.ok(outcome.kind === 'submitted');
  const { id } = outcome;
  await eventually(
    async () => {
      const { state, failure } = await client.job(id);
      assert.notEqual(state, 'FAILED', failure?.error.message);
      return state === 'FINISHED';
    },
    { timeoutMs: 60_000, message: 'the job did not finish' },
  );
}

/** What a client sees of a port: what it answers, or that it ends the connection. */
function answerOf(port: number, tls: TlsFiles | null, authority: string): Promise<string> {
  return new Promise((resolve) => {
    const own =
      tls === null ? {} : { cert: readFileSync(tls.certificate), key: readFileSync(tls.key) };
    const socket = connect({ host: '127.0.0.1', port, ca: readFileSync(authority), ...own });
    const end = (what: string): void => {
      socket.destroy();
      resolve(what);
    };
    socket.on('secureConnect', () => socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'));
    socket.on('data', (chunk: Buffer) => end(chunk.toString('latin1').split('\r\n')[0] ?? ''));
    socket.on('error', () => end('refused'));
    socket.on('close', () => end('refused'));
  });
}

/** Whether HTTP/2, which gRPC speaks, gets as far as the other end's settings. */
function grpcAnswerOf(port: number, tls: TlsFiles | null, authority: string): Promise<string> {
  return new Promise((resolve) => {
    const own =
      tls === null ? {} : { cert: readFileSync(tls.certificate), key: readFileSync(tls.key) };
    const ca = readFileSync(authority);
    const socket = connect({ host: '127.0.0.1', port, ca, ALPNProtocols: ['h2'], ...own });
    socket.on('secureConnect', () => socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'));
    socket.once('data', () => {
      resolve('served');
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.once('close', () => resolve('refused'));
  });
}

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1));

test('when strangers come with and without certificates, then each port refuses them and jobs run', async (t) => {
  const cluster = await startCluster(t);
  const { authority, folder, taskManagers } = cluster;
  await runJob(cluster);
  const other = await TestAuthority.create(join(folder, 'other'), 'another authority');
  const past = { notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter: new Date(Date.now() - 1) };
  const certificates: readonly (readonly [string, TlsFiles | null])[] = [
    ['no certificate', null],
    ['another authority', await other.issue('stranger')],
    ['self-signed', await authority.issueSelfSigned('self')],
    ['expired', await authority.issue('late', past)],
    ['role metrics', await authority.issue('prometheus', { roles: ['metrics'] })],
    ['role job-manager', await authority.issue('jm-2', { roles: ['job-manager'] })],
  ];
  const trusted = authority.files('jm').authority;
  const infos = await cluster.client(cluster.tokens.viewer).taskManagers();
  const rpcPort = portOf(cluster.jobManager.rpcAddress);
  const grpcAnswer = (files: TlsFiles | null) => grpcAnswerOf(rpcPort, files, trusted);
  assert.equal(await grpcAnswer(authority.files('tm-1')), 'served');
  for (const [what, files] of certificates) {
    for (const { dataAddress, metricsAddress } of infos) {
      assert.equal(await answerOf(portOf(dataAddress), files, trusted), 'refused', what);
      const metrics = await answerOf(portOf(metricsAddress), files, trusted);
      const isOfTheAuthority = what.startsWith('role');
      assert.match(metrics, isOfTheAuthority ? /^HTTP\/1\.1 200/u : /^refused$/u, what);
    }
    assert.equal(await grpcAnswer(files), 'refused', what);
  }
  assert.equal(taskManagers.length, infos.length);
  await runJob(cluster);
});
