import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decideBatch,
  efficientBatchSize,
  InterArrivalMean,
  paddedBatchSize,
  paddedBatchSizes,
  WaitingRecord,
} from '../../../taskmanager/inference/batch-policy.ts';

const limits = { sizeMax: 8, sizeEfficient: 4, delayMaxMs: 5 };
const young = { oldestAgeMs: 1, interArrivalMs: 1, waitingPays: true };

test('when enough images queued, then they run at once, as many as fit', () => {
  assert.deepEqual(decideBatch({ ...young, queued: 4 }, limits), { kind: 'run', size: 4 });
  assert.deepEqual(decideBatch({ ...young, queued: 20 }, limits), { kind: 'run', size: 8 });
});

test('when few queued and more are about to come, then the executor waits what is left', () => {
  assert.deepEqual(decideBatch({ ...young, queued: 2 }, limits), { kind: 'wait', delayMs: 4 });
});

test('when the oldest has waited long enough, then it runs', () => {
  const situation = { ...young, queued: 2, oldestAgeMs: 5 };
  assert.deepEqual(decideBatch(situation, limits), { kind: 'run', size: 2 });
});

test('when nothing is expected in time, or waiting was in vain lately, then it runs', () => {
  const slow = { ...young, queued: 1, interArrivalMs: 50 };
  assert.deepEqual(decideBatch(slow, limits), { kind: 'run', size: 1 });
  const vain = { ...young, queued: 1, waitingPays: false };
  assert.deepEqual(decideBatch(vain, limits), { kind: 'run', size: 1 });
});

test('property: an image never waits longer than the delay, a run is never too large or empty', () => {
  const situations = fc.record({
    queued: fc.integer({ min: 1, max: 100 }),
    oldestAgeMs: fc.double({ min: 0, max: 100, noNaN: true }),
    interArrivalMs: fc.double({ min: 0, max: 1000, noNaN: true }),
    waitingPays: fc.boolean(),
  });
  const anyLimits = fc.record({
    sizeMax: fc.integer({ min: 1, max: 64 }),
    sizeEfficient: fc.integer({ min: 1, max: 64 }),
    delayMaxMs: fc.double({ min: 0, max: 50, noNaN: true }),
  });
  fc.assert(
    fc.property(situations, anyLimits, (situation, given) => {
      const decision = decideBatch(situation, given);
      if (decision.kind === 'wait') {
        assert.ok(decision.delayMs > 0);
        assert.ok(situation.oldestAgeMs + decision.delayMs <= given.delayMaxMs + 1e-9);
      } else {
        assert.ok(decision.size >= 1 && decision.size <= given.sizeMax);
        assert.ok(decision.size <= situation.queued);
      }
    }),
  );
});

test('when waits fail, then they are tried ever less often, until one succeeds', () => {
  const record = new WaitingRecord();
  const runsUntilNextWait = () => {
    let runs = 0;
    for (; !record.pays; runs += 1) record.recordRun(false);
    return runs;
  };
  const gaps: number[] = [];
  for (let attempt = 0; attempt < 4; attempt += 1) {
    record.recordWait();
    record.recordRun(false);
    gaps.push(runsUntilNextWait());
  }
  assert.deepEqual(gaps, [1, 2, 4, 8]);
  record.recordWait();
  record.recordRun(true);
  assert.equal(record.pays, true);
  record.recordWait();
  record.recordRun(false);
  assert.equal(runsUntilNextWait(), 1);
});

test('when arrivals change, then their mean follows', () => {
  const mean = new InterArrivalMean();
  assert.equal(mean.meanMs, Number.POSITIVE_INFINITY);
  let nowMs = 0;
  const arrive = (count: number, gapMs: number) => {
    for (let index = 0; index < count; index += 1) {
      nowMs += gapMs;
      mean.record(nowMs);
    }
  };
  arrive(10, 50);
  assert.equal(mean.meanMs, 50);
  arrive(60, 2);
  assert.ok(Math.abs(mean.meanMs - 2) < 0.2, String(mean.meanMs));
});

test('when a batch is padded, then only where shapes are costly', () => {
  const cpu = { executionProvider: 'cpu', sizeMax: 12, batchFixed: null };
  assert.equal(paddedBatchSize(5, cpu), 5);
  const gpu = { ...cpu, executionProvider: 'cuda' };
  assert.deepEqual(
    [1, 2, 3, 5, 9, 12].map((size) => paddedBatchSize(size, gpu)),
    [1, 2, 4, 8, 12, 12],
  );
  assert.deepEqual(paddedBatchSizes(gpu), [1, 2, 4, 8, 12]);
  assert.equal(paddedBatchSize(1, { ...cpu, batchFixed: 4 }), 4);
});

test('a CPU has enough with four, a GPU wants the whole batch', () => {
  assert.deepEqual(
    [efficientBatchSize('cpu', 8), efficientBatchSize('cpu', 2), efficientBatchSize('cuda', 32)],
    [4, 2, 32],
  );
});
