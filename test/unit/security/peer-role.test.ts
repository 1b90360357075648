import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { roleProblem, rolesOf } from '../../../shared/security/peer-role.ts';
import { TestAuthority } from '../../support/security/test-authority.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const CASES: readonly (readonly [names: string | undefined, roles: readonly string[]])[] = [
  ['URI:sluice://role/task-manager', ['task-manager']],
  ['DNS:a, URI:sluice://role/job-manager, IP Address:10.0.0.1', ['job-manager']],
  ['URI:sluice://role/metrics, URI:sluice://role/task-manager', ['task-manager', 'metrics']],
  [undefined, []],
  ['', []],
  ['DNS:sluice://role/task-manager', []],
  ['URI:sluice://role/task-manager/more', []],
  ['URI:https://example.org/sluice://role/task-manager', []],
  ['URI:sluice://role/admin', []],
  // A name that looks like two: Node quotes it, and then nothing is believed.
  ['DNS:"a, URI:sluice://role/task-manager"', []],
  ['URI:sluice://role/metrics, DNS:"a, URI:sluice://role/task-manager, DNS:b"', []],
];

for (const [names, roles] of CASES) {
  test(`when the names are ${names ?? 'missing'}, then the roles are [${roles}]`, () => {
    assert.deepEqual(rolesOf(names), roles);
  });
}

test('when a certificate has another role, or there is none, then the reason is told', async (t) => {
  const authority = await TestAuthority.create(temporaryFolder(t));
  const files = await authority.issue('scraper', { roles: ['metrics'] });
  const certificate = new X509Certificate(readFileSync(files.certificate));
  assert.equal(roleProblem(certificate, 'metrics'), null);
  const expected = 'its certificate (CN=scraper) has the role metrics, not task-manager';
  assert.equal(roleProblem(certificate, 'task-manager'), expected);
  assert.equal(roleProblem(undefined, 'metrics'), 'it has no certificate');
  const authorityItself = new X509Certificate(authority.certificate);
  assert.match(roleProblem(authorityItself, 'metrics') ?? '', /has no role, not metrics/);
});
