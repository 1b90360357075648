/** What the metrics page of a job manager with TLS says of its certificate and of whom it kept out. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { connect as connectPlain, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { createToken } from '../../../cli/security/create-token.ts';
import { startJobManager } from '../../../jobmanager/main.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import { eventually } from '../../support/eventually.ts';
import { TestAuthority } from '../../support/security/test-authority.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const HOUR_MS = 3_600_000;

test('when strangers come and a certificate is replaced, then the page says who was refused and until when it is valid', async (t) => {
  const folder = temporaryFolder(t);
  const authority = await TestAuthority.create(join(folder, 'ca'));
  const tokensFile = join(folder, 'tokens');
  const token = await createToken({ file: tokensFile, name: 'prometheus', role: 'viewer' });
  const tls = await authority.issue('jm', { roles: ['job-manager'] });
  const jobManager = await startJobManager({
    ...{ rpcPort: 0, restPort: 0, shutdownTimeoutMs: 500, fileSystemOptions: {} },
    ...{ tls, tokensFile, logger: silentLogger },
  });
  t.after(() => jobManager.stop());
  const { restPort, rpcPort } = jobManager;
  const ca = authority.certificate;

  const ask = (path: string, headers: Record<string, string> = {}): Promise<string> =>
    new Promise((resolve, reject) => {
      const url = `https://127.0.0.1:${restPort}${path}`;
      get(url, { ca, headers, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.once('end', () => resolve(text));
      }).once('error', reject);
    });
  const page = () => ask('/metrics', { authorization: `Bearer ${token}` });
  const sample = async (name: string, labels: string): Promise<number> => {
    const line = (await page()).split('\n').find((text) => text.startsWith(`${name}{${labels}`));
    assert.ok(line !== undefined, `${name}{${labels}} is missing`);
    return Number(line.slice(line.lastIndexOf(' ')));
  };
  const refused = (listener: string, reason: string) =>
    sample('sluice_connections_refused_total', `listener="${listener}",reason="${reason}"`);
  const reaches = (listener: string, reason: string, count: number) =>
    eventually(async () => (await refused(listener, reason)) === count, {
      message: `${listener} ${reason} is not ${count}`,
    });

  // Not TLS; TLS without a certificate; a certificate for something else.
  const garbage = connectPlain(restPort, '127.0.0.1');
  garbage.write('GET / HTTP/1.1\r\n\r\n');
  await closed(garbage);
  await reaches('rest', 'handshake', 1);
  const metrics = await authority.issue('prometheus', { roles: ['metrics'] });
  for (const own of [
    {},
    { cert: readFileSync(metrics.certificate), key: readFileSync(metrics.key) },
  ]) {
    const socket = connect({ host: '127.0.0.1', port: rpcPort, ca, ...own });
    await closed(socket);
  }
  await reaches('control_plane', 'handshake', 1);
  await reaches('control_plane', 'role', 1);

  // Over TLS: no token, a wrong one, no HTTP.
  await ask('/v1/jobs');
  await ask('/v1/jobs', { authorization: 'Bearer wrong' });
  await reaches('rest', 'token', 2);
  const odd = connect({ host: '127.0.0.1', port: restPort, ca });
  odd.end('what is this\r\n\r\n');
  odd.resume();
  await closed(odd);
  await reaches('rest', 'malformed', 1);
  await ask('/v1/health');
  assert.equal(await refused('rest', 'token'), 2, 'what anybody may ask is not refused');
  assert.equal(await refused('rest', 'handshake'), 1);

  const notAfter = () => sample('sluice_certificate_not_after_timestamp_seconds', '');
  const before = await notAfter();
  assert.ok(before > Date.now() / 1000);
  const later = new Date(Date.now() + 5 * HOUR_MS);
  await authority.reissue('jm', { roles: ['job-manager'], notAfter: later });
  await eventually(async () => (await notAfter()) > before, { timeoutMs: 20_000 });
  assert.equal(await notAfter(), Math.floor(later.getTime() / 1000));
});

/** However it ends. */
function closed(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  return new Promise((resolve) => socket.once('close', () => resolve()));
}
