import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { JobDetail } from '../../shared/rest/rest-types.ts';
import { eventually } from '../support/eventually.ts';
import { writeMainJob } from '../support/job-pipelines.ts';
import { type ResultRow, readRows } from '../support/result-rows.ts';
import { ROOT, SluiceProcess, sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { EXAMPLE_IMAGES, EXAMPLE_MODEL } from '../support/watch-job.ts';

const CAMERA = join(EXAMPLE_IMAGES, 'camera-2');
const PICTURES = readdirSync(CAMERA).filter((name) => name.endsWith('.jpg'));

test('when a watching pipeline is interrupted, then it ends cleanly with every row in place', async (t) => {
  const folder = temporaryFolder(t);
  const images = join(folder, 'in');
  const output = join(folder, 'out');
  mkdirSync(images);
  const source = 'watch: 1s';
  const job = { images, model: EXAMPLE_MODEL, output, source, thumbnails: false };
  const run = new SluiceProcess(['run', writeMainJob(folder, job), '--json', '--no-progress']);
  for (const name of PICTURES.slice(0, 10)) copyFileSync(join(CAMERA, name), join(images, name));
  const rows = () => readRows<ResultRow>(join(output, 'results'));
  await eventually(() => rows().length === 10, { timeoutMs: 30_000, message: 'no ten rows' });
  // These are found, but their rows are in no finished part file yet.
  for (const name of PICTURES.slice(10, 20)) copyFileSync(join(CAMERA, name), join(images, name));
  await eventually(
    () =>
      rows().length > 10 || readdirSync(join(output, 'results')).some((name) => name[0] === '.'),
    { timeoutMs: 30_000, message: 'the second ten were not read' },
  );
  run.child.kill('SIGINT');
  const { code, stdout, stderr } = await run.ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^stopping: finishing what is in flight/);
  const detail = JSON.parse(stdout) as JobDetail;
  assert.equal(detail.state, 'FINISHED');
  assert.equal(rows().length, detail.progress.recordsWritten['results']);
  assert.equal(detail.progress.recordsDone, detail.progress.recordsRead);
  assert.equal(new Set(rows().map(({ uri }) => uri)).size, rows().length);
  assert.ok(rows().length >= 11, `${rows().length} rows`);
  const hidden = readdirSync(join(output, 'results')).filter((name) => name[0] === '.');
  assert.deepEqual(hidden, [], 'nothing half written stays behind');
});

test('when it is interrupted twice, then what is in flight is abandoned', async (t) => {
  const folder = temporaryFolder(t);
  const source = 'rateMax: 2';
  const job = { images: EXAMPLE_IMAGES, model: EXAMPLE_MODEL, output: join(folder, 'out'), source };
  const run = new SluiceProcess(['run', writeMainJob(folder, job), '--no-progress']);
  await eventually(() => existsSync(join(folder, 'out', 'thumbnails')), { timeoutMs: 30_000 });
  run.child.kill('SIGINT');
  await run.until(/stopping/);
  run.child.kill('SIGINT');
  const { code, stdout } = await run.ended;
  // Where the job was quick enough, it ended cleanly before the second one came.
  assert.ok(code === 130 || (code === 0 && /finished/.test(stdout)), `${code}: ${stdout}`);
});

test('when a filter drops most images, then all of them are done and count for the rate', async (t) => {
  const output = join(temporaryFolder(t), 'out');
  const pipeline = join(ROOT, 'examples', 'image-classification', 'pipeline.yaml');
  const args = ['run', pipeline, '--set', `output=${output}`, '--json', '--no-report'];
  const { code, stdout, stderr } = await sluice(args);
  assert.deepEqual([code, stderr], [0, '']);
  const { progress } = JSON.parse(stdout) as JobDetail;
  assert.deepEqual(
    [progress.recordsDone, progress.recordsTotal, progress.recordsRejected],
    [153, 153, 3],
  );
  assert.ok((progress.recordsWritten['alerts'] ?? 0) < 30);
  const times = readRows<ResultRow>(join(output, 'results')).map(({ processedAt }) =>
    Date.parse(processedAt),
  );
  // The classifier's first and last moment lie within the time that the job was active.
  const spanMs = Math.max(...times) - Math.min(...times);
  assert.ok(
    progress.activeMs >= spanMs,
    `${progress.activeMs} ms active, ${spanMs} ms classifying`,
  );
  assert.ok(progress.activeMs < spanMs + 5_000, `${progress.activeMs} ms against ${spanMs} ms`);
});

/** Runs the example in a terminal of that width; gives what was drawn, frame by frame. */
async function inTerminal(
  folder: string,
  options: { columns: number; env?: Readonly<Record<string, string>> },
): Promise<{ frames: string[]; rest: string; all: string }> {
  const job = { images: EXAMPLE_IMAGES, model: EXAMPLE_MODEL, output: join(folder, 'out') };
  const pipeline = writeMainJob(folder, { ...job, source: 'rateMax: 60', thumbnails: false });
  const sluiceCommand = `"${process.execPath}" cli/main.ts run "${pipeline}"`;
  const command = `stty cols ${options.columns}; exec ${sluiceCommand}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: ROOT,
    env: { ...process.env, TERM: 'xterm-256color', ...options.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let all = '';
  child.stdout.on('data', (chunk: Buffer) => {
    all += chunk.toString('latin1');
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  all = Buffer.from(all, 'latin1').toString('utf8');
  assert.equal(code, 0, all);
  const parts = all.split('\r\u001b[2K').slice(1);
  return { frames: parts.slice(0, -1), rest: parts.at(-1) ?? '', all };
}

/** The terminal emulator at hand; part of util-linux. */
const WITH_TERMINAL = {
  skip: process.platform === 'linux' && existsSync('/usr/bin/script') ? false : 'no script(1)',
};

for (const columns of [100, 60, 24]) {
  test(
    `when the terminal has ${columns} columns, then progress is one line, redrawn, then wiped`,
    WITH_TERMINAL,
    async (t) => {
      const { frames, rest, all } = await inTerminal(temporaryFolder(t), {
        columns,
        env: { NO_COLOR: '', FORCE_COLOR: '' },
      });
      assert.ok(frames.length >= 4, `${frames.length} frames in more than two seconds`);
      for (const frame of frames) {
        const visible = stripVTControlCharacters(frame);
        const isWhole = ['\u001b', '\r', '\n'].every((control) => !visible.includes(control));
        assert.ok(isWhole, `a torn line: ${JSON.stringify(frame)}`);
        assert.ok(visible.length < columns, `${visible.length} of ${columns}: ${visible}`);
      }
      const counts = frames.flatMap((frame) => /(\d+)\/153/.exec(frame)?.[1] ?? []).map(Number);
      assert.ok(counts.length >= 3, 'most frames count');
      assert.ok((counts.at(-1) ?? 0) > 60, `${counts}`);
      assert.match(stripVTControlCharacters(rest), /^main-job finished \(job [0-9a-f]+\)\r\n/);
      assert.ok(all.includes('\u001b[32m'), 'with colours');
    },
  );
}

test(
  'when NO_COLOR is set, then nothing is coloured, and the line is still redrawn',
  WITH_TERMINAL,
  async (t) => {
    const { frames, all } = await inTerminal(temporaryFolder(t), {
      columns: 80,
      env: { NO_COLOR: '1' },
    });
    assert.ok(frames.length >= 4);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
    assert.doesNotMatch(all, /\u001b\[[\d;]*m/);
  },
);
