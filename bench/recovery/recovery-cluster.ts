import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { JobDetail } from '../../shared/rest/rest-types.ts';
import { runMeasured } from '../support/measured-process.ts';
import { ServerProcess } from '../support/server-process.ts';
import * as waiting from '../support/wait-for-server.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MODEL = join(ROOT, 'examples/image-classification/model/model.yaml');
const REST = 'http://127.0.0.1:18082';
const RPC_PORT = 16_124;
const SUPERVISOR_MS = 100;
const WAIT_MS = 60_000;

/** A job manager and two task managers of two slots that a supervisor starts again, and their job. */
export class RecoveryCluster {
  readonly jobManager: ServerProcess;
  readonly results: string;
  readonly #taskManagers: readonly ServerProcess[];
  #jobId = '';
  #killed = 0;

  private constructor(work: string) {
    this.results = join(work, 'out', 'results');
    const storage = pathToFileURL(join(work, 'storage')).href;
    this.jobManager = server([
      ...['jobmanager', '--storage', storage, '--rest-port', new URL(REST).port],
      ...['--rpc-port', `${RPC_PORT}`],
    ]);
    this.#taskManagers = [1, 2].map((number) =>
      server([
        ...['taskmanager', '--id', `taskmanager-${number}`, '--slots', '2', '--executors', '1'],
        ...['--job-manager', `127.0.0.1:${RPC_PORT}`],
      ]),
    );
  }

  static async start(options: {
    readonly work: string;
    readonly images: string;
    readonly rate: number;
    readonly checkpointMs: number;
  }): Promise<RecoveryCluster> {
    const cluster = new RecoveryCluster(options.work);
    await until(async () => (await slots()) === 4, 'four slots');
    const pipeline = join(options.work, 'pipeline.yaml');
    writeFileSync(pipeline, pipelineText(options, cluster.results));
    const { stdout } = await runMeasured(
      [
        join(ROOT, 'cli/main.ts'),
        ...['submit', pipeline, '--detached', '--json', '--job-manager', REST],
      ],
      { cwd: ROOT },
    );
    cluster.#jobId = (JSON.parse(stdout) as { id: string }).id;
    return cluster;
  }

  async untilRunning(): Promise<void> {
    await until(async () => {
      const job = await getJson<JobDetail>(`/v1/jobs/${this.#jobId}`);
      const isAll = job?.vertices.every((vertex) =>
        vertex.subtasks.every((subtask) => subtask.state === 'RUNNING'),
      );
      return job?.state === 'RUNNING' && isAll === true && (await slots()) === 4;
    }, 'a running job');
  }

  /** The time at which a job manager knows the job again. */
  async untilLed(afterMs: number): Promise<number> {
    await until(async () => {
      if (Date.now() - afterMs < SUPERVISOR_MS) return false;
      return (await getJson<JobDetail>(`/v1/jobs/${this.#jobId}`)) !== null;
    }, 'a leading job manager');
    return Date.now();
  }

  /** One that runs a task of the job, in turn; gives the time of the kill. */
  async killTaskManager(): Promise<number> {
    const job = await getJson<JobDetail>(`/v1/jobs/${this.#jobId}`);
    const used = new Set(
      job?.vertices.flatMap(({ subtasks }) => subtasks.map(({ taskManagerId }) => taskManagerId)),
    );
    this.#killed += 1;
    const wanted = this.#killed % 2;
    const index = used.has(`taskmanager-${wanted + 1}`) ? wanted : 1 - wanted;
    const victim = this.#taskManagers[index];
    if (victim === undefined) throw new Error('there is no task manager to kill');
    return victim.kill();
  }

  async stopJob(): Promise<void> {
    await fetch(`${REST}/v1/jobs/${this.#jobId}/stop`, { method: 'POST' });
    await until(
      async () => (await getJson<JobDetail>(`/v1/jobs/${this.#jobId}`))?.state === 'FINISHED',
      'the end of the job',
    );
  }

  async stop(): Promise<void> {
    await Promise.all([this.jobManager, ...this.#taskManagers].map((process) => process.stop()));
  }
}

function server(args: readonly string[]): ServerProcess {
  const main = join(ROOT, 'cli/main.ts');
  return new ServerProcess([main, ...args], { cwd: ROOT, restartMs: SUPERVISOR_MS });
}

function pipelineText(
  options: { readonly images: string; readonly rate: number; readonly checkpointMs: number },
  results: string,
): string {
  return `name: recovery
checkpoints: { interval: ${options.checkpointMs}ms }
restart: { strategy: fixed-delay, attempts: 1000, delay: 100ms }
parallelism: 2
nodes:
  images: { source: files, path: "${options.images}", watch: 1s }
  tensors: { transform: image-tensor, from: images }
  classes: { transform: onnx, from: tensors, model: "${MODEL}" }
  results: { sink: files, from: classes, path: "${results}" }
  pace: { sink: blackhole, from: classes, delay: ${Math.round(2000 / options.rate)}ms }
`;
}

async function slots(): Promise<number> {
  const cluster = await getJson<{ slots: { total: number } }>('/v1/cluster');
  return cluster?.slots.total ?? 0;
}

function getJson<T>(path: string): Promise<T | null> {
  return waiting.getJson<T>(`${REST}${path}`, 2_000);
}

function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  return waiting.until(condition, what, { waitMs: WAIT_MS, pollMs: 10 });
}
