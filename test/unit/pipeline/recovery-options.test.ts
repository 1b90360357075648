import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CHECKPOINT_DEFAULTS,
  RESTART_DEFAULT,
  RESTART_DEFAULTS,
} from '../../../shared/checkpoint/checkpoint-settings.ts';
import { recoveryText } from '../../../shared/job-graph/recovery-text.ts';
import { parsePipeline } from '../../../shared/pipeline/parse-pipeline.ts';

const specOf = (head: string) => {
  const text = `name: photos\n${head}\nnodes:\n  a: { source: datagen }\n  b: { sink: blackhole, from: a }\n`;
  const input = { text, fileName: 'pipeline.yaml', baseDirectory: '/work', values: {} };
  const result = parsePipeline(input);
  assert.ok(result.ok, JSON.stringify(result.ok || result.problems.map(({ message }) => message)));
  return result.pipeline.spec;
};

describe('checkpoints, restart and state of a pipeline', () => {
  it('when nothing is said, then the defaults are filled in', () => {
    const { checkpoints, restart, state } = specOf('');
    assert.deepEqual(checkpoints, CHECKPOINT_DEFAULTS);
    assert.deepEqual(restart, RESTART_DEFAULT);
    assert.deepEqual(state, { backend: 'heap' });
  });

  it('when they are off, then there are no settings', () => {
    assert.equal(specOf('checkpoints: off').checkpoints, null);
  });

  it('when all is said, then it is compiled into milliseconds', () => {
    const { checkpoints } = specOf(
      'checkpoints: { interval: 1s, mode: at-least-once, timeout: 2m, minPause: 50ms, ' +
        'alignmentTimeout: never, tolerableFailures: 0, retained: 3 }',
    );
    assert.deepEqual(checkpoints, {
      intervalMs: 1000,
      mode: 'at-least-once',
      timeoutMs: 120_000,
      minPauseMs: 50,
      alignmentTimeoutMs: null,
      tolerableFailures: 0,
      retained: 3,
    });
  });

  it('when an interval comes from a parameter, then it counts', () => {
    const text =
      'name: p\nparameters: { every: 3s }\ncheckpoints: { interval: "${every}" }\n' +
      'nodes:\n  a: { source: datagen }\n  b: { sink: blackhole, from: a }\n';
    const input = { text, fileName: 'p.yaml', baseDirectory: '/', values: { every: '20ms' } };
    const result = parsePipeline(input);
    assert.ok(result.ok);
    assert.equal(result.pipeline.spec.checkpoints?.intervalMs, 20);
  });

  for (const strategy of ['none', 'fixed-delay', 'exponential-delay', 'failure-rate'] as const) {
    it(`when ${strategy} is named without options, then it has its defaults`, () => {
      const { restart } = specOf(`restart: { strategy: ${strategy} }`);
      assert.deepEqual(restart, RESTART_DEFAULTS[strategy]);
    });
  }

  it("when a strategy's options are given, then they are compiled", () => {
    const restart = (options: string) => specOf(`restart: { ${options} }`).restart;
    assert.deepEqual(restart('strategy: fixed-delay, attempts: 7, delay: 2s'), {
      strategy: 'fixed-delay',
      attempts: 7,
      delayMs: 2000,
    });
    assert.deepEqual(restart('strategy: failure-rate, failuresMax: 1, interval: 5m, delay: 0s'), {
      strategy: 'failure-rate',
      failuresMax: 1,
      intervalMs: 300_000,
      delayMs: 0,
    });
    assert.deepEqual(restart('initialDelay: 1s, delayMax: 10s, factor: 1.5, resetAfter: 1h'), {
      strategy: 'exponential-delay',
      initialDelayMs: 1000,
      delayMaxMs: 10_000,
      factor: 1.5,
      resetAfterMs: 3_600_000,
    });
  });

  it('when recovery is told in a line, then it says what was set', () => {
    const lineOf = (head: string) => recoveryText(specOf(head));
    assert.equal(
      lineOf('checkpoints: off'),
      'no checkpoints: a failure ends the job; state on the heap',
    );
    assert.equal(
      lineOf('checkpoints: { alignmentTimeout: never, retained: 2 }\nrestart: { strategy: none }'),
      'a checkpoint every 10 s, exactly once, always aligned, 2 kept; ' +
        'no restarts: a failure ends the job; state on the heap',
    );
    assert.equal(
      lineOf(
        'checkpoints: { mode: at-least-once, interval: 100ms }\n' +
          'restart: { strategy: failure-rate }\nstate: { backend: lmdb }',
      ),
      'a checkpoint every 100 ms, at least once, 1 kept; ' +
        'restarts after 1 s, at most 3 failures in 60 s; state in LMDB',
    );
  });
});
