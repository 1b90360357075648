import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RotatingFile } from '../../../shared/observability/rotating-file.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('when a log file is full, then it is put aside, and the oldest goes', (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'logs', 'jobmanager.log');
  const file = new RotatingFile(path, { bytesMax: 10, oldFiles: 2 });
  for (let line = 1; line <= 9; line += 1) file.write(`line ${line}\n`);
  file.close();
  assert.deepEqual(readdirSync(join(folder, 'logs')).toSorted(), [
    'jobmanager.log',
    'jobmanager.log.1',
    'jobmanager.log.2',
  ]);
  assert.equal(readFileSync(path, 'utf8'), 'line 9\n');
  assert.equal(readFileSync(`${path}.1`, 'utf8'), 'line 7\nline 8\n');
  assert.equal(readFileSync(`${path}.2`, 'utf8'), 'line 5\nline 6\n');
});

test('when a process starts again, then it goes on with its file', (t) => {
  const path = join(temporaryFolder(t), 'log');
  for (const line of ['first\n', 'second\n']) {
    const file = new RotatingFile(path);
    file.write(line);
    file.close();
  }
  assert.equal(readFileSync(path, 'utf8'), 'first\nsecond\n');
});

test('when a log file cannot be opened, then the error names it and what to do', (t) => {
  const path = join(temporaryFolder(t), 'log');
  mkdirSync(path);
  assert.throws(() => new RotatingFile(path), {
    code: 'ARGUMENT_INVALID',
    message: /the log file cannot be written: EISDIR/u,
    hint: /--log-file/u,
  });
});

test('when a log file cannot be put aside, then the lines still go into it', (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'log');
  // Something is in the way that a file cannot replace.
  mkdirSync(join(folder, 'log.1', 'full'), { recursive: true });
  const file = new RotatingFile(path, { bytesMax: 5, oldFiles: 1 });
  for (const line of ['one', 'two', 'three', 'four']) file.write(`${line}\n`);
  file.close();
  const text = readFileSync(path, 'utf8');
  assert.match(text, /four\n$/u);
  assert.ok(existsSync(join(folder, 'log.1', 'full')));
});
