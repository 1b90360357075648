/** The data plane over TLS: what passes, and who does not. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { END_OF_INPUT } from '../../../shared/record/stream-event.ts';
import { eventually } from '../../support/eventually.ts';
import { identityOf } from '../../support/security/identity-of.ts';
import { TestAuthority, type TestCertificate } from '../../support/security/test-authority.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import {
  emitAll,
  failureOf,
  gateAt,
  partitionAt,
  receiveAll,
  startTaskManager,
} from '../network/network-helpers.ts';

const HOUR_MS = 3_600_000;

test('when records go over TLS, then they arrive once and in order, with back-pressure', async (t) => {
  const authority = await TestAuthority.create(temporaryFolder(t));
  const producer = await startTaskManager(t, 'tm-a', {}, await identityOf(t, authority, 'a'));
  const consumer = await startTaskManager(t, 'tm-b', {}, await identityOf(t, authority, 'b'));
  const values = Array.from({ length: 5000 }, (_, sequence) => ({
    sequence,
    // Some larger than a buffer and a TLS record, as tensors are.
    filling: new Uint8Array(sequence % 500 === 0 ? 300_000 : sequence % 100).fill(sequence),
  }));
  const partition = partitionAt(producer, 'p');
  const gate = gateAt(consumer, 'p', producer.hub.address);
  const emitted = emitAll(partition, values);
  // Nobody reads: the producer has to wait for credit.
  const isStopped = await Promise.race([
    emitted.then(() => false),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(!partition.isAvailable()), 500)),
  ]);
  assert.ok(isStopped, 'what nobody reads is not sent');
  const received = receiveAll(gate);
  await emitted;
  partition.broadcastEvent(END_OF_INPUT);
  await partition.drained();
  assert.deepEqual(await received, values);
  assert.equal(gate.bytesIn, partition.bytesOut);
});

test('when a certificate is replaced, then a connection goes on and the next one shows the new one', async (t) => {
  const authority = await TestAuthority.create(temporaryFolder(t));
  const identity = await identityOf(t, authority, 'a');
  const producer = await startTaskManager(t, 'tm-a', {}, identity);
  const partition = partitionAt(producer, 'p');
  const first = await startTaskManager(t, 'tm-b', {}, await identityOf(t, authority, 'b'));
  const received = receiveAll(gateAt(first, 'p', producer.hub.address));
  await emitAll(partition, [{ before: true }]);
  const changed = new Promise<void>((resolve) => identity.onChange(resolve));
  await authority.reissue('a', { name: 'renewed' });
  await changed;
  await emitAll(partition, [{ after: true }]);
  partition.broadcastEvent(END_OF_INPUT);
  assert.deepEqual(await received, [{ before: true }, { after: true }]);

  const next = partitionAt(producer, 'next');
  const second = await startTaskManager(t, 'tm-c', {}, await identityOf(t, authority, 'c'));
  const more = receiveAll(gateAt(second, 'next', producer.hub.address));
  await emitAll(next, [{ last: true }]);
  next.broadcastEvent(END_OF_INPUT);
  assert.deepEqual(await more, [{ last: true }]);
});

interface Impostor {
  readonly certificate?: TestCertificate;
  readonly isStranger?: boolean;
  /** What the member's error says. */
  readonly expected: RegExp;
}

const past = {
  notBefore: new Date(Date.now() - 2 * HOUR_MS),
  notAfter: new Date(Date.now() - HOUR_MS),
};

const IMPOSTORS: Readonly<Record<string, Impostor>> = {
  'of another authority': { isStranger: true, expected: /unable to verify|self-signed|signature/u },
  expired: { certificate: past, expected: /expired/u },
  'of a job manager': {
    certificate: { roles: ['job-manager'] },
    expected: /has the role job-manager, not task-manager/u,
  },
  'of no role': { certificate: { roles: [] }, expected: /has no role, not task-manager/u },
};

for (const [what, { certificate = {}, isStranger = false, expected }] of Object.entries(
  IMPOSTORS,
)) {
  test(`when the producer's certificate is ${what}, then its consumer does not talk to it`, async (t) => {
    const folder = temporaryFolder(t);
    const authority = await TestAuthority.create(join(folder, 'ours'));
    const other = await TestAuthority.create(join(folder, 'theirs'), 'other');
    const impostor = await identityOf(t, isStranger ? other : authority, 'x', certificate);
    const producer = await startTaskManager(t, 'tm-x', {}, impostor);
    const consumer = await startTaskManager(t, 'tm-b', {}, await identityOf(t, authority, 'b'));
    const failure = await failureOf(gateAt(consumer, 'p', producer.hub.address));
    assert.match(failure.message, expected);
    assert.equal(producer.hub.connectionCount, 0);
  });

  test(`when the consumer's certificate is ${what}, then the producer reads no frame`, async (t) => {
    const folder = temporaryFolder(t);
    const authority = await TestAuthority.create(join(folder, 'ours'));
    const other = await TestAuthority.create(join(folder, 'theirs'), 'other');
    const impostor = await identityOf(t, isStranger ? other : authority, 'x', certificate);
    const producer = await startTaskManager(t, 'tm-a', {}, await identityOf(t, authority, 'a'));
    const consumer = await startTaskManager(t, 'tm-x', {}, impostor);
    const partition = partitionAt(producer, 'p');
    await emitAll(partition, [{ secret: true }]);
    await failureOf(gateAt(consumer, 'p', producer.hub.address));
    await eventually(() => producer.logLines.length > 0, { message: 'it is not logged' });
    assert.equal(producer.hub.connectionCount, 0);
  });
}

test('when a task manager without TLS meets one with it, then neither gets anything', async (t) => {
  const authority = await TestAuthority.create(temporaryFolder(t));
  const limits = { connectTimeoutMs: 1_000 };
  const secured = await startTaskManager(t, 'tm-a', limits, await identityOf(t, authority, 'a'));
  const plain = await startTaskManager(t, 'tm-b', limits);
  partitionAt(secured, 'p');
  partitionAt(plain, 'q');
  const failures = await Promise.all([
    failureOf(gateAt(plain, 'p', secured.hub.address)),
    failureOf(gateAt(secured, 'q', plain.hub.address)),
  ]);
  assert.equal(failures.length, 2);
});
