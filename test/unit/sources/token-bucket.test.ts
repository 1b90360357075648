import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenBucket } from '../../../shared/time/token-bucket.ts';
import { FakeClock } from '../../support/fake-clock.ts';

test('when tokens are taken as fast as they come, then the rate holds over any time', async () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket({ clock, ratePerSecond: 50 });
  let taken = 0;
  for (let step = 0; step < 1000; step += 1) {
    taken += bucket.take(100);
    await clock.advance(10);
  }
  assert.ok(Math.abs(taken - 500) <= 3, `${taken} tokens in 10 s at 50 a second`);
});

test('when nobody takes for a long time, then only the burst is saved up', async () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket({ clock, ratePerSecond: 10, burst: 5 });
  await clock.advance(60_000);
  assert.equal(bucket.take(100), 5);
  assert.equal(bucket.take(100), 0);
  assert.ok(bucket.waitMs() > 0 && bucket.waitMs() <= 100);
});
