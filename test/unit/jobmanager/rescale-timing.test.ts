import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RescaleTiming } from '../../../jobmanager/scheduler/rescale-timing.ts';

const OPTIONS = { rescaleStabilisationMs: 2_000, rescaleCooldownMs: 10_000 };

function growTo(subtasks: number) {
  return { kind: 'move', plan: new Map(), reason: 'more', leaves: [], subtasks } as const;
}

function leave(...leaves: string[]) {
  return { kind: 'move', plan: new Map(), reason: 'drains', leaves, subtasks: 1 } as const;
}

test('when slots stay, then a job grows after the stabilisation time', () => {
  const timing = new RescaleTiming(OPTIONS);
  assert.equal(timing.dueAtMs(growTo(4), 100), 2_100);
  assert.equal(timing.dueAtMs(growTo(4), 1_500), 2_100);
});

test('when more slots come meanwhile, then it waits for the last of them', () => {
  const timing = new RescaleTiming(OPTIONS);
  timing.dueAtMs(growTo(4), 0);
  assert.equal(timing.dueAtMs(growTo(6), 1_000), 3_000);
});

test('when slots come and go, then the time begins anew', () => {
  const timing = new RescaleTiming(OPTIONS);
  timing.dueAtMs(growTo(4), 0);
  timing.nothingToDo();
  assert.equal(timing.dueAtMs(growTo(4), 1_500), 3_500);
});

test('when it has moved, or could not, then it does not grow again before the cooldown is over', () => {
  for (const moved of [true, false]) {
    const timing = new RescaleTiming(OPTIONS);
    timing.dueAtMs(growTo(4), 0);
    timing.ended(moved, 2_000);
    assert.equal(timing.dueAtMs(growTo(8), 3_000), 12_000);
    assert.equal(timing.dueAtMs(growTo(9), 11_500), 13_500, 'nor before the slots are stable');
  }
});

test('when a task manager drains, then a job leaves it at once', () => {
  const timing = new RescaleTiming(OPTIONS);
  timing.dueAtMs(growTo(4), 0);
  timing.ended(true, 2_000);
  assert.equal(timing.dueAtMs(leave('a'), 2_100), 2_100);
});

test('when it did not get away, then it tries again after a pause', () => {
  const timing = new RescaleTiming(OPTIONS);
  timing.dueAtMs(leave('a'), 0);
  timing.ended(false, 500);
  assert.equal(timing.dueAtMs(leave('a'), 600), 2_500);
  timing.ended(true, 2_600);
  assert.equal(timing.dueAtMs(leave('a'), 2_700), 12_600, 'it moved, and is there again');
  assert.equal(timing.dueAtMs(leave('a', 'b'), 2_700), 2_700, 'another one is another wish');
});
