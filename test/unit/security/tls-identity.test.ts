import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { type LogFields, silentLogger } from '../../../shared/observability/logger.ts';
import { TlsIdentity } from '../../../shared/security/tls-identity.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { TestAuthority } from '../../support/security/test-authority.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

function recorded() {
  const errors: LogFields[] = [];
  const warnings: LogFields[] = [];
  const logger = {
    ...silentLogger,
    error: (fields: LogFields) => errors.push(fields),
    warn: (fields: LogFields) => warnings.push(fields),
  };
  return { errors, warnings, logger };
}

test('when the files change, then the new set serves; when they break, then the old one stays', async (t) => {
  const authority = await TestAuthority.create(temporaryFolder(t));
  const files = await authority.issue('tm', { name: 'first' });
  const clock = new FakeClock(Date.now());
  const { logger, errors } = recorded();
  const identity = await TlsIdentity.load(files, { clock, logger });
  t.after(() => identity.close());
  const { context } = identity;
  let changes = 0;
  identity.onChange(() => {
    changes += 1;
  });
  await clock.advance(10_000);
  assert.equal(changes, 0, 'nothing changed');

  await authority.reissue('tm', { name: 'second' });
  await eventually(async () => {
    await clock.advance(2_000);
    return changes > 0;
  });
  assert.match(identity.material.leaf.subject, /CN=second/);
  assert.notEqual(identity.context, context);

  const before = errors.length;
  writeFileSync(files.key, 'half of a ro');
  await eventually(async () => {
    await clock.advance(2_000);
    return errors.length > before;
  });
  assert.match(identity.material.leaf.subject, /CN=second/);

  await authority.reissue('tm', { name: 'third' });
  await eventually(async () => {
    await clock.advance(2_000);
    return /CN=third/.test(identity.material.leaf.subject);
  });
});

test('when a certificate expires soon, then the log asks for a new one, every day', async (t) => {
  const authority = await TestAuthority.create(temporaryFolder(t));
  const files = await authority.issue('tm');
  const clock = new FakeClock(Date.now());
  const { logger, warnings } = recorded();
  const identity = await TlsIdentity.load(files, { clock, logger });
  t.after(() => identity.close());
  assert.equal(warnings.length, 1);
  await clock.advance(24 * 3_600_000);
  assert.equal(warnings.length, 2);
});

test('when it is closed, then nothing is left behind', async (t) => {
  const authority = await TestAuthority.create(temporaryFolder(t));
  const files = await authority.issue('tm');
  const clock = new FakeClock(Date.now());
  const identity = await TlsIdentity.load(files, { clock, logger: silentLogger });
  identity.close();
  assert.equal(clock.pendingTimers, 0);
});
