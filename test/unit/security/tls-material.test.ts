import assert from 'node:assert/strict';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { TlsFiles } from '../../../shared/config/tls-files.ts';
import type { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { readTlsMaterial } from '../../../shared/security/tls-material.ts';
import { TestAuthority } from '../../support/security/test-authority.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const HOUR_MS = 3_600_000;

async function refusal(files: TlsFiles, nowMs = Date.now()): Promise<SluiceError> {
  return readTlsMaterial(files, nowMs).then(
    () => assert.fail('it was accepted'),
    (error: SluiceError) => error,
  );
}

let now = 0;
before(() => {
  now = Date.now();
});

test('when the three files belong together, then they are a process identity', async (t) => {
  const authority = await TestAuthority.create(temporaryFolder(t));
  const notAfter = new Date(now + HOUR_MS);
  const files = await authority.issue('tm', { notAfter });
  const material = await readTlsMaterial(files, now);
  assert.match(material.leaf.subject, /CN=tm/);
  assert.equal(material.expiresAtMs, Math.floor(notAfter.getTime() / 1000) * 1000);
});

test('when a file is missing, then the message names it and its option', async (t) => {
  const authority = await TestAuthority.create(temporaryFolder(t));
  for (const [field, option] of [
    ['certificate', '--tls-certificate'],
    ['key', '--tls-key'],
    ['authority', '--tls-authority'],
  ] as const) {
    const files = await authority.issue(`without-${field}`);
    rmSync(files[field]);
    const error = await refusal(files);
    assert.equal(error.code, 'FILE_NOT_FOUND');
    assert.ok(error.message.includes(files[field]), error.message);
    assert.ok(error.hint?.includes(option), error.hint);
  }
});

test('when the key is of another certificate, then that is said', async (t) => {
  const authority = await TestAuthority.create(temporaryFolder(t));
  const files = await authority.issue('one');
  copyFileSync((await authority.issue('other')).key, files.key);
  const error = await refusal(files);
  assert.equal(error.code, 'CERTIFICATE_INVALID');
  assert.match(error.message, /the key does not belong to the certificate/);
});

test('when another authority has signed the certificate, then that is said', async (t) => {
  const folder = temporaryFolder(t);
  const files = await (await TestAuthority.create(join(folder, 'a'))).issue('tm');
  // Of the same name: the signature decides.
  writeFileSync(files.authority, (await TestAuthority.create(join(folder, 'b'))).certificate);
  const error = await refusal(files);
  assert.equal(error.code, 'CERTIFICATE_INVALID');
  assert.match(error.message, /is not signed by the authority/);
});

test('when the certificate has expired or is not valid yet, then the date is said', async (t) => {
  const authority = await TestAuthority.create(temporaryFolder(t));
  const files = await authority.issue('tm', { notAfter: new Date(now + HOUR_MS) });
  assert.match((await refusal(files, now + 2 * HOUR_MS)).message, /expired at 20\d\d-/);
  assert.match((await refusal(files, now - 2 * HOUR_MS)).message, /is valid from 20\d\d-.* on/);
});

const BROKEN: readonly (readonly [field: keyof TlsFiles, content: string, expected: RegExp])[] = [
  ['certificate', 'no PEM', /no certificate in PEM form/],
  [
    'certificate',
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    /what it has is no certificate/,
  ],
  ['certificate', 'x'.repeat(300 * 1024), /larger than 256 KiB/],
  ['key', 'no PEM', /no private key in PEM form/],
  [
    'key',
    '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n',
    /protected by a password/,
  ],
  ['authority', '', /no certificate in PEM form/],
];

for (const [field, content, expected] of BROKEN) {
  test(`when the ${field} file is broken (${expected.source}), then that is said`, async (t) => {
    const files = await (await TestAuthority.create(temporaryFolder(t))).issue('tm');
    writeFileSync(files[field], content);
    const error = await refusal(files);
    assert.match(error.message, expected);
    assert.equal(error.domain, 'user');
    assert.ok(error.hint !== undefined);
  });
}

test('when the authority file has several, then certificates of each are accepted', async (t) => {
  const folder = temporaryFolder(t);
  const before = await TestAuthority.create(join(folder, 'before'), 'old');
  const after = await TestAuthority.create(join(folder, 'after'), 'new');
  for (const files of [await before.issue('tm'), await after.issue('tm')]) {
    writeFileSync(files.authority, `${before.certificate}${after.certificate}`);
    assert.ok(await readTlsMaterial(files, now));
  }
});
