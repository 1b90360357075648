/**
 * Images per second of the engine beside a hand-tuned loop on the same files, in turn, several rounds:
 *
 *   npm run bench:images -- --models mobilenetv2-u8,bench-resnet18-int8-random --rounds 5
 *
 * Each figure is a whole process measured from outside (CPU, memory) and the time from its first read
 * to its last result (rate). Ratios are taken within a round, so that they hold when the machine's
 * speed drifts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { EngineCluster } from './images/engine-cluster.ts';
import { measureLatency, measureStart, runEmbedded } from './images/engine-embedded.ts';
import { prepareImages } from './images/image-set.ts';
import { type BenchModel, benchModel } from './images/models.ts';
import { runRawLoop } from './images/raw-loop-process.ts';
import { type ImagesRun, reportRounds } from './images/report.ts';
import { machineText } from './support/statistics.ts';

const HELP = `usage: npm run bench:images -- [options]
  --data DIR       folder with imagenet-150/ and models/ (default ../shared/data)
  --images DIR     other photographs
  --models A,B     default mobilenetv2-u8,bench-resnet18-int8-random
  --rounds N       default 5
  --count N        images a round (the folder repeated), default 900
  --task-managers N  size of the cluster, default 2; 0: none
  --no-latency     leave out the runs at 20 images/s and the start-up time`;

const { values: flags } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data' },
    images: { type: 'string' },
    models: { type: 'string', default: 'mobilenetv2-u8,bench-resnet18-int8-random' },
    rounds: { type: 'string', default: '5' },
    count: { type: 'string', default: '900' },
    'task-managers': { type: 'string', default: '2' },
    latency: { type: 'boolean', default: true },
    help: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

if (flags.help) {
  process.stdout.write(`${HELP}\n`);
} else {
  await main();
}

async function main(): Promise<void> {
  const dataFolder = resolve(flags.data);
  const imageFolder = resolve(flags.images ?? join(dataFolder, 'imagenet-150'));
  const work = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  const taskManagers = Number(flags['task-managers']);
  try {
    const images = prepareImages(imageFolder, join(work, 'images'), Number(flags.count));
    print(`machine: ${machineText()}`);
    print(`input: ${images.files.length} images of ${imageFolder}, ${images.bytesMean} bytes each`);
    for (const name of flags.models.split(',')) {
      const model = benchModel(name, dataFolder, 8);
      const cluster = taskManagers > 0 ? await EngineCluster.up(work, taskManagers) : null;
      try {
        await compare(model, images, cluster, work);
      } finally {
        await cluster?.down();
      }
      if (flags.latency) await latency(model, images.folder, work);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function compare(
  model: BenchModel,
  images: { readonly folder: string; readonly files: readonly string[] },
  cluster: EngineCluster | null,
  work: string,
): Promise<void> {
  const rounds: ImagesRun[][] = [];
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    const runs = [await runRawLoop(model, images.files)];
    runs.push(await runEmbedded(model, images.folder, work));
    if (cluster !== null) runs.push(await cluster.run(model, images.folder, work));
    rounds.push(runs);
  }
  print(`\n${model.name}, ${flags.rounds} rounds, median (min–max)`);
  print(reportRounds(rounds));
}

async function latency(model: BenchModel, folder: string, work: string): Promise<void> {
  const at20 = await measureLatency(model, folder, work, { rate: 20 });
  print(
    `  at 20 images/s: inference p50 ${at20.inferenceP50Ms.toFixed(1)} ms, ` +
      `p99 ${at20.inferenceP99Ms.toFixed(1)} ms; end to end p50 ${at20.endToEndP50Ms.toFixed(1)} ms, ` +
      `p99 ${at20.endToEndP99Ms.toFixed(1)} ms`,
  );
  const firstMs = await measureStart(model, folder, work, 3);
  print(`  from the command to the first result: ${(firstMs / 1000).toFixed(2)} s (median of 3)`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
