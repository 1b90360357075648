import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { ChaosCluster } from '../support/chaos/chaos-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { describeModel } from '../support/model-files.ts';
import { RealS3Server } from '../support/s3/real-server.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { type JobDetail, sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { DATA } from '../support/test-data.ts';
import { environmentOf, storageOf } from '../support/watch-job.ts';

/**
 * The image job against a real S3 server while a random task manager is killed every 3 s and the job
 * manager every 10 s: afterwards `sluice audit` finds one result and one thumbnail for each object.
 */
const OBJECTS = Number(process.env['SLUICE_CHAOS_OBJECTS'] ?? '2000');
const CHAOS_MS = Number(process.env['SLUICE_CHAOS_SECONDS'] ?? '60') * 1000;
const SEEDS = (process.env['SLUICE_CHAOS_SEEDS'] ?? '1,2').split(',').map(Number);
const TASK_MANAGER_KILL_MS = 3_000;
const JOB_MANAGER_KILL_MS = 10_000;
const DONE_TIMEOUT_MS = 240_000;
const BUCKET = 'sluice';

async function putImages(storage: FileSystemRegistry, prefix: string): Promise<void> {
  const folder = join(DATA, 'imagenet-150');
  const photographs = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  const put = async (index: number): Promise<void> => {
    const uri = `${prefix}/${`${index}`.padStart(5, '0')}.jpg`;
    await storage.forUri(uri).put(uri, photographs[index % photographs.length] as Buffer);
  };
  for (let from = 0; from < OBJECTS; from += 16) {
    const until = Math.min(OBJECTS, from + 16);
    await Promise.all(Array.from({ length: until - from }, (_, offset) => put(from + offset)));
  }
}

function writePipeline(folder: string, images: string, output: string): string {
  const path = join(folder, 'pipeline.yaml');
  // The rate spreads the objects over the time of the kills.
  const rate = Math.max(1, Math.ceil((OBJECTS / CHAOS_MS) * 1000 * 1.2));
  writeFileSync(
    path,
    `name: kill-everything
checkpoints: { interval: 1s }
restart: { strategy: fixed-delay, attempts: 1000, delay: 100ms }
nodes:
  images: { source: files, path: "${images}", watch: 1s, rateMax: ${rate} }
  tensors: { transform: image-tensor, from: images }
  classes: { transform: onnx, from: tensors, model: "${describeModel(folder, 'mobilenetv1-025-128')}" }
  results: { sink: files, from: classes, path: "${output}/results" }
  thumbnails: { sink: thumbnails, from: classes, path: "${output}/thumbnails" }
deadLetters: { path: "${output}/dead-letters" }
`,
  );
  return path;
}

/** Kills until the time is over; says what it did. */
async function killAtRandom(cluster: ChaosCluster, random: SeededRandom): Promise<string> {
  const startedMs = performance.now();
  let jobManagerKills = 0;
  let taskManagerKills = 0;
  for (let next = 1; ; next += 1) {
    const atMs = next * 1_000;
    if (atMs > CHAOS_MS) break;
    await delay(Math.max(0, startedMs + atMs - performance.now()));
    if (atMs % TASK_MANAGER_KILL_MS === 0) {
      const victim = cluster.taskManagers[random.integer(0, cluster.taskManagers.length - 1)];
      if (victim?.kill() === true) taskManagerKills += 1;
    }
    if (atMs % JOB_MANAGER_KILL_MS === 0 && cluster.jobManager.kill()) jobManagerKills += 1;
  }
  return `${taskManagerKills} task managers and ${jobManagerKills} job managers killed`;
}

async function chaos(t: TestContext, seed: number, taskManagers: number): Promise<void> {
  const folder = temporaryFolder(t);
  mkdirSync(folder, { recursive: true });
  const server = await RealS3Server.start({ buckets: [BUCKET] });
  t.after(() => server.close());
  const storage = storageOf(server);
  const images = `s3://${BUCKET}/images`;
  const output = `s3://${BUCKET}/out`;
  await putImages(storage, images);
  const environment = environmentOf(server);
  const cluster = await ChaosCluster.start(t, {
    taskManagers,
    slots: 1,
    storage: `s3://${BUCKET}/storage`,
    environment,
  });
  const pipeline = writePipeline(folder, images, output);
  const { id } = await cluster.json<{ id: string }>(['submit', pipeline, '--detached']);
  t.diagnostic(await killAtRandom(cluster, new SeededRandom(seed)));

  const audit = (): Promise<{ code: number | null; stdout: string; stderr: string }> =>
    sluice(['audit', id, '--json', ...cluster.where], environment);
  // All has been read once the sinks are exact: a watching job never ends by itself.
  let last = '';
  await eventually(
    async () => {
      await delay(1_000);
      const { code, stdout, stderr } = await audit();
      last = stdout + stderr;
      return code === 0;
    },
    { timeoutMs: DONE_TIMEOUT_MS, message: 'the audit is not exact' },
  ).catch((error: Error) => {
    throw new Error(`${error.message}\n${last}\n${cluster.output()}`);
  });
  const stopped = await cluster.json<JobDetail>(['stop', id]);
  assert.equal(stopped.id, id);
  await eventually(async () => (await cluster.json<JobDetail>(['job', id])).state === 'FINISHED', {
    timeoutMs: 60_000,
    message: 'the job did not stop',
  });
  const after = await audit();
  assert.equal(after.code, 0, after.stdout);
  t.diagnostic(after.stdout.trim().slice(0, 500));
}

for (const [index, seed] of SEEDS.entries()) {
  const taskManagers = index % 2 === 0 ? 2 : 4;
  test(`when everything is killed at random (seed ${seed}, ${taskManagers} task managers), then the audit is exact`, (t) =>
    chaos(t, seed, taskManagers));
}
