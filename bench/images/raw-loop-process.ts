import { availableParallelism } from 'node:os';
import { runMeasured } from '../support/measured-process.ts';
import type { BenchModel } from './models.ts';
import type { ImagesRun } from './report.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
/** The fastest of those tried on two cores: 4, 6 and 8 decoding, 16, 24 and 32 in flight. */
const DECODING = 8;
const IN_FLIGHT = 32;

interface RawLoopResult {
  readonly images: number;
  readonly elapsedMs: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
}

export async function runRawLoop(model: BenchModel, files: readonly string[]): Promise<ImagesRun> {
  const options = {
    files,
    model: model.raw,
    resize: model.resize,
    executors: availableParallelism(),
    decoding: DECODING,
    inFlight: IN_FLIGHT,
  };
  const { stdout, usage } = await runMeasured(['bench/images/raw-loop.ts'], {
    cwd: ROOT,
    input: JSON.stringify(options),
  });
  const result = JSON.parse(stdout) as RawLoopResult;
  return {
    name: 'raw loop',
    imagesPerSecond: (result.images / result.elapsedMs) * 1000,
    cpuSecondsPerImage: usage.cpuSeconds / result.images,
    memoryPeakBytes: usage.memoryPeakBytes,
    latencyP50Ms: result.latencyP50Ms,
    latencyP99Ms: result.latencyP99Ms,
  };
}
