import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { WatermarkValve } from '../../../taskmanager/task/watermark-valve.ts';

describe('WatermarkValve', () => {
  it('when one channel lags, then it decides; when it is idle, then it does not', () => {
    const valve = new WatermarkValve(2);
    assert.equal(valve.watermark(0, 10), null);
    assert.equal(valve.watermark(1, 4), 4);
    assert.equal(valve.status(1, true), 10);
    assert.equal(valve.takeStatusChange(), null);
    assert.equal(valve.status(0, true), null);
    assert.equal(valve.takeStatusChange(), 'idle');
    assert.equal(valve.status(1, false), null, 'a channel that comes back late takes nothing back');
    assert.equal(valve.takeStatusChange(), 'active');
    assert.equal(valve.watermark(1, 8), null);
    assert.equal(valve.watermark(1, 12), 12, 'the other one is still idle');
  });

  it('when anything comes in, then the merged watermark only grows', () => {
    const step = fc.record({
      channel: fc.nat(2),
      timestampMs: fc.integer({ min: -50, max: 50 }),
      idle: fc.option(fc.boolean()),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const valve = new WatermarkValve(3);
        let last = Number.NEGATIVE_INFINITY;
        for (const { channel, timestampMs, idle } of steps) {
          const merged =
            idle === null ? valve.watermark(channel, timestampMs) : valve.status(channel, idle);
          if (merged === null) continue;
          assert.ok(merged > last);
          last = merged;
        }
      }),
    );
  });
});
