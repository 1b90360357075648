/**
 * The alerts of jobs, checkpoints, storage and inference: jobs that are given what they cannot do, or a
 * storage that fails, all on one cluster; each alert clears when its cause is gone.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import { MonitoredCluster } from '../support/monitoring/monitored-cluster.ts';
import { pixelModel } from '../support/onnx-file.ts';
import { S3Server } from '../support/s3/s3-server.ts';
import { environmentOf } from '../support/watch-job.ts';

const BUCKET = 'bucket';
const CREDENTIALS = { accessKeyId: 'key', secretAccessKey: 'secret' };
/** More files than the alert's threshold, which stays. */
const BACKLOG_FILES = 1_200;
const PUT_EVERY_MS = 50;
/** The model fails on images of this value (`pixelModel`). */
const WHITE = 255;

/** What goes wrong with the storage and with the images that come. */
interface Trouble {
  isCheckpointDenied: boolean;
  isInputBad: boolean;
}

test('when jobs fail, stand still or reject, and storage fails, then alerts say so until it is over', {
  concurrency: true,
}, async (t) => {
  const trouble: Trouble = { isCheckpointDenied: false, isInputBad: false };
  const s3 = await S3Server.start({
    buckets: [BUCKET],
    denies: (operation, _bucket, key) =>
      trouble.isCheckpointDenied && operation.startsWith('Put') && key.includes('/checkpoints/'),
  });
  t.after(() => s3.close());
  const server = { endpoint: s3.endpoint, ...CREDENTIALS };
  const cluster = await MonitoredCluster.start(t, environmentOf(server));
  await cluster.jobManager('leader', ['--storage', `s3://${BUCKET}/storage`]);
  const worker = await cluster.taskManager('worker', ['--slots', '6']);

  const images = imageJob(cluster);
  const feed = new Feed(s3, trouble);
  t.after(() => feed.stop());
  const imagesId = await cluster.submit(images);
  await cluster.jobReaches(imagesId, 'RUNNING');
  await Promise.all([
    t.test('bad input', () =>
      badInput(cluster, { trouble, jobId: imagesId, worker: worker.address }),
    ),
    t.test('failing storage', () => failingStorage(cluster, { s3, trouble, jobId: imagesId })),
    t.test('a slow stage', () => slowStage(cluster)),
    t.test('a stage that stands still', () => stuckStage(cluster)),
    t.test('a job that fails', () => failedJob(cluster)),
    t.test('too few slots', () => tooFewSlots(cluster)),
  ]);
});

function imageJob({ folder }: MonitoredCluster): string {
  writeFileSync(join(folder, 'model.onnx'), pixelModel());
  return `name: images
parallelism: 1
checkpoints: { interval: 500ms, tolerableFailures: 1000 }
nodes:
  images: { source: files, path: "s3://${BUCKET}/images", watch: 200ms }
  tensors: { transform: image-tensor, from: images }
  classes:
    transform: onnx
    from: tensors
    model: model.onnx
    preprocessing: { resize: 4, crop: 4, scale: 1, mean: [0], std: [1] }
  nowhere: { sink: blackhole, from: classes }
`;
}

/** Images that come all the time; of three bad ones two cannot be decoded or classified. */
class Feed {
  #isStopped = false;
  readonly #done: Promise<void>;

  constructor(s3: S3Server, trouble: Trouble) {
    this.#done = this.#run(s3, trouble);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  async #run(s3: S3Server, trouble: Trouble): Promise<void> {
    const good = await image(5);
    const white = await image(WHITE);
    const kinds = [good, white, Buffer.from('no image at all')];
    for (let index = 0; !this.#isStopped; index += 1) {
      const bytes = trouble.isInputBad ? (kinds[index % kinds.length] ?? good) : good;
      s3.bucket(BUCKET).put(`images/${`${index}`.padStart(6, '0')}.png`, bytes);
      await delay(PUT_EVERY_MS);
    }
  }
}

function image(value: number): Promise<Buffer> {
  const background = { r: value, g: value, b: value };
  const create = { width: 8, height: 8, channels: 3, background } as const;
  return sharp({ create }).png().toBuffer();
}

async function badInput(
  cluster: MonitoredCluster,
  { trouble, jobId, worker }: { trouble: Trouble; jobId: string; worker: string },
): Promise<void> {
  trouble.isInputBad = true;
  await Promise.all([
    cluster.fires('SluiceDeadLetters', { job_id: jobId }),
    cluster.fires('SluiceInferenceFailing', { instance: worker, device: 'cpu' }),
  ]);
  trouble.isInputBad = false;
  await Promise.all([
    cluster.clears('SluiceDeadLetters'),
    cluster.clears('SluiceInferenceFailing'),
  ]);
}

async function failingStorage(
  cluster: MonitoredCluster,
  { s3, trouble, jobId }: { s3: S3Server; trouble: Trouble; jobId: string },
): Promise<void> {
  s3.faults.add({ kind: 'internal-error', operation: 'GetObject', key: 'images/', rate: 0.5 });
  trouble.isCheckpointDenied = true;
  const alerts = ['SluiceS3Errors', 'SluiceS3AccessDenied', 'SluiceCheckpointsFailing'];
  await Promise.all([
    ...alerts.map((name) => cluster.fires(name)),
    cluster.fires('SluiceCheckpointOverdue', { job_id: jobId }),
  ]);
  s3.faults.clear();
  trouble.isCheckpointDenied = false;
  const all = [...alerts, 'SluiceCheckpointOverdue'];
  await Promise.all(all.map((name) => cluster.clears(name)));
}

/** What it queues in front of the sink waits for longer and longer. */
async function slowStage(cluster: MonitoredCluster): Promise<void> {
  const id = await cluster.submit(`name: slow
checkpoints: off
nodes:
  numbers: { source: datagen, rateMax: 100, parallelism: 2 }
  slow: { sink: blackhole, from: numbers, delay: 200ms, parallelism: 1 }
`);
  await cluster.fires('SluiceLatencyHigh', { job_id: id });
  await cluster.rest.cancelJob(id);
  await cluster.clears('SluiceLatencyHigh');
}

async function stuckStage(cluster: MonitoredCluster): Promise<void> {
  const folder = join(cluster.folder, 'backlog');
  mkdirSync(folder);
  for (let index = 0; index < BACKLOG_FILES; index += 1) {
    writeFileSync(join(folder, `${index}`), `${index}`);
  }
  const id = await cluster.submit(`name: stuck
parallelism: 1
checkpoints: off
nodes:
  files: { source: files, path: "${folder}", watch: 1s }
  stuck: { sink: blackhole, from: files, delay: 10m }
`);
  await Promise.all([
    cluster.fires('SluiceBacklogHigh', { job_id: id, operator: 'files' }),
    cluster.fires('SluiceJobStalled', { job_id: id }),
  ]);
  await cluster.rest.cancelJob(id);
  await Promise.all([cluster.clears('SluiceBacklogHigh'), cluster.clears('SluiceJobStalled')]);
}

async function failedJob(cluster: MonitoredCluster): Promise<void> {
  const pipeline = (count: number, divisor: string): string => `name: dividing
parallelism: 1
onError: fail
nodes:
  numbers: { source: datagen, count: ${count} }
  shares: { transform: map, from: numbers, fields: { share: "${divisor}" } }
  nowhere: { sink: blackhole, from: shares }
`;
  const id = await cluster.submit(pipeline(100, '[1, 2][int(sequence)]'));
  await cluster.fires('SluiceJobFailed', { job_id: id, job_name: 'dividing' });
  assert.equal((await cluster.rest.job(id)).state, 'FAILED');
  await cluster.submit(pipeline(100, 'sequence / 2'));
  await cluster.clears('SluiceJobFailed');
}

async function tooFewSlots(cluster: MonitoredCluster): Promise<void> {
  const id = await cluster.submit(`name: wide
checkpoints: off
nodes:
  numbers: { source: datagen, rateMax: 10, parallelism: 6 }
  nowhere: { sink: blackhole, from: numbers, parallelism: 6 }
`);
  await cluster.fires('SluiceJobWaitingForSlots', { job_id: id, state: 'WAITING_FOR_RESOURCES' });
  await cluster.taskManager('reinforcement', ['--slots', '6']);
  await cluster.clears('SluiceJobWaitingForSlots');
  await cluster.jobReaches(id, 'RUNNING');
}
