import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobDetail } from '../../shared/rest/rest-types.ts';
import { runMeasured } from '../support/measured-process.ts';
import { median } from '../support/statistics.ts';
import { type BenchModel, writeModel } from './models.ts';
import type { ImagesRun } from './report.ts';

export const ROOT = new URL('../..', import.meta.url).pathname;
export const PIPELINE = 'bench/images/pipeline.yaml';

let runs = 0;

/** `--set` arguments of one run: images, the model with its description, a fresh output folder. */
export function pipelineArguments(model: BenchModel, folder: string, work: string): string[] {
  runs += 1;
  const output = join(work, `output-${runs}`);
  const settings = { images: folder, model: writeModel(model, work), output };
  return Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
}

export async function runEmbedded(
  model: BenchModel,
  folder: string,
  work: string,
): Promise<ImagesRun> {
  const args = ['cli/main.ts', 'run', PIPELINE, ...pipelineArguments(model, folder, work)];
  const { stdout, usage } = await runMeasured([...args, '--json', '--no-report', '--no-progress'], {
    cwd: ROOT,
  });
  const job = JSON.parse(stdout) as JobDetail;
  const images = job.progress.recordsWritten['results'] ?? 0;
  return {
    name: 'sluice run',
    ...jobFigures(job),
    cpuSecondsPerImage: usage.cpuSeconds / images,
    memoryPeakBytes: usage.memoryPeakBytes,
  };
}

export function jobFigures(
  job: JobDetail,
): Pick<ImagesRun, 'imagesPerSecond' | 'latencyP50Ms' | 'latencyP99Ms'> {
  const { progress } = job;
  return {
    imagesPerSecond: ((progress.recordsWritten['results'] ?? 0) / progress.activeMs) * 1000,
    latencyP50Ms: progress.latencyP50Ms,
    latencyP99Ms: progress.latencyP99Ms,
  };
}

export interface LatencyFigures {
  readonly inferenceP50Ms: number;
  readonly inferenceP99Ms: number;
  readonly endToEndP50Ms: number;
  readonly endToEndP99Ms: number;
}

/** Latencies below saturation: images arrive at a fixed rate. */
export async function measureLatency(
  model: BenchModel,
  folder: string,
  work: string,
  load: { readonly rate: number },
): Promise<LatencyFigures> {
  const pipeline = join(work, 'latency.yaml');
  writeFileSync(pipeline, latencyPipeline(load.rate));
  const args = ['cli/main.ts', 'run', pipeline, ...pipelineArguments(model, folder, work)];
  const { stdout } = await runMeasured([...args, '--json', '--no-report', '--no-progress'], {
    cwd: ROOT,
  });
  const job = JSON.parse(stdout) as JobDetail;
  const operators = job.vertices.flatMap((vertex) => vertex.operators);
  const inference = operators.find((operator) => operator.id === 'classes');
  return {
    inferenceP50Ms: inference?.latencyP50Ms ?? Number.NaN,
    inferenceP99Ms: inference?.latencyP99Ms ?? Number.NaN,
    endToEndP50Ms: job.progress.latencyP50Ms,
    endToEndP99Ms: job.progress.latencyP99Ms,
  };
}

/** From starting the command to the first row it prints; the median of several starts. */
export async function measureStart(
  model: BenchModel,
  folder: string,
  work: string,
  repetitions: number,
): Promise<number> {
  const pipeline = join(work, 'start.yaml');
  writeFileSync(pipeline, startPipeline());
  const times: number[] = [];
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const args = ['cli/main.ts', 'run', pipeline, ...pipelineArguments(model, folder, work)];
    const { firstOutputMs } = await runMeasured([...args, '--no-report', '--no-progress'], {
      cwd: ROOT,
    });
    times.push(firstOutputMs);
  }
  return median(times);
}

const PARAMETERS = `parameters:
  images: { type: path }
  model: { type: path }
  output: { type: path }
`;

function latencyPipeline(rate: number): string {
  return `name: bench-latency
${PARAMETERS}nodes:
  images: { source: files, path: "\${images}", rateMax: ${rate}, glob: "0000-*" }
  tensors: { transform: image-tensor, from: images }
  classes: { transform: onnx, from: tensors, model: "\${model}" }
  results: { sink: files, from: classes, path: "\${output}/results" }
`;
}

function startPipeline(): string {
  return `name: bench-start
${PARAMETERS}nodes:
  images: { source: files, path: "\${images}", glob: "0000-n01*" }
  tensors: { transform: image-tensor, from: images }
  classes: { transform: onnx, from: tensors, model: "\${model}" }
  rows: { sink: print, from: classes }
`;
}
