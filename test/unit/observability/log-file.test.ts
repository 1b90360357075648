import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { LOG_FILES_KEPT, LogFile } from '../../../shared/observability/log-file.ts';
import { createLogger } from '../../../shared/observability/logger.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const read = (path: string): string => readFileSync(path, 'utf8');

test('when a file is full, then it moves on by one, and the oldest goes', (t) => {
  const path = join(temporaryFolder(t), 'new', 'sluice.log');
  const log = new LogFile({ path, bytesMax: 10 });
  const last = LOG_FILES_KEPT + 3;
  // Two lines a file.
  for (let number = 0; number <= last; number++) {
    log.write(`${number}-a\n`);
    log.write(`${number}-b\n`);
  }
  log.close();
  assert.equal(read(path), `${last}-a\n${last}-b\n`);
  for (let age = 1; age <= LOG_FILES_KEPT; age++) {
    assert.equal(read(`${path}.${age}`), `${last - age}-a\n${last - age}-b\n`);
  }
  assert.equal(existsSync(`${path}.${LOG_FILES_KEPT + 1}`), false);
});

test('when a process starts again, then it appends, and what was there counts', (t) => {
  const path = join(temporaryFolder(t), 'sluice.log');
  writeFileSync(path, 'before\n');
  const log = new LogFile({ path, bytesMax: 12 });
  log.write('one\n');
  log.write('two\n');
  log.close();
  assert.equal(read(`${path}.1`), 'before\none\n');
  assert.equal(read(path), 'two\n');
});

test('when one line is longer than a file may be, then it is written all the same', (t) => {
  const path = join(temporaryFolder(t), 'sluice.log');
  const log = new LogFile({ path, bytesMax: 3 });
  log.write('long\n');
  log.write('longer\n');
  log.close();
  assert.equal(read(`${path}.1`), 'long\n');
  assert.equal(read(path), 'longer\n');
});

test('when the folder goes, then lines are lost and nothing else; when it is back, so is the log', (t) => {
  const folder = join(temporaryFolder(t), 'logs');
  const path = join(folder, 'sluice.log');
  const log = new LogFile({ path, bytesMax: 5 });
  log.write('one\n');
  rmSync(folder, { recursive: true });
  log.write('two\n');
  log.write('three\n');
  mkdirSync(folder);
  log.write('four\n');
  log.close();
  assert.equal(read(path), 'four\n');
});

test('when the file cannot be opened, then the process is told before it starts', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'file'), '');
  assert.throws(
    () => new LogFile({ path: join(folder, 'file', 'sluice.log') }),
    (error) =>
      error instanceof SluiceError && /cannot write the log .*sluice\.log/.test(error.message),
  );
});

test('when a log has a file, then lines are there as JSON, whatever people see', (t) => {
  const path = join(temporaryFolder(t), 'sluice.log');
  const shown: string[] = [];
  const stream = { write: (line: string) => void shown.push(line) };
  const logger = createLogger({ level: 'info', format: 'pretty', stream, file: path });
  logger.info({ token: 'hush', job: 'a' }, 'started');
  logger.debug({}, 'not written');
  assert.match(shown.join(''), /INFO {2}started token=\[secret\] job=a\n/);
  const { time: _time, ...line } = JSON.parse(read(path));
  assert.deepEqual(line, { level: 'info', token: '[secret]', job: 'a', msg: 'started' });
});
