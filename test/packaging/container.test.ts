import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, symlinkSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { mustRun, runCommand } from '../support/run-command.ts';
import { ROOT } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HADOLINT = join(ROOT, '.cache/linters/bin/hadolint');
const HEALTH = join(ROOT, 'packaging/health-check.js');

test('when hadolint reads the Dockerfile, then it has nothing to say', async () => {
  assert.ok(existsSync(HADOLINT), 'run test/support/install-linters.sh first');
  assert.equal(await mustRun(HADOLINT, [join(ROOT, 'Dockerfile')]), '');
});

test('when the image is built of what .dockerignore lets through, then nothing is missing', async (context) => {
  const folder = temporaryFolder(context);
  const kept = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  for (const name of kept) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await mustRun(process.execPath, [join(folder, 'packaging/build.ts')], { cwd: folder });
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
  const copied = [...dockerfile.matchAll(/^COPY --from=build (.+) \S+$/gm)]
    .flatMap((match) => (match[1] ?? '').split(' '))
    .map((path) => path.replace('/src/', ''));
  assert.ok(copied.includes('dist'));
  assert.deepEqual(
    copied.filter((path) => !existsSync(join(folder, path))),
    [],
  );
  const main = join(folder, 'dist/cli/main.js');
  const version = await mustRun(process.execPath, [main, '--version']);
  assert.equal(version.split('\n')[0], packageJson.version);
});

test('when the Dockerfile names a Node, then it is the one that the project tests with', () => {
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
  const [major] = packageJson.devDependencies.node.split('.');
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map((match) => match[1]);
  assert.deepEqual(bases, [`node:${major}-bookworm-slim`, `node:${major}-bookworm-slim`]);
  assert.match(dockerfile, /^USER 10001:10001$/m);
});

test('when something listens, then the health check is content, and else it says what it tried', async (context) => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  const port = String((server.address() as AddressInfo).port);
  const env = { SLUICE_HEALTH_HOST: '127.0.0.1', SLUICE_HEALTH_PORT: port };
  assert.equal((await runCommand(process.execPath, [HEALTH], { env })).code, 0);
  await new Promise((resolve) => server.close(resolve));
  const { code, output } = await runCommand(process.execPath, [HEALTH], { env });
  assert.equal(code, 1);
  assert.match(output, new RegExp(`127.0.0.1:${port}`));
});
