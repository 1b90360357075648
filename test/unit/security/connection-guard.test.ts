import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionGuard } from '../../../shared/security/connection-guard.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function guarded(limits: { pendingMax: number; connectionsMax: number }) {
  const clock = new FakeClock();
  const dropped: string[] = [];
  const log: string[] = [];
  const guard = new ConnectionGuard({
    name: 'test',
    limits: { ...limits, pendingTimeoutMs: 5_000 },
    clock,
    log: (_level, message, { peer }) => log.push(`${peer}: ${message}`),
  });
  const admit = (peer: string) => guard.admit(peer, () => dropped.push(peer));
  return { clock, dropped, log, guard, admit };
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

test('when somebody says nothing, then he goes after the time-out, and one who has proved does not', async () => {
  const { clock, dropped, log, guard, admit } = guarded({ pendingMax: 10, connectionsMax: 10 });
  admit('slow');
  admit('quick').settle();
  await clock.advance(4_999);
  assert.deepEqual(dropped, []);
  await clock.advance(1);
  assert.deepEqual(dropped, ['slow']);
  assert.deepEqual(log, ['slow: test: nobody said who it is within 5 s']);
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
