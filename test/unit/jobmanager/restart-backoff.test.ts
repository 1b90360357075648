import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RestartBackoff } from '../../../jobmanager/job-master/restart-backoff.ts';
import type { RestartSettings } from '../../../shared/checkpoint/checkpoint-settings.ts';

/** The delays at failures at these times; `no` where the strategy gives up, `ok` for progress. */
function delays(settings: RestartSettings, failures: readonly (number | 'ok')[]): string {
  const backoff = new RestartBackoff(settings);
  const answers = failures.map((event) => {
    if (event === 'ok') {
      backoff.onProgress();
      return 'ok';
    }
    const decision = backoff.onFailure(event);
    return decision.kind === 'restart' ? String(decision.delayMs) : 'no';
  });
  return answers.join(' ');
}

const EXPONENTIAL: RestartSettings = {
  strategy: 'exponential-delay',
  initialDelayMs: 100,
  delayMaxMs: 1_000,
  factor: 3,
  resetAfterMs: 10_000,
};

test('when there is no strategy, then the first failure is the last', () => {
  assert.equal(delays({ strategy: 'none' }, [0]), 'no');
});

test('when the delay is fixed, then it restarts so many times and no more', () => {
  const settings: RestartSettings = { strategy: 'fixed-delay', attempts: 2, delayMs: 50 };
  assert.equal(delays(settings, [0, 'ok', 1, 100_000, 200_000]), '50 ok 50 no no');
});

test('when failures follow each other, then the exponential delay grows up to its bound', () => {
  assert.equal(delays(EXPONENTIAL, [0, 1, 2, 3, 4]), '100 300 900 1000 1000');
});

test('when the job ran for long enough after a restart, then the delay is the first one again', () => {
  assert.equal(delays(EXPONENTIAL, [0, 1_000, 11_299]), '100 300 900');
  assert.equal(delays(EXPONENTIAL, [0, 1_000, 11_300]), '100 300 100');
});

test('when a checkpoint completed after a restart, then the delay is the first one again', () => {
  assert.equal(delays(EXPONENTIAL, [0, 1_000, 'ok', 2_000, 3_000]), '100 300 ok 100 300');
});

test('when failures come faster than the rate allows, then it gives up', () => {
  const settings: RestartSettings = {
    strategy: 'failure-rate',
    failuresMax: 2,
    intervalMs: 1_000,
    delayMs: 70,
  };
  assert.equal(delays(settings, [0, 500, 999]), '70 70 no');
  assert.equal(delays(settings, [0, 500, 1_000, 1_499, 1_500]), '70 70 70 no 70');
});

test('when it gives up, then it says why', () => {
  const backoff = new RestartBackoff({ strategy: 'fixed-delay', attempts: 1, delayMs: 0 });
  backoff.onFailure(0);
  assert.deepEqual(backoff.onFailure(1), {
    kind: 'give-up',
    reason: 'it was restarted once before',
  });
});
