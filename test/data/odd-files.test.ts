import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { usageOf } from '../../bench/support/measured-process.ts';
import { writeMainJob } from '../support/job-pipelines.ts';
import { describeModel } from '../support/model-files.ts';
import { baseName, type DeadLetterRow, type ResultRow, readRows } from '../support/result-rows.ts';
import { SluiceProcess } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { DATA } from '../support/test-data.ts';

const MEMORY_MAX_BYTES = 600e6;

test('when odd files are processed, then each ends as expected and memory stays bounded', async (t) => {
  const folder = temporaryFolder(t);
  const output = join(folder, 'out');
  const pipeline = writeMainJob(folder, {
    images: join(DATA, 'odd'),
    model: describeModel(folder, 'mobilenetv2-u8'),
    output,
    source: 'glob: "!*.csv"',
  });
  const run = new SluiceProcess(['run', pipeline, '--no-progress']);
  let memoryPeakBytes = 0;
  const timer = setInterval(() => {
    const usage = usageOf(run.child.pid ?? 0);
    memoryPeakBytes = Math.max(memoryPeakBytes, usage?.memoryPeakBytes ?? 0);
  }, 50);
  const result = await run.ended;
  clearInterval(timer);
  assert.equal(result.code, 0, result.stderr);

  const expected = readFileSync(join(DATA, 'odd', 'expected.csv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',') as [string, string]);
  assert.equal(expected.length, 68);
  const decoded = readRows<ResultRow>(join(output, 'results')).map((row) => baseName(row.uri));
  const letters = readRows<DeadLetterRow>(join(output, 'dead-letters'));
  const rejected = letters.map((row) => baseName(row.uri));
  for (const [file, fate] of expected) {
    const times = (fate === 'decode' ? decoded : rejected).filter((name) => name === file).length;
    assert.equal(times, 1, `${file} is to ${fate} once`);
  }
  assert.equal(decoded.length + rejected.length, expected.length);
  for (const letter of letters) {
    assert.match(letter.code, /^IMAGE_(FORMAT|CORRUPT|TOO_LARGE)$/);
    assert.ok(letter.message.length >= 20, `${letter.uri}: ${letter.message}`);
    assert.equal(letter.node, 'tensors');
    t.diagnostic(`${baseName(letter.uri)}: ${letter.code} ${letter.message}`);
  }
  t.diagnostic(`memory peak ${(memoryPeakBytes / 1e6).toFixed(0)} MB`);
  assert.ok(memoryPeakBytes < MEMORY_MAX_BYTES, `${memoryPeakBytes} bytes`);
});
