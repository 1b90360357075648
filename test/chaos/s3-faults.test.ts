/** The main job over an S3 server that misbehaves: nothing is lost, nothing comes twice. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { writeMainJob } from '../support/job-pipelines.ts';
import type { ResultRow } from '../support/result-rows.ts';
import { S3Server } from '../support/s3/s3-server.ts';
import { SluiceProcess } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import {
  EXAMPLE_IMAGES,
  EXAMPLE_MODEL,
  environmentOf,
  readObjectRows,
  runOverS3,
  type S3UnderTest,
  storageOf,
} from '../support/watch-job.ts';

const IMAGES = 's3://sluice/images';
const BROKEN = 3;
/** Longer than a handful of retries takes. */
const OUTAGE_MS = 3000;
let server: S3Server;
let s3: S3UnderTest;
let files = 0;
/** Those of the two cameras that the outage concerns. */
let outageFiles = 0;

before(async () => {
  server = await S3Server.start({ buckets: ['sluice'] });
  s3 = { endpoint: server.endpoint, accessKeyId: 'test', secretAccessKey: 'test-secret' };
  const storage = storageOf(s3);
  const names = readdirSync(EXAMPLE_IMAGES, { recursive: true, encoding: 'utf8' });
  for (const name of names) {
    const path = join(EXAMPLE_IMAGES, name);
    if (!statSync(path).isFile()) continue;
    await storage.forUri(IMAGES).put(`${IMAGES}/${name}`, readFileSync(path));
    files += 1;
    if (/^camera-[12]\//.test(name)) outageFiles += 1;
  }
  await storage.close();
});

after(() => server.close());

test('when every twentieth request fails somehow, then there is one row an image', async (t) => {
  t.after(() => server.faults.clear());
  for (const kind of ['slow-down', 'reset', 'truncate', 'lost-response'] as const) {
    server.faults.add({ kind, rate: 0.05 });
  }
  const output = 's3://sluice/faults';
  const { rows, rejected } = await runOverS3(s3, temporaryFolder(t), { images: IMAGES, output });
  assert.equal(rejected, BROKEN);
  assert.equal(rows.length, files - BROKEN);
  assert.equal(new Set(rows.map((row) => row.uri)).size, rows.length);
  for (const kind of ['slow-down', 'reset', 'truncate', 'lost-response'] as const) {
    assert.ok((server.faults.injected.get(kind) ?? 0) > 0, `${kind} happened`);
  }
});

test('when the server is gone for a while, then the job waits for it', async (t) => {
  t.after(() => server.faults.clear());
  const output = 's3://sluice/outage';
  const run = start(temporaryFolder(t), output);
  const read = (): number => server.requests.get('GetObject') ?? 0;
  const readBefore = read();
  await eventually(() => read() > readBefore + 20, { timeoutMs: 30_000 });
  server.faults.add({ kind: 'reset' });
  await delay(OUTAGE_MS);
  server.faults.clear();
  const ended = await run.ended;
  assert.equal(ended.code, 0, ended.stderr + ended.stdout);
  const storage = storageOf(s3);
  const rows = await readObjectRows<ResultRow>(storage, `${output}/results`);
  const dead = await readObjectRows<object>(storage, `${output}/dead-letters`);
  await storage.close();
  assert.equal(rows.length + dead.length, outageFiles);
  assert.equal(new Set(rows.map((row) => row.uri)).size, rows.length);
});

function start(folder: string, output: string): SluiceProcess {
  const source = 'rateMax: 60, glob: "camera-{1,2}/**"';
  const pipeline = writeMainJob(folder, { images: IMAGES, model: EXAMPLE_MODEL, output, source });
  return new SluiceProcess(['run', pipeline], environmentOf(s3));
}
