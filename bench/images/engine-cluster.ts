import { join } from 'node:path';
import type { JobDetail, TaskManagerInfo } from '../../shared/rest/rest-types.ts';
import { runMeasured, usageOf } from '../support/measured-process.ts';
import { jobFigures, PIPELINE, pipelineArguments, ROOT } from './engine-embedded.ts';
import type { BenchModel } from './models.ts';
import type { ImagesRun } from './report.ts';

const REST_PORT = 18_081;
const RPC_PORT = 16_123;

interface ClusterStatus {
  readonly state: { readonly members: readonly { readonly processId: number }[] };
  readonly taskManagers: readonly TaskManagerInfo[];
}

/** A cluster of processes on this machine, started as users start it. */
export class EngineCluster {
  readonly #directory: string;
  readonly #processIds: readonly number[];

  private constructor(directory: string, processIds: readonly number[]) {
    this.#directory = directory;
    this.#processIds = processIds;
  }

  static async up(work: string, taskManagers: number): Promise<EngineCluster> {
    const directory = join(work, 'cluster');
    const where = ['--directory', directory];
    const ports = ['--rest-port', `${REST_PORT}`, '--rpc-port', `${RPC_PORT}`];
    await sluice(['cluster', 'up', '-n', `${taskManagers}`, ...ports, ...where]);
    const status = JSON.parse(await sluice(['cluster', 'status', '--json', ...where]));
    const { members } = (status as ClusterStatus).state;
    return new EngineCluster(
      directory,
      members.map((member) => member.processId),
    );
  }

  async run(model: BenchModel, folder: string, work: string): Promise<ImagesRun> {
    const cpuBefore = this.#cpuSeconds();
    const stdout = await sluice([
      ...['submit', PIPELINE, ...pipelineArguments(model, folder, work)],
      ...['--json', '--no-progress', '--job-manager', `http://127.0.0.1:${REST_PORT}`],
    ]);
    const job = JSON.parse(stdout) as JobDetail;
    const images = job.progress.recordsWritten['results'] ?? 0;
    const peaks = this.#processIds.map((id) => usageOf(id)?.memoryPeakBytes ?? 0);
    return {
      name: `sluice cluster, ${this.#processIds.length - 1} task managers`,
      ...jobFigures(job),
      cpuSecondsPerImage: (this.#cpuSeconds() - cpuBefore) / images,
      memoryPeakBytes: peaks.reduce((total, peak) => total + peak, 0),
    };
  }

  async down(): Promise<void> {
    await sluice(['cluster', 'down', '--directory', this.#directory]);
  }

  #cpuSeconds(): number {
    return this.#processIds.reduce((total, id) => total + (usageOf(id)?.cpuSeconds ?? 0), 0);
  }
}

async function sluice(args: readonly string[]): Promise<string> {
  return (await runMeasured(['cli/main.ts', ...args], { cwd: ROOT })).stdout;
}
