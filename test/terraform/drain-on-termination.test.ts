/** What a host of a scaling group does when it is ended, against a metadata service and an API of ours. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(
  new URL('../../terraform/files/drain-on-termination.sh', import.meta.url),
);
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const SESSION = 'IQoJb3JpZ2luX2VjEXAMPLE//token==';
const CREDENTIALS = JSON.stringify(
  {
    Code: 'Success',
    Type: 'AWS-HMAC',
    AccessKeyId: 'ASIAEXAMPLE',
    SecretAccessKey: SECRET,
    Token: SESSION,
    Expiration: '2030-01-01T00:00:00Z',
  },
  null,
  2,
);
const METADATA: Record<string, string> = {
  'instance-id': 'i-0123456789abcdef0',
  'iam/security-credentials/': 'sluice-task-manager',
  'iam/security-credentials/sluice-task-manager': CREDENTIALS,
};

const hmac = (key: Buffer | string, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Signature Version 4, computed from what arrived. */
function isSigned(request: IncomingMessage, body: string): boolean {
  const pattern = /Credential=ASIAEXAMPLE\/(.+?), ?SignedHeaders=(.+?), ?Signature=(\w+)/;
  const [, scope = '', names = '', signature] =
    pattern.exec(request.headers.authorization ?? '') ?? [];
  const headers = names.split(';');
  assert.ok(headers.includes('x-amz-security-token'), `signed: ${names}`);
  const canonical = [
    request.method,
    request.url,
    '',
    ...headers.map((name) => `${name}:${String(request.headers[name]).trim()}`),
    '',
    names,
    sha256(body),
  ].join('\n');
  const date = String(request.headers['x-amz-date']);
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const key = scope.split('/').reduce<Buffer | string>(hmac, `AWS4${SECRET}`);
  return hmac(key, text).toString('hex') === signature;
}

describe('the end of a host of a scaling group', () => {
  let folder: string;
  let server: Server;
  let url: string;
  let events: string[];
  let states: string[];
  let refusals: number;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-drain-'));
    server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      const path = request.url ?? '';
      const answer = (status: number, text = ''): void => {
        response.writeHead(status).end(text);
      };
      if (path === '/latest/api/token') {
        if (request.method === 'PUT') answer(200, 'metadata-token');
        else answer(405);
        return;
      }
      if (path.startsWith('/latest/meta-data/')) {
        if (request.headers['x-aws-ec2-metadata-token'] !== 'metadata-token') return answer(401);
        const name = path.slice('/latest/meta-data/'.length);
        const known =
          name === 'autoscaling/target-lifecycle-state' ? states.shift() : METADATA[name];
        return known === undefined ? answer(404) : answer(200, known);
      }
      const fields = Object.fromEntries(new URLSearchParams(body));
      const stopped = await readFile(join(folder, 'stopped'), 'utf8').catch(() => '');
      const signed = isSigned(request, body) ? 'signed' : 'not signed';
      events.push(`${fields['Action']} ${signed} ${stopped.trim()}`.trim());
      assert.equal(fields['AutoScalingGroupName'], 'sluice-task-manager-cpu');
      assert.equal(fields['LifecycleHookName'], 'drain');
      assert.equal(fields['InstanceId'], 'i-0123456789abcdef0');
      refusals -= 1;
      answer(refusals >= 0 ? 400 : 200, '<Response/>');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    // Takes its time, as a task manager does that drains.
    const systemctl = join(folder, 'systemctl');
    await writeFile(
      systemctl,
      `#!/bin/sh\nsleep 3\necho "$*" > '${folder}/stopped'\nexit $STATUS\n`,
    );
    await chmod(systemctl, 0o755);
  });
  beforeEach(async () => {
    events = [];
    states = ['InService', 'InService', 'Terminated'];
    refusals = 0;
    await rm(join(folder, 'stopped'), { force: true });
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (status = 0): Promise<number> =>
    new Promise((resolve) => {
      const env = {
        PATH: `${folder}:${process.env['PATH']}`,
        STATUS: String(status),
        REGION: 'us-east-1',
        SCALING_GROUP: 'sluice-task-manager-cpu',
        LIFECYCLE_HOOK: 'drain',
        HEARTBEAT_SECONDS: '1',
        POLL_SECONDS: '0.1',
        METADATA_URL: url,
        AUTOSCALING_URL: `${url}/`,
      };
      execFile('sh', [SCRIPT], { env }, (error) => resolve(Number(error?.code ?? 0)));
    });

  it('when the group ends it, then the task manager stops, with signs of life, before the group is told', async () => {
    assert.equal(await run(), 0);
    assert.deepEqual(states, []);
    assert.ok(events.includes('RecordLifecycleActionHeartbeat signed'), String(events));
    assert.equal(
      events.at(-1),
      'CompleteLifecycleAction signed stop sluice-taskmanager.service',
      String(events),
    );
  });

  it('when the task manager does not stop cleanly, then the host ends all the same', async () => {
    assert.equal(await run(1), 0);
    assert.match(events.at(-1) ?? '', /^CompleteLifecycleAction signed/);
  });

  it('when a heartbeat is refused, then the drain goes on', async () => {
    refusals = 1;
    assert.equal(await run(), 0);
    assert.match(events.at(-1) ?? '', /^CompleteLifecycleAction signed/);
  });

  it('when the group cannot be told, then it fails, for systemd to start it again', async () => {
    refusals = 100;
    assert.notEqual(await run(), 0);
  });
});
