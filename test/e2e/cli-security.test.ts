/** `sluice certs` and `sluice tokens`, and what commands say about certificates and tokens. */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSecuredCluster } from '../support/security/secured-cluster.ts';
import { sluice, sluiceJson } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const modeOf = (path: string): number => statSync(path).mode & 0o777;

test('when an authority issues a certificate, then it has its role and names, and nothing is overwritten', async (t) => {
  const cwd = temporaryFolder(t);
  const certs = (...args: string[]) => sluice(['certs', ...args], { cwd });
  assert.equal((await certs('init')).code, 0);
  assert.equal(modeOf(join(cwd, 'sluice-ca/ca.key')), 0o600);
  const names = ['--host', '10.0.0.5', '--host', 'jm.example.org', '--days', '30'];
  const issue = ['issue', '--role', 'job-manager', '--name', 'jm-1', ...names, '--directory', 'jm'];
  assert.equal((await certs(...issue)).code, 0);
  assert.equal(modeOf(join(cwd, 'jm/tls.key')), 0o600);
  const key = readFileSync(join(cwd, 'jm/tls.key'), 'utf8');

  const [shown] = await sluiceJson<readonly Record<string, unknown>[]>(
    ['certs', 'show', 'jm/tls.crt', '--json'],
    { cwd },
  );
  assert.deepEqual(shown?.['roles'], ['job-manager']);
  assert.deepEqual(shown?.['names'], ['IP Address:10.0.0.5', 'DNS:jm.example.org']);
  assert.equal(shown?.['daysLeft'], 29);

  for (const again of [issue, ['init']]) {
    const { code, stderr } = await certs(...again);
    assert.equal(code, 2);
    assert.match(stderr, /FILE_EXISTS: .*never overwritten/u);
  }
  assert.equal(readFileSync(join(cwd, 'jm/tls.key'), 'utf8'), key);
});

const REFUSED: readonly (readonly [args: readonly string[], expected: RegExp])[] = [
  [['--role', 'job-manager', '--name', 'x'], /job manager's certificate needs its host names/u],
  [['--role', 'boss', '--name', 'x'], /Allowed choices are job-manager, task-manager, metrics/u],
  [['--role', 'metrics', '--name', 'x', '--host', 'a:1'], /"a:1" is no host name or address/u],
  [['--role', 'metrics', '--name', 'x', '--days', '9999'], /expires at .* before the certificate/u],
  [['--role', 'metrics', '--name', 'x', '--ca', 'nowhere'], /no authority file nowhere\/ca\.crt/u],
];

test('when a certificate cannot be issued, then it is said why, and no file is left', async (t) => {
  const cwd = temporaryFolder(t);
  assert.equal((await sluice(['certs', 'init'], { cwd })).code, 0);
  for (const [args, expected] of REFUSED) {
    const command = ['certs', 'issue', ...args, '--directory', 'out'];
    const { code, stderr } = await sluice(command, { cwd });
    assert.equal(code, 2, stderr);
    assert.match(stderr, expected);
    assert.throws(() => statSync(join(cwd, 'out')), { code: 'ENOENT' });
  }
});

test('when a token is made, then it is printed once, alone, and the file has its hash only', async (t) => {
  const cwd = temporaryFolder(t);
  const create = ['tokens', 'create', '--name', 'ci', '--role', 'operator'];
  const { stdout, code } = await sluice(create, { cwd });
  assert.equal(code, 0);
  assert.match(stdout, /^sluice_[\w-]{43}\n$/u);
  const file = join(cwd, 'tokens');
  assert.equal(modeOf(file), 0o600);
  assert.ok(!readFileSync(file, 'utf8').includes(stdout.trim()));
  assert.match((await sluice(create, { cwd })).stderr, /FILE_EXISTS: tokens has a token "ci"/u);
  const { stdout: list } = await sluice(['tokens', 'list'], { cwd });
  assert.match(list, /^ci +operator +[0-9a-f]{12}$/mu);
});

test('when a command lacks a token or trusts somebody else, then it says what to do', async (t) => {
  const cluster = await startSecuredCluster(t, ['-n', '0']);
  const cwd = temporaryFolder(t);
  await sluice(['certs', 'init'], { cwd });
  const other = join(cwd, 'sluice-ca/ca.crt');
  const ours = cluster.tls.authority;
  const jobs = (address: string, authority: string | null) =>
    sluice([
      ...['jobs', '--job-manager', address],
      ...(authority === null ? [] : ['--authority', authority]),
    ]);
  const at = cluster.restAddress;
  const cases = [
    [await jobs(at, null), /CERTIFICATE_INVALID[\s\S]*--authority or SLUICE_AUTHORITY/u],
    [await jobs(at, other), /CERTIFICATE_INVALID[\s\S]*not signed by the authority/u],
    [await jobs(at, ours), /UNAUTHORIZED: a token is needed[\s\S]*SLUICE_TOKEN/u],
    [await jobs(at.replace('https', 'http'), ours), /begins with https:\/\//u],
  ] as const;
  for (const [{ code, stderr }, expected] of cases) {
    assert.notEqual(code, 0);
    assert.match(stderr, expected);
  }
});
