/**
 * What checkpoints cost the image job on a cluster of two task managers, several rounds in turn:
 *
 *   SLUICE_S3_ENDPOINT=… npm run bench:checkpoint -- --storage s3://bucket/bench --rounds 5
 *
 *   rate      images/s with a checkpoint a second beside the rate without any
 *   duration  of those checkpoints, from the trigger to the last write, at full speed, where images
 *             wait for the model, and at 60 images a second
 *   blocked   the same of the image job with a further sink that takes two records a second and holds
 *             everything back, beside that job with 20 images a second and a sink that takes them all
 *
 * Images are read from the local disk; results, thumbnails and checkpoints go to the storage.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { CheckpointCluster, type RunFigures } from './checkpoint/checkpoint-cluster.ts';
import { prepareImages } from './images/image-set.ts';
import { benchModel, writeModel } from './images/models.ts';
import { machineText, median, spread } from './support/statistics.ts';

const HELP = `usage: npm run bench:checkpoint -- [options]
  --data DIR       folder with imagenet-150/ and models/ (default ../shared/data)
  --model NAME     default mobilenetv2-u8
  --rounds N       default 5
  --count N        images a round, default 900
  --storage URI    default: a temporary folder; s3://… with the usual environment`;

const { values: flags } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data' },
    model: { type: 'string', default: 'mobilenetv2-u8' },
    rounds: { type: 'string', default: '5' },
    count: { type: 'string', default: '900' },
    storage: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

/** The checkpoints of so long are looked at. */
const OBSERVED_MS = 15_000;

if (flags.help) process.stdout.write(`${HELP}\n`);
else await main();

async function main(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'sluice-checkpoint-'));
  const data = resolve(flags.data);
  const images = prepareImages(
    join(data, 'imagenet-150'),
    join(work, 'images'),
    Number(flags.count),
  );
  const model = writeModel(benchModel(flags.model, data, 8), work);
  const storage = flags.storage ?? pathToFileURL(join(work, 'storage')).href;
  const cluster = await CheckpointCluster.start(storage);
  try {
    print(`machine: ${machineText()}`);
    print(
      `input: ${images.files.length} images, ${images.bytesMean} bytes each; storage: ${storage}`,
    );
    const withThem: RunFigures[] = [];
    const without: RunFigures[] = [];
    for (let round = 0; round < Number(flags.rounds); round += 1) {
      for (const checkpoints of ['off', '{ interval: 1s }']) {
        const output = `${storage}/out-${round}-${checkpoints === 'off' ? 'off' : 'on'}`;
        const pipeline = join(work, 'pipeline.yaml');
        writeFileSync(pipeline, imageJob({ images: images.folder, model, output, checkpoints }));
        (checkpoints === 'off' ? without : withThem).push(await cluster.run(pipeline));
      }
    }
    const ratios = withThem.map(({ rate }, index) => rate / (without[index]?.rate ?? Number.NaN));
    print(`without checkpoints   ${rateText(without)}`);
    print(`a checkpoint a second ${rateText(withThem)}, ratio ${spread(ratios, 3)}`);
    printDurations(
      'image job',
      withThem.flatMap(({ durationsMs }) => durationsMs),
    );
    const steady = join(work, 'steady.yaml');
    const output = `${storage}/out-steady`;
    writeFileSync(steady, twoSinksJob({ images: images.folder, model, output, rateMax: 60 }));
    printDurations('60 images/s', await durationsOf(cluster, steady));
    await compareBlocked(cluster, work, { images: images.folder, model, storage });
  } finally {
    await cluster.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

async function compareBlocked(
  cluster: CheckpointCluster,
  work: string,
  job: { readonly images: string; readonly model: string; readonly storage: string },
): Promise<void> {
  const medians: number[] = [];
  for (const name of ['idle', 'blocked'] as const) {
    const pipeline = join(work, 'blocked.yaml');
    const output = `${job.storage}/out-${name}`;
    const load = name === 'idle' ? { rateMax: 20 } : { delayMs: 500 };
    writeFileSync(pipeline, twoSinksJob({ ...job, output, ...load }));
    const durationsMs = await durationsOf(cluster, pipeline);
    printDurations(`${name} sink`, durationsMs);
    medians.push(median(durationsMs));
  }
  print(`blocked ÷ idle: ${((medians[1] ?? 0) / (medians[0] ?? 1)).toFixed(2)}`);
}

async function durationsOf(cluster: CheckpointCluster, pipeline: string): Promise<number[]> {
  const id = await cluster.submit(pipeline);
  await delay(OBSERVED_MS);
  const durationsMs = await cluster.durations(id);
  await cluster.cancel(id);
  return durationsMs;
}

function imageJob(job: { images: string; model: string; output: string; checkpoints: string }) {
  return `name: checkpoint-bench
checkpoints: ${job.checkpoints}
nodes:
  images: { source: files, path: "${job.images}" }
  tensors: { transform: image-tensor, from: images }
  classes: { transform: onnx, from: tensors, model: "${job.model}" }
  results: { sink: files, from: classes, path: "${job.output}/results" }
`;
}

function twoSinksJob(job: {
  readonly images: string;
  readonly model: string;
  readonly output: string;
  readonly rateMax?: number;
  readonly delayMs?: number;
}): string {
  const rate = job.rateMax === undefined ? '' : `, rateMax: ${job.rateMax}`;
  const pace = job.delayMs === undefined ? '' : `, delay: ${job.delayMs}ms`;
  return `name: two-sinks
checkpoints: { interval: 500ms, alignmentTimeout: 0ms }
nodes:
  images: { source: files, path: "${job.images}", watch: 1s${rate} }
  tensors: { transform: image-tensor, from: images }
  classes: { transform: onnx, from: tensors, model: "${job.model}" }
  results: { sink: files, from: classes, path: "${job.output}/results" }
  slow: { sink: blackhole, from: classes, partition: rebalance${pace} }
`;
}

function rateText(runs: readonly RunFigures[]): string {
  return `${spread(
    runs.map(({ rate }) => rate),
    1,
  )} images/s`;
}

function printDurations(name: string, durationsMs: readonly number[]): void {
  print(`${name}: ${durationsMs.length} checkpoints of ${spread(durationsMs, 0)} ms`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
