/** Outputs that cannot be written, and readers that go away. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeMainJob } from '../support/job-pipelines.ts';
import { SluiceProcess, sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { EXAMPLE_IMAGES, EXAMPLE_MODEL } from '../support/watch-job.ts';

test('when a file lies where the output should be, then the job fails and says so', async (t) => {
  const folder = temporaryFolder(t);
  const output = join(folder, 'out');
  writeFileSync(output, 'in the way');
  const job = { images: EXAMPLE_IMAGES, model: EXAMPLE_MODEL, output };
  const { code, stdout, stderr } = await sluice(['run', writeMainJob(folder, job)]);
  assert.equal(code, 1);
  assert.match(stdout, /STORAGE_NOT_FOUND: .*There is no folder for .*, and it cannot be made/);
  assert.doesNotMatch(stdout + stderr, /\n\s+at /, 'no stack trace');
});

test('when one record fails the job, then the message names its file', async (t) => {
  const folder = temporaryFolder(t);
  const pipeline = join(folder, 'pipeline.yaml');
  writeFileSync(
    pipeline,
    `name: strict
onError: fail
nodes:
  images: { source: files, path: "${EXAMPLE_IMAGES}", glob: "**/empty.png" }
  tensors: { transform: image-tensor, from: images, crop: 32 }
  rows: { sink: files, from: tensors, path: "${folder}/out" }
`,
  );
  const { code, stdout } = await sluice(['run', pipeline]);
  assert.equal(code, 1);
  assert.match(stdout, /IMAGE_FORMAT: file:.*\/empty\.png: not an image/);
  assert.deepEqual(readdirSync(folder).toSorted(), ['pipeline.yaml']);
});

test('when the reader of what a watching job prints goes away, then the job stops', async (t) => {
  const folder = temporaryFolder(t);
  const pipeline = join(folder, 'pipeline.yaml');
  writeFileSync(
    pipeline,
    `name: printing
nodes:
  numbers: { source: datagen, rateMax: 100 }
  lines: { sink: print, from: numbers }
`,
  );
  const run = new SluiceProcess(['run', pipeline]);
  await run.until(/"sequence":5/);
  run.child.stdout?.destroy();
  const [code] = await once(run.child, 'exit');
  assert.equal(code, 0, run.stderr);
  assert.match(run.stderr, /stopping/);
});
