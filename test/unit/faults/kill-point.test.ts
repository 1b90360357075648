import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { commitPassing, parseKillPoint } from '../../../shared/faults/kill-point.ts';

const module = new URL('../../../shared/faults/kill-point.ts', import.meta.url).href;

/** Passes two points three times; prints how often before it dies. */
function run(killPoint: string) {
  const script = `
    import { killPoint } from '${module}';
    for (let pass = 1; pass <= 3; pass += 1) {
      killPoint('before-commit');
      console.log('before ' + pass);
      killPoint('after-commit');
    }`;
  const env = { ...process.env, SLUICE_KILL_POINT: killPoint };
  const { signal, stdout } = spawnSync(
    process.execPath,
    ['--input-type=module-typescript', '--eval', script],
    { env, encoding: 'utf8' },
  );
  return { signal, lines: stdout.trim().split('\n') };
}

test('when a point is named, then the process is killed there, at the pass that was asked for', () => {
  assert.deepEqual(run('after-commit'), { signal: 'SIGKILL', lines: ['before 1'] });
  const second = run('before-commit:3');
  assert.deepEqual(second, { signal: 'SIGKILL', lines: ['before 1', 'before 2'] });
});

test('when another point is named, then nothing happens', () => {
  const { signal, lines } = run('before-metadata');
  assert.deepEqual({ signal, passes: lines.length }, { signal: null, passes: 3 });
});

test('when commits pass, then what they give is theirs', async () => {
  await commitPassing(() => Promise.resolve());
  await assert.rejects(
    commitPassing(() => Promise.reject(new Error('no'))),
    { message: 'no' },
  );
});

test('when the name does not exist, then that is said', () => {
  for (const text of ['before-comit', 'before-commit:0', 'before-commit:x']) {
    assert.throws(() => parseKillPoint(text), { code: 'ARGUMENT_INVALID' });
  }
  assert.equal(parseKillPoint(undefined), null);
});
