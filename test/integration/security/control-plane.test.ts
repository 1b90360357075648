/** gRPC over TLS: task managers know a job manager, and do not register with anything else. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { ControlServer } from '../../../jobmanager/rpc/control-server.ts';
import { type LogFields, silentLogger } from '../../../shared/observability/logger.ts';
import { MESSAGE_BYTES_MAX } from '../../../shared/rpc/channel-options.ts';
import { jobManagerServiceDefinition } from '../../../shared/rpc/job-manager-service.ts';
import type { TlsIdentity } from '../../../shared/security/tls-identity.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { JobManagerConnection } from '../../../taskmanager/rpc/job-manager-connection.ts';
import { eventually } from '../../support/eventually.ts';
import { identityOf } from '../../support/security/identity-of.ts';
import { TestAuthority, type TestCertificate } from '../../support/security/test-authority.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const HOUR_MS = 3_600_000;

/** A job manager's gRPC that welcomes whoever registers. */
async function serve(t: TestContext, identity: TlsIdentity | null) {
  const registered: string[] = [];
  const closed: string[] = [];
  const logged: string[] = [];
  const server = new ControlServer({
    ...{ host: '127.0.0.1', port: 0, identity, clock: systemClock },
    logger: {
      ...silentLogger,
      warn: (fields, message) => logged.push(`${message} ${JSON.stringify(fields)}`),
    },
    controlPlane: {
      register: ({ taskManagerId }, connection) => {
        registered.push(taskManagerId);
        const timing = { heartbeatIntervalMs: 50, heartbeatTimeoutMs: 5_000 };
        connection.send({ kind: 'registered', jobManagerId: 'jm', epoch: 1, ...timing });
        return true;
      },
      handleMessage(_id, connection, message) {
        if (message.kind !== 'heartbeat') return;
        connection.send({ kind: 'heartbeat-reply', sentAtMs: message.sentAtMs });
      },
      connectionClosed: (_connection, reason) => closed.push(reason),
    },
  });
  const port = await server.listen();
  t.after(() => server.close());
  return { port, registered, closed, logged };
}

function connect(t: TestContext, address: string, identity: TlsIdentity | null) {
  const errors: string[] = [];
  const connection = new JobManagerConnection({
    ...{ address, identity, clock: systemClock, random: () => 0 },
    logger: {
      ...silentLogger,
      warn: (fields: LogFields) => errors.push(JSON.stringify(fields['error'])),
    },
    registration: () => ({
      ...{ taskManagerId: 'tm-1', version: '0.1.0', dataHost: '127.0.0.1', dataPort: 7000 },
      ...{ metricsAddress: '', slots: [{ device: 'cpu' }], labels: {}, executors: 1 },
      ...{ runningAttemptIds: [], attempts: [], hostName: 'h', processId: 1, cpuCores: 1 },
      ...{ memoryBytes: 1, draining: false },
    }),
    heartbeat: () => ({
      subtasks: [],
      process: { rssBytes: 1, cpuCoresUsed: 0, eventLoopDelayMs: 0 },
    }),
    handler: { onMessage() {}, onRegistered() {}, onLost() {}, onRefused() {} },
  });
  t.after(() => connection.close('test ends', 500));
  connection.start();
  return { errors };
}

const JOB_MANAGER: TestCertificate = { roles: ['job-manager'] };

test('when both show their certificates, then a task manager registers, by address and by name', async (t) => {
  const authority = await TestAuthority.create(temporaryFolder(t));
  const { port, registered } = await serve(t, await identityOf(t, authority, 'jm', JOB_MANAGER));
  const identity = await identityOf(t, authority, 'tm', {});
  connect(t, `127.0.0.1:${port}`, identity);
  await eventually(() => registered.length === 1);
  connect(t, `localhost:${port}`, identity);
  await eventually(() => registered.length === 2);
});

test("when the job manager's certificate is replaced, then open streams go on and new ones come", async (t) => {
  const authority = await TestAuthority.create(temporaryFolder(t));
  const identity = await identityOf(t, authority, 'jm', JOB_MANAGER);
  const { port, registered, closed } = await serve(t, identity);
  const member = await identityOf(t, authority, 'tm', {});
  connect(t, `127.0.0.1:${port}`, member);
  await eventually(() => registered.length === 1);
  const changed = new Promise<void>((resolve) => identity.onChange(resolve));
  await authority.reissue('jm', { ...JOB_MANAGER, name: 'renewed' });
  await changed;
  connect(t, `127.0.0.1:${port}`, member);
  await eventually(() => registered.length === 2);
  assert.deepEqual(closed, []);
});

const past = {
  notBefore: new Date(Date.now() - 2 * HOUR_MS),
  notAfter: new Date(Date.now() - HOUR_MS),
};

const IMPOSTORS: Readonly<Record<string, readonly [TestCertificate, RegExp]>> = {
  'a task manager': [{ roles: ['task-manager'] }, /has the role task-manager, not job-manager/u],
  expired: [{ ...JOB_MANAGER, ...past }, /expired/u],
  'at another host': [{ ...JOB_MANAGER, hosts: ['jm.example.org'] }, /127\.0\.0\.1.*not in the/u],
};

for (const [what, [certificate, expected]] of Object.entries(IMPOSTORS)) {
  test(`when what listens is ${what}, then a task manager does not register there`, async (t) => {
    const authority = await TestAuthority.create(temporaryFolder(t));
    const { port, registered } = await serve(t, await identityOf(t, authority, 'x', certificate));
    const { errors } = connect(t, `127.0.0.1:${port}`, await identityOf(t, authority, 'tm', {}));
    await eventually(() => errors.some((error) => expected.test(error)));
    assert.deepEqual(registered, []);
  });
}

test('when the authority of what listens is another one, then nobody registers', async (t) => {
  const folder = temporaryFolder(t);
  const ours = await TestAuthority.create(join(folder, 'ours'));
  const theirs = await TestAuthority.create(join(folder, 'theirs'), 'other');
  const { port, registered } = await serve(t, await identityOf(t, theirs, 'jm', JOB_MANAGER));
  const { errors } = connect(t, `127.0.0.1:${port}`, await identityOf(t, ours, 'tm', {}));
  await eventually(() => errors.length > 0);
  assert.deepEqual(registered, []);
});

const STRANGERS: Readonly<Record<string, TestCertificate | null>> = {
  'no TLS': null,
  'an expired certificate': past,
  'the role metrics': { roles: ['metrics'] },
  'the role job-manager': JOB_MANAGER,
};

for (const [what, certificate] of Object.entries(STRANGERS)) {
  test(`when a task manager comes with ${what}, then it is refused, and that is logged`, async (t) => {
    const authority = await TestAuthority.create(temporaryFolder(t));
    const server = await serve(t, await identityOf(t, authority, 'jm', JOB_MANAGER));
    const identity = certificate && (await identityOf(t, authority, 'x', certificate));
    const { errors } = connect(t, `127.0.0.1:${server.port}`, identity);
    await eventually(() => errors.length > 0 && server.logged.length > 0);
    assert.deepEqual(server.registered, []);
  });
}

test('when a message is longer than 16 MiB, then its stream ends with that and others go on', async (t) => {
  const { port, registered } = await serve(t, null);
  connect(t, `127.0.0.1:${port}`, null);
  await eventually(() => registered.length === 1);
  const { path } = jobManagerServiceDefinition().Connect;
  const stranger = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_send_message_length': -1,
  });
  t.after(() => stranger.close());
  const asIs = (bytes: Buffer): Buffer => bytes;
  const stream = stranger.makeBidiStreamRequest(path, asIs, asIs);
  const failure = new Promise<ServiceError>((resolve) => stream.once('error', resolve));
  stream.write(Buffer.alloc(MESSAGE_BYTES_MAX + 1));
  assert.equal((await failure).code, status.RESOURCE_EXHAUSTED);
  assert.match((await failure).details, /larger than max/u);
  connect(t, `127.0.0.1:${port}`, null);
  await eventually(() => registered.length === 2);
});
