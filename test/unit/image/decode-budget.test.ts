import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DecodeBudget } from '../../../taskmanager/image/decode-budget.ts';
import { settle } from '../../support/fake-clock.ts';

test('when images are larger together than the budget, then they wait in order', async () => {
  const budget = new DecodeBudget(100);
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const all = [60, 50, 30, 500, 10].map((pixels, index) =>
    budget.run(pixels, () => {
      started.push(index);
      return new Promise<void>((resolve) => {
        ends[index] = resolve;
      });
    }),
  );
  await settle();
  assert.deepEqual(started, [0], 'the second does not fit, and the third does not overtake it');
  ends[0]?.();
  await settle();
  assert.deepEqual(started, [0, 1, 2]);
  ends[1]?.();
  ends[2]?.();
  await settle();
  assert.deepEqual(started, [0, 1, 2, 3], 'one that is larger than the budget runs alone');
  ends[3]?.();
  await settle();
  ends[4]?.();
  await Promise.all(all);
});

test('when work fails, then its room is given back', async () => {
  const budget = new DecodeBudget(10);
  await assert.rejects(
    budget.run(10, () => Promise.reject(new Error('corrupt'))),
    /corrupt/,
  );
  assert.equal(await budget.run(10, () => Promise.resolve('next')), 'next');
});

test('when images of any sizes come, then the budget holds and all are decoded', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 150 }), { maxLength: 30 }),
      async (sizes) => {
        const budget = new DecodeBudget(100);
        let inFlight = 0;
        let done = 0;
        await Promise.all(
          sizes.map((pixels) =>
            budget.run(pixels, async () => {
              inFlight += Math.min(pixels, 100);
              assert.ok(inFlight <= 100, `${inFlight}`);
              await Promise.resolve();
              inFlight -= Math.min(pixels, 100);
              done += 1;
            }),
          ),
        );
        assert.equal(done, sizes.length);
      },
    ),
  );
});
