import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobManagerLocator } from '../../../taskmanager/rpc/job-manager-locator.ts';

test('when several job managers are named, then they are tried in turn, and the leader that one names first', async () => {
  const locator = new JobManagerLocator({ addresses: 'a:1, b:2' });
  assert.equal(await locator.next(), 'a:1');
  assert.equal(await locator.next(), 'b:2');
  assert.equal(locator.follow('c:3'), true);
  assert.equal(await locator.next(), 'c:3');
  assert.equal(locator.follow('c:3'), false);
  assert.equal(locator.follow(''), false);
  assert.equal(await locator.next(), 'a:1');
});

test('when there is a lease, then it is asked every other time, for it may name one that has died', async () => {
  let leader: string | null = 'l:9';
  const locator = new JobManagerLocator({
    addresses: 'a:1,b:2',
    leaderAddress: async () => leader,
  });
  const tried: string[] = [];
  for (let count = 0; count < 4; count += 1) tried.push(await locator.next());
  assert.deepEqual(tried, ['l:9', 'b:2', 'l:9', 'a:1']);
  leader = null;
  assert.match(await locator.next(), /^[ab]:/);
});

test('when no address is given, then that is said', () => {
  assert.throws(() => new JobManagerLocator({ addresses: ' , ' }), { code: 'ARGUMENT_INVALID' });
});
