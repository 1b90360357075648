import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitedLog } from '../../../shared/observability/limited-log.ts';
import { FakeClock } from '../../support/fake-clock.ts';

test('when strangers cause many lines, then few are written and the rest is counted', async () => {
  const clock = new FakeClock();
  const lines: Readonly<Record<string, string | number>>[] = [];
  const log = limitedLog((_level, _message, context) => lines.push(context), clock);
  for (let peer = 0; peer < 100; peer += 1) log('warn', 'lost', { peer });
  assert.deepEqual(lines, [{ peer: 0 }]);
  await clock.advance(1000);
  log('warn', 'lost', { peer: 100 });
  assert.deepEqual(lines.at(-1), { peer: 100, linesLeftOut: 99 });
  await clock.advance(60_000);
  for (let peer = 0; peer < 100; peer += 1) log('warn', 'lost', { peer });
  assert.equal(lines.length, 2 + 20, 'a quiet time allows a burst');
});
