import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { EventLoopMeter } from '../../../shared/observability/event-loop-delay.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const BLOCKED_MS = 200;
/** Two of its histograms' steps. */
const TICKS_MS = 60;

function block(): void {
  const untilMs = performance.now() + BLOCKED_MS;
  while (performance.now() < untilMs);
}

test('when a thread was blocked, then every reader sees that for 10 to 20 s, and nobody after it', async (t) => {
  const clock = new FakeClock();
  const meter = new EventLoopMeter(clock);
  t.after(() => meter.stop());
  await delay(TICKS_MS);
  block();
  await delay(TICKS_MS);
  const seen = meter.read();
  assert.ok(seen.maxMs >= BLOCKED_MS - 40, `${seen.maxMs}`);
  assert.ok(seen.p99Ms <= seen.maxMs);
  assert.ok(meter.read().maxMs >= seen.maxMs, 'reading takes nothing away');
  await clock.advance(10_000);
  assert.ok(meter.read().maxMs >= seen.maxMs, 'the newer histogram has run since then, too');
  await clock.advance(9_999);
  assert.ok(meter.read().maxMs >= seen.maxMs);
  await clock.advance(1);
  assert.ok(meter.read().maxMs < seen.maxMs);
});

test('when nothing was measured yet, then there is no delay', (t) => {
  const meter = new EventLoopMeter(new FakeClock());
  t.after(() => meter.stop());
  assert.deepEqual(meter.read(), { p99Ms: 0, maxMs: 0 });
});
