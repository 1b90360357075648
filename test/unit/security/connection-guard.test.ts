import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionGuard } from '../../../shared/security/connection-guard.ts';
import { RefusedConnections } from '../../../shared/security/refused-connections.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function guarded(limits: { pendingMax: number; connectionsMax: number }) {
  const clock = new FakeClock();
  const dropped: string[] = [];
  const log: string[] = [];
  const refused = new RefusedConnections();
  const guard = new ConnectionGuard({
    name: 'metrics',
    limits: { ...limits, pendingTimeoutMs: 5_000 },
    clock,
    refused,
    log: (_level, message, { peer }) => log.push(`${`${peer}`.split(':')[0]}: ${message}`),
  });
  let port = 0;
  /** From a port of its own. */
  const admit = (host: string, name = host) => {
    port += 1;
    return guard.admit(`${host}:${port}`, () => dropped.push(name));
  };
  const counted = (): Record<string, number> =>
    Object.fromEntries(
      [...refused.totals()].flatMap(({ reason, count }) => (count > 0 ? [[reason, count]] : [])),
    );
  return { clock, dropped, log, guard, admit, counted };
}

test('when strangers take every place, then the oldest goes and whoever comes may prove himself', () => {
  const { dropped, guard, admit } = guarded({ pendingMax: 3, connectionsMax: 10 });
  for (const peer of ['a', 'b', 'c', 'd', 'e']) admit(peer);
  assert.deepEqual(dropped, ['a', 'b']);
  const own = admit('own');
  own.settle();
  for (let index = 0; index < 100; index += 1) admit(`stranger ${index}`);
  assert.ok(!dropped.includes('own'), 'a settled connection is never dropped for others');
  assert.deepEqual(guard.counts, { pending: 3, settled: 1 });
});

test('when one host takes every place, then its own oldest makes room and others keep theirs', () => {
  const { dropped, log, guard, admit } = guarded({ pendingMax: 4, connectionsMax: 10 });
  admit('10.0.0.7', 'member');
  for (let index = 1; index <= 100; index += 1) admit('10.0.0.66', `stranger ${index}`);
  assert.deepEqual(
    dropped,
    Array.from({ length: 97 }, (_, index) => `stranger ${index + 1}`),
  );
  assert.equal(
    log[0],
    '10.0.0.66: metrics: 4 connections have not said who they are, 3 of them from 10.0.0.66: its oldest goes',
  );
  for (const host of ['10.0.0.8', '10.0.0.9']) admit(host);
  assert.ok(!dropped.includes('member'));
  assert.deepEqual(guard.counts, { pending: 4, settled: 0 });
});

test('when somebody says nothing, then he goes after the time-out, and one who has proved does not', async () => {
  const { clock, dropped, log, guard, admit } = guarded({ pendingMax: 10, connectionsMax: 10 });
  admit('slow');
  admit('quick').settle();
  await clock.advance(4_999);
  assert.deepEqual(dropped, []);
  await clock.advance(1);
  assert.deepEqual(dropped, ['slow']);
  assert.deepEqual(log, ['slow: metrics: nobody said who it is within 5 s']);
  assert.equal(clock.pendingTimers, 0);
  assert.deepEqual(guard.counts, { pending: 0, settled: 1 });
});

test('when too many have proved themselves, then one more is refused until one goes', () => {
  const { dropped, guard, admit } = guarded({ pendingMax: 10, connectionsMax: 2 });
  const first = admit('first');
  first.settle();
  admit('second').settle();
  admit('third').settle();
  assert.deepEqual(dropped, ['third']);
  first.closed();
  admit('fourth').settle();
  assert.deepEqual(dropped, ['third']);
  assert.deepEqual(guard.counts, { pending: 0, settled: 2 });
});

test('when a connection ends or is settled twice, then it is counted once', () => {
  const { guard, admit, clock } = guarded({ pendingMax: 10, connectionsMax: 10 });
  const one = admit('one');
  one.settle();
  one.settle();
  one.closed();
  one.closed();
  one.settle();
  admit('two').closed();
  assert.deepEqual(guard.counts, { pending: 0, settled: 0 });
  assert.equal(clock.pendingTimers, 0);
});

test('when the listener closes, then strangers go without a word', () => {
  const { guard, admit, dropped, log } = guarded({ pendingMax: 10, connectionsMax: 10 });
  admit('a');
  admit('b').settle();
  guard.close();
  assert.deepEqual([dropped, log], [['a'], []]);
});

test('when connections are refused, then each is counted once, by its first reason', async () => {
  const { clock, guard, admit, counted } = guarded({ pendingMax: 2, connectionsMax: 1 });
  admit('a:1');
  admit('a:2');
  admit('a:3'); // a:1 makes room
  await clock.advance(5_000); // the others said nothing
  admit('b:1').settle();
  admit('b:2').settle(); // one too many
  const broken = admit('c:1');
  broken.refuse('handshake');
  broken.refuse('role');
  await clock.advance(5_000);
  const gone = admit('c:2');
  gone.closed();
  gone.refuse('handshake');
  const closing = admit('c:3');
  guard.close();
  closing.refuse('handshake');
  assert.deepEqual(counted(), { handshake: 1, silent: 2, displaced: 1, too_many: 1 });
});
