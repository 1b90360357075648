/**
 * What TLS costs the image job on two task managers, several rounds with it and without it in turn:
 *
 *   npm run bench:tls -- --rounds 7
 *
 *   chained   as users write it: an image stays in its slot, what crosses is control and metrics
 *   exchanged every tensor (28 KB with the example's model) goes to either task manager before it is
 *             classified
 *
 * Ratios are taken within a round, so that they hold when the machine's speed drifts.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { prepareImages } from './images/image-set.ts';
import { machineText, median, spread } from './support/statistics.ts';
import { TlsCluster, type TlsRun } from './tls/tls-cluster.ts';

const HELP = `usage: npm run bench:tls -- [options]
  --images DIR   photographs, default ../shared/data/imagenet-150
  --model FILE   a model.yaml, default that of the example
  --rounds N     default 7
  --count N      images a round (the folder repeated), default 1500`;

const { values: flags } = parseArgs({
  options: {
    images: { type: 'string', default: '../shared/data/imagenet-150' },
    model: { type: 'string', default: 'examples/image-classification/model/model.yaml' },
    rounds: { type: 'string', default: '7' },
    count: { type: 'string', default: '1500' },
    help: { type: 'boolean', default: false },
  },
});

const PLAIN_PORTS = { rest: 18_085, rpc: 16_127 };
const TLS_PORTS = { rest: 18_086, rpc: 16_128 };
const JOBS = { chained: '', exchanged: ', partition: rebalance' } as const;

if (flags.help) process.stdout.write(`${HELP}\n`);
else await main();

async function main(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
  const folder = resolve(flags.images);
  const images = prepareImages(folder, join(work, 'images'), Number(flags.count));
  print(`machine: ${machineText()}`);
  print(`input: ${images.files.length} images of ${folder}, ${images.bytesMean} bytes each`);
  const plain = await TlsCluster.up(join(work, 'plain'), { tls: false, ports: PLAIN_PORTS });
  const secured = await TlsCluster.up(join(work, 'secured'), { tls: true, ports: TLS_PORTS });
  try {
    for (const [name, exchange] of Object.entries(JOBS)) {
      await compare({ name, exchange, images: images.folder, work }, { plain, secured });
    }
  } finally {
    await plain.down();
    await secured.down();
    rmSync(work, { recursive: true, force: true });
  }
}

async function compare(
  job: {
    readonly name: string;
    readonly exchange: string;
    readonly images: string;
    readonly work: string;
  },
  clusters: { readonly plain: TlsCluster; readonly secured: TlsCluster },
): Promise<void> {
  const runs = { plain: [] as TlsRun[], secured: [] as TlsRun[] };
  const run = async (side: 'plain' | 'secured', round: string): Promise<TlsRun> => {
    const pipeline = join(job.work, 'pipeline.yaml');
    const output = join(job.work, `out-${job.name}-${side}-${round}`);
    writeFileSync(pipeline, imageJob(job, output));
    return clusters[side].run(pipeline);
  };
  // Models are loaded and code is compiled once.
  for (const side of ['plain', 'secured'] as const) await run(side, 'warm-up');
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    // Neither is always the second.
    const order =
      round % 2 === 0 ? (['plain', 'secured'] as const) : (['secured', 'plain'] as const);
    for (const side of order) runs[side].push(await run(side, `${round}`));
  }
  const ratios = runs.secured.map(({ rate }, round) => rate / (runs.plain[round]?.rate ?? 1));
  const cost = median(runs.secured.map(cpuOf)) - median(runs.plain.map(cpuOf));
  print(`\n${job.name}, ${flags.rounds} rounds, median (min–max)`);
  print(`  without TLS ${spread(runs.plain.map(rateOf), 1)} images/s`);
  print(`  with TLS    ${spread(runs.secured.map(rateOf), 1)} images/s`);
  print(`  with ÷ without ${spread(ratios, 3)}; CPU ${cost.toFixed(2)} ms more an image`);
}

function imageJob(
  { exchange, images }: { readonly exchange: string; readonly images: string },
  output: string,
): string {
  const model = resolve(flags.model);
  return `name: tls-bench
nodes:
  images: { source: files, path: "${images}" }
  tensors: { transform: image-tensor, from: images }
  classes: { transform: onnx, from: tensors, model: "${model}"${exchange} }
  results: { sink: files, from: classes, path: "${output}/results" }
`;
}

function rateOf({ rate }: TlsRun): number {
  return rate;
}

function cpuOf({ cpuMsPerImage }: TlsRun): number {
  return cpuMsPerImage;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
