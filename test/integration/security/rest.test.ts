/** REST over TLS: who did what is on record, and neither size nor patience of a client is unbounded. */
import assert from 'node:assert/strict';
import { connect as connectPlain, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { createToken } from '../../../cli/security/create-token.ts';
import { type RunningJobManager, startJobManager } from '../../../jobmanager/main.ts';
import { type LogFields, type Logger, silentLogger } from '../../../shared/observability/logger.ts';
import { RestClient } from '../../../shared/rest/rest-client.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { eventually } from '../../support/eventually.ts';
import { pipeline, sourceVertex } from '../../support/jobmanager/job-graphs.ts';
import { TestAuthority, type TestCertificate } from '../../support/security/test-authority.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SUBMISSION = { pipeline: 'name: x', fileName: 'x', baseDirectory: '/', parameters: {} };

const audited: LogFields[] = [];
const logged: string[] = [];
const logger: Logger = {
  ...silentLogger,
  warn: (fields, message) => logged.push(JSON.stringify({ ...fields, message })),
  child: (bindings) => ({
    ...silentLogger,
    info: (fields) => audited.push({ ...bindings, ...fields }),
  }),
};

let authority: TestAuthority;
let jobManager: RunningJobManager;
const tokens: Record<'viewer' | 'operator', string> = { viewer: '', operator: '' };

before(async () => {
  const folder = temporaryFolder({ after });
  authority = await TestAuthority.create(join(folder, 'ca'));
  const tokensFile = join(folder, 'tokens');
  for (const role of ['viewer', 'operator'] as const) {
    tokens[role] = await createToken({ file: tokensFile, name: `${role}-1`, role });
  }
  jobManager = await startJobManager({
    ...{ rpcPort: 0, restPort: 0, shutdownTimeoutMs: 500, fileSystemOptions: {}, logger },
    tls: await authority.issue('jm', { roles: ['job-manager'] }),
    tokensFile,
    compile: async () => ({
      kind: 'compiled',
      jobGraph: pipeline([sourceVertex('read')], 'x'),
      warnings: [],
    }),
  });
});
after(() => jobManager.stop());

function client(token: string): RestClient {
  return new RestClient(jobManager.restAddress, { token, authority: authority.certificate });
}

async function open(): Promise<TLSSocket> {
  const { certificate: ca } = authority;
  const socket = connect({ host: '127.0.0.1', port: jobManager.restPort, ca });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  return socket;
}

/** All that comes until the other end closes. */
function untilClosed(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.on('end', () => socket.end());
    socket.once('close', () => resolve(text));
  });
}

test('when somebody submits, cancels or may not, then the audit log says who, what and from where', async () => {
  const operator = client(tokens.operator);
  const outcome = await operator.submitJob(SUBMISSION);
  const id = outcome.kind === 'submitted' ? outcome.id : '';
  await operator.cancelJob(id);
  await assert.rejects(client(tokens.viewer).cancelJob(id), { code: 'FORBIDDEN' });
  await assert.rejects(operator.cancelJob('ffff'), { code: 'JOB_NOT_FOUND' });
  await eventually(() => audited.length === 4);
  const lines = audited.map(({ audit, who, role, action, target, outcome: how }) => [
    ...[audit, who, role, action, target, how],
  ]);
  assert.deepEqual(lines, [
    [true, 'operator-1', 'operator', 'job.submit', id, 'done'],
    [true, 'operator-1', 'operator', 'job.cancel', id, 'done'],
    [true, 'viewer-1', 'viewer', 'job.cancel', id, 'denied'],
    [true, 'operator-1', 'operator', 'job.cancel', 'ffff', 'failed'],
  ]);
  for (const { remote } of audited) assert.match(`${remote}`, /^127\.0\.0\.1:\d+$/u);
});

test('when tokens are wrong, then the answer says how to ask, and no secret is in a log', async () => {
  const wrong = `${tokens.operator}x`;
  await assert.rejects(client(wrong).jobs(), { code: 'UNAUTHORIZED', message: /not known/u });
  const socket = await open();
  socket.write('GET /v1/jobs HTTP/1.1\r\nHost: x\r\n\r\n');
  const answer = await untilClosed(socket);
  assert.match(answer, /^HTTP\/1\.1 401 /u);
  assert.match(answer, /www-authenticate: Bearer realm="sluice"\r\n/iu);
  assert.match(answer, /content-type: application\/problem\+json/iu);
  assert.match(answer, /connection: close/iu);
  const everything = `${logged.join('\n')}${JSON.stringify(audited)}`;
  for (const secret of [wrong, tokens.viewer, tokens.operator]) {
    assert.ok(!everything.includes(secret));
  }
  assert.ok(logged.some((line) => /"status":40[13]/u.test(line)));
});

test('when a token is of a role, then it opens what that role may see', async () => {
  const statusOf = async (path: string, token: string | null): Promise<number> => {
    const socket = await open();
    const authorization = token === null ? '' : `Authorization: Bearer ${token}\r\n`;
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${authorization}\r\n`);
    return Number((await untilClosed(socket)).split(' ')[1]);
  };
  assert.equal(await statusOf('/v1/jobs', tokens.viewer), 200);
  assert.equal(await statusOf('/metrics', tokens.viewer), 200);
  assert.equal(await statusOf('/metrics', null), 401);
  assert.equal(await statusOf('/v1/config', tokens.operator), 403);
  await assert.rejects(client(tokens.viewer).submitJob(SUBMISSION), { code: 'FORBIDDEN' });
});

test('when the body is large and the token is missing, then it is refused before it is read', async () => {
  const socket = await open();
  const headers = 'POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
  socket.write(`${headers}Content-Length: 2000000000\r\n\r\n{`);
  assert.match(await untilClosed(socket), /^HTTP\/1\.1 401 /u);
});

const OVERSIZE: Readonly<Record<string, readonly [lines: () => string, status: RegExp]>> = {
  'a header is too long': [() => `X-Long: ${'a'.repeat(20_000)}\r\n`, /^HTTP\/1\.1 4\d\d /u],
  'a token is too long': [
    () => `Authorization: Bearer ${'a'.repeat(10_000)}\r\nConnection: close\r\n`,
    /^HTTP\/1\.1 401 /u,
  ],
  'a body is too long': [
    () =>
      `Authorization: Bearer ${tokens.operator}\r\nContent-Type: application/json\r\n` +
      'Content-Length: 2000000000\r\nConnection: close\r\n',
    /^HTTP\/1\.1 413 /u,
  ],
};

for (const [what, [lines, status]] of Object.entries(OVERSIZE)) {
  test(`when ${what}, then the request is refused`, async () => {
    const socket = await open();
    socket.write(`POST /v1/jobs HTTP/1.1\r\nHost: x\r\n${lines()}\r\n`);
    assert.match(await untilClosed(socket), status);
  });
}

const HOUR_MS = 3_600_000;
const past = new Date(Date.now() - HOUR_MS);

const UNTRUSTED: Readonly<Record<string, readonly [TestCertificate, RegExp]>> = {
  'for another host': [{ hosts: ['jm.example.org'] }, /its certificate is for other names/u],
  expired: [
    { notBefore: new Date(past.getTime() - HOUR_MS), notAfter: past },
    /its certificate has expired/u,
  ],
};

for (const [what, [certificate, expected]] of Object.entries(UNTRUSTED)) {
  test(`when the certificate is ${what}, then the client says so and sends no token`, async (t) => {
    const tls = await authority.issue('odd', { roles: ['job-manager'], ...certificate });
    const nowMs = (certificate.notAfter?.getTime() ?? Date.now()) - 1_000;
    const odd = await startJobManager({
      ...{ rpcPort: 0, restPort: 0, shutdownTimeoutMs: 500, fileSystemOptions: {}, tls },
      ...{ logger: silentLogger, clock: { ...systemClock, nowMs: () => nowMs } },
    });
    t.after(() => odd.stop());
    const options = { token: tokens.viewer, authority: authority.certificate };
    await assert.rejects(new RestClient(odd.restAddress, options).jobs(), {
      code: 'CERTIFICATE_INVALID',
      message: expected,
    });
  });
}

test('when an address is not of this machine, then no token goes there in clear text', () => {
  const ask = () => new RestClient('http://10.0.0.1:8081', { token: tokens.viewer });
  assert.throws(ask, { code: 'ARGUMENT_INVALID', message: /never sent in clear text/u });
});

test('when clients are slow, then they lose their places, and others are served meanwhile', async () => {
  const slow = await Promise.all([
    // Nothing at all, half a request line, and a header a second.
    ...Array.from({ length: 100 }, async () => connectPlain(jobManager.restPort, '127.0.0.1')),
    ...Array.from({ length: 50 }, () => open()),
  ]);
  for (const [index, socket] of slow.entries()) {
    socket.on('error', () => {});
    if (index >= 125) socket.write('GET /v1/jobs HTTP/1.1\r\n');
  }
  const drip = setInterval(() => {
    for (const socket of slow.slice(125)) socket.write('X-Slow: 1\r\n');
  }, 1_000);
  const ended = Promise.all(slow.map(untilClosed));
  const served = await Promise.all(Array.from({ length: 20 }, () => client(tokens.viewer).jobs()));
  assert.equal(served.length, 20);
  await ended;
  clearInterval(drip);
  assert.ok(logged.length < 200, `${logged.length} lines`);
});
