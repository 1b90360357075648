import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../shared/observability/logger.ts';
import { Drain } from '../../../taskmanager/task-executor/drain.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

function newDrain({ timeoutMs = 30_000, hasTasks = true, answers = true } = {}) {
  const clock = new FakeClock();
  const asked: number[] = [];
  const drain = new Drain({
    clock,
    logger: silentLogger,
    timeoutMs,
    hasTasks: () => hasTasks,
    ask: () => {
      asked.push(clock.nowMs());
      return answers;
    },
  });
  let left = false;
  const leave = () =>
    drain.untilDrained().then(() => {
      left = true;
    });
  const hasLeft = async () => {
    await settle();
    return left;
  };
  return { clock, drain, asked, leave, hasLeft };
}

test('when its tasks have moved, then a task manager leaves', async () => {
  const { drain, asked, leave, hasLeft, clock } = newDrain();
  void leave();
  assert.equal(asked.length, 1);
  assert.equal(drain.begun, true, 'the next registration says so');
  drain.onState(false);
  await clock.advance(20_000);
  assert.equal(await hasLeft(), false);
  drain.onState(true);
  assert.equal(await hasLeft(), true);
});

test('when they do not move in time, then it leaves all the same', async () => {
  const { drain, leave, hasLeft, clock } = newDrain();
  void leave();
  drain.onState(false);
  await clock.advance(29_999);
  assert.equal(await hasLeft(), false);
  await clock.advance(1);
  assert.equal(await hasLeft(), true);
});

test('when nobody could move them, then it leaves at once', async () => {
  for (const options of [{ timeoutMs: 0 }, { hasTasks: false }, { answers: false }]) {
    const { leave, hasLeft, drain } = newDrain(options);
    void leave();
    assert.equal(await hasLeft(), true, JSON.stringify(options));
    assert.equal(drain.begun, false);
  }
});

test('when the job manager does not answer, or is lost, then it waits a moment for the next one', async () => {
  const { drain, leave, hasLeft, clock } = newDrain();
  void leave();
  await clock.advance(4_000);
  drain.onState(false);
  drain.onLost();
  await clock.advance(4_000);
  assert.equal(await hasLeft(), false);
  drain.onState(false);
  await clock.advance(4_000);
  assert.equal(await hasLeft(), false);
  drain.onLost();
  await clock.advance(5_000);
  assert.equal(await hasLeft(), true);
});

test('when it is told to drain, then it remembers it, and goes on', () => {
  const { drain } = newDrain();
  assert.equal(drain.begun, false);
  drain.onState(false);
  drain.onLost();
  drain.onState(true);
  assert.equal(drain.begun, true);
});
