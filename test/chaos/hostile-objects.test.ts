/** Whoever may put objects into the watched bucket: keys that lead out of folders, and bombs. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bombs, HOSTILE_KEYS } from '../support/hostile-objects.ts';
import { writeMainJob } from '../support/job-pipelines.ts';
import { type DeadLetterRow, type ResultRow, readRows } from '../support/result-rows.ts';
import { S3Server } from '../support/s3/s3-server.ts';
import { SluiceProcess } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { EXAMPLE_IMAGES, EXAMPLE_MODEL, environmentOf } from '../support/watch-job.ts';

const GOOD = 20;
/** A run of these twenty images alone takes about 250 MB. */
const MEMORY_MAX_BYTES = 600e6;
const PROMISES_PIXELS = /-(pixels|int-overflow|screen|jpeg)\./u;

test('when strangers fill the bucket, then nothing leaves the output folder and bombs are refused', async (t) => {
  const server = await S3Server.start({ buckets: ['bucket'] });
  t.after(() => server.close());
  const image = readFileSync(join(EXAMPLE_IMAGES, 'camera-1', '0001.jpg'));
  const bucket = server.bucket('bucket');
  for (let index = 0; index < GOOD; index += 1) bucket.put(`images/good-${index}.jpg`, image);
  for (const key of HOSTILE_KEYS) bucket.put(`images/${key}`, image);
  const refused = bombs();
  for (const [name, bytes] of refused) bucket.put(`images/${name}`, bytes);

  const outside = temporaryFolder(t);
  const output = join(outside, 'deep', 'down', 'out');
  const job = { images: 's3://bucket/images', model: EXAMPLE_MODEL, output };
  const pipeline = writeMainJob(outside, job);
  const environment = environmentOf({
    endpoint: server.endpoint,
    accessKeyId: 'test',
    secretAccessKey: 'test-secret',
  });
  const run = new SluiceProcess(['run', pipeline, '--no-progress', '--no-report'], environment);
  let peakBytes = 0;
  const watch = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(run.child.pid));
  }, 50);
  const { code, stderr } = await run.ended;
  clearInterval(watch);
  assert.equal(code, 0, stderr);

  const files = readdirSync(outside, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(outside.length + 1));
  const strays = files.filter((path) => !path.startsWith('deep/down/out/'));
  assert.deepEqual(strays, [pipeline.slice(outside.length + 1)], 'nothing left the output folder');
  const rows = readRows<ResultRow>(join(output, 'results'));
  const dead = readRows<DeadLetterRow>(join(output, 'dead-letters'));
  const goodRows = rows.filter(({ uri }) => uri.includes('/good-'));
  assert.equal(goodRows.length, GOOD, 'the others are classified');
  const outcomeOf = (name: string): string => {
    if (rows.some(({ uri }) => uri.endsWith(`/${name}`))) return 'classified';
    return dead.find(({ uri }) => uri.endsWith(`/${name}`))?.code ?? 'hidden';
  };
  for (const [name, bytes] of refused) {
    t.diagnostic(`${name}, ${bytes.length} bytes: ${outcomeOf(name)}`);
    // What is packed behind the last pixel is not unpacked.
    if (PROMISES_PIXELS.test(name)) assert.match(outcomeOf(name), /^IMAGE_/u, name);
    else assert.notEqual(outcomeOf(name), 'hidden', name);
  }
  for (const key of HOSTILE_KEYS) t.diagnostic(`${JSON.stringify(key)}: ${outcomeOf(key)}`);
  t.diagnostic(`memory: ${Math.round(peakBytes / 1e6)} MB at most`);
  assert.ok(peakBytes > 0 && peakBytes < MEMORY_MAX_BYTES, `${peakBytes} bytes`);
});

function residentBytes(processId: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${processId}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/u.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
