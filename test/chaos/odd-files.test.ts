/** Folders as they are in the wild: odd names, odd files, files that come and go. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { writeMainJob } from '../support/job-pipelines.ts';
import { baseName, type DeadLetterRow, type ResultRow, readRows } from '../support/result-rows.ts';
import { SluiceProcess, sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { EXAMPLE_IMAGES, EXAMPLE_MODEL } from '../support/watch-job.ts';

const IMAGE = join(EXAMPLE_IMAGES, 'camera-1', '0001.jpg');
const NAMES = [
  'with space.jpg',
  'ünï código 图.jpg',
  '100%25.jpg',
  'new\nline.jpg',
  'q?x#y.jpg',
  `quote'".jpg`,
  'back\\slash.jpg',
  '-dash.jpg',
  'emoji😀.jpg',
  `${'a'.repeat(240)}.jpg`,
];
const SPARSE_BYTES = 3 * 1024 ** 3;

test('when a folder holds odd files, then images are classified and the rest is told or left', async (t) => {
  const folder = temporaryFolder(t);
  const images = join(folder, 'images');
  mkdirSync(join(images, 'sub'), { recursive: true });
  for (const name of NAMES) copyFileSync(IMAGE, join(images, name));
  symlinkSync('..', join(images, 'sub', 'up'));
  symlinkSync('-dash.jpg', join(images, 'link.jpg'));
  symlinkSync('nowhere', join(images, 'dangling.jpg'));
  symlinkSync('self.jpg', join(images, 'self.jpg'));
  execFileSync('mkfifo', [join(images, 'fifo.jpg')]);
  writeFileSync(join(images, 'sparse.jpg'), '');
  truncateSync(join(images, 'sparse.jpg'), SPARSE_BYTES);
  writeFileSync(join(images, 'empty.jpg'), '');

  const output = join(folder, 'out');
  const pipeline = writeMainJob(folder, { images, model: EXAMPLE_MODEL, output });
  const result = await sluice(['run', pipeline, '--no-progress', '--no-report']);
  assert.equal(result.code, 0, result.stderr);
  const rows = readRows<ResultRow>(join(output, 'results'));
  const names = rows.map((row) => row.uri.slice(`file://${images}/`.length));
  assert.deepEqual(names.toSorted(), [...NAMES, 'link.jpg'].toSorted());
  const dead = readRows<DeadLetterRow>(join(output, 'dead-letters'));
  const codes = dead.map((row) => `${baseName(row.uri)} ${row.code}`).toSorted();
  assert.deepEqual(codes, ['empty.jpg IMAGE_FORMAT', 'sparse.jpg OBJECT_TOO_LARGE']);
});

test('when a watched file never comes to rest, then the others do not wait for it', async (t) => {
  const folder = temporaryFolder(t);
  const images = join(folder, 'images');
  mkdirSync(images);
  copyFileSync(IMAGE, join(images, 'future.jpg'));
  const future = Date.now() / 1000 + 3600;
  utimesSync(join(images, 'future.jpg'), future, future);
  const growing = join(images, 'growing.jpg');
  writeFileSync(growing, 'x');
  const timer = setInterval(() => appendFileSync(growing, 'x'), 50);
  t.after(() => clearInterval(timer));

  const output = join(folder, 'out');
  const job = { images, model: EXAMPLE_MODEL, output, source: 'watch: 200ms', thumbnails: false };
  const run = new SluiceProcess(['run', writeMainJob(folder, job)]);
  const rows = (): string[] =>
    readRows<ResultRow>(join(output, 'results')).map((row) => baseName(row.uri));
  copyFileSync(IMAGE, join(images, 'plain.jpg'));
  try {
    await eventually(() => rows().length >= 2, { timeoutMs: 20_000 });
    assert.deepEqual(rows().toSorted(), ['future.jpg', 'plain.jpg']);
    assert.ok(!existsSync(join(output, 'dead-letters')), 'the growing file is left alone');
    clearInterval(timer);
    const dead = (): DeadLetterRow[] => readRows<DeadLetterRow>(join(output, 'dead-letters'));
    await eventually(() => dead().length > 0, { timeoutMs: 20_000 });
    assert.deepEqual(
      dead().map((row) => baseName(row.uri)),
      ['growing.jpg'],
    );
  } finally {
    run.child.kill('SIGINT');
  }
  assert.equal((await run.ended).code, 0);
  assert.equal(rows().length, 2, 'once each');
});

test('when listed files are removed before they are read, then each is a dead letter', async (t) => {
  const folder = temporaryFolder(t);
  const images = join(folder, 'images');
  mkdirSync(images);
  const names = Array.from({ length: 40 }, (_, index) => `${index + 10}.jpg`);
  for (const name of names) copyFileSync(IMAGE, join(images, name));
  const output = join(folder, 'out');
  const source = 'rateMax: 20, readAhead: 1';
  const run = new SluiceProcess([
    ...['run', '--no-progress', '--no-report'],
    writeMainJob(folder, { images, model: EXAMPLE_MODEL, output, source }),
  ]);
  await eventually(() => existsSync(join(output, 'thumbnails', '10.jpeg')), { timeoutMs: 20_000 });
  for (const name of names.slice(30)) rmSync(join(images, name));
  const { code, stderr } = await run.ended;
  assert.equal(code, 0, stderr);
  const dead = readRows<DeadLetterRow>(join(output, 'dead-letters'));
  assert.deepEqual(
    dead.map((row) => `${baseName(row.uri)} ${row.code}`).toSorted(),
    names.slice(30).map((name) => `${name} STORAGE_NOT_FOUND`),
  );
  assert.equal(readRows<ResultRow>(join(output, 'results')).length, 30);
});
