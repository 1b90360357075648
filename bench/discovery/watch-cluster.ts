import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type {
  CheckpointInfo,
  JobCheckpointsDetail,
  JobDetail,
} from '../../shared/rest/rest-types.ts';
import { runMeasured } from '../support/measured-process.ts';
import { ServerProcess } from '../support/server-process.ts';
import * as waiting from '../support/wait-for-server.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'cli/main.ts');
const MODEL = join(ROOT, 'examples/image-classification/model/model.yaml');
const REST = 'http://127.0.0.1:18084';
const RPC_PORT = 16_126;
/** As a supervisor would. */
const RESTART_MS = 100;
const WAIT_MS = 120_000;

/** A job manager with storage and a task manager, both started again when they die, and their job. */
export class WatchCluster {
  readonly jobManager: ServerProcess;
  readonly taskManager: ServerProcess;
  readonly storage: string;
  readonly #results: string;
  readonly #pipeline: string;

  constructor(options: {
    readonly work: string;
    readonly source: string;
    readonly watch: string;
  }) {
    const { work } = options;
    this.storage = pathToFileURL(join(work, 'storage')).href;
    this.#results = join(work, 'results');
    this.#pipeline = join(work, 'pipeline.yaml');
    writeFileSync(this.#pipeline, pipelineText(options, this.#results));
    const start = (args: readonly string[]): ServerProcess =>
      new ServerProcess([MAIN, ...args], { cwd: ROOT, restartMs: RESTART_MS });
    this.jobManager = start([
      ...['jobmanager', '--storage', this.storage, '--rest-port', new URL(REST).port],
      ...['--rpc-port', `${RPC_PORT}`],
    ]);
    this.taskManager = start([
      ...['taskmanager', '--id', 'taskmanager-1', '--slots', '1', '--executors', '1'],
      ...['--job-manager', `127.0.0.1:${RPC_PORT}`],
    ]);
  }

  async submit(from: string | null): Promise<string> {
    await until(async () => (await getJson('/v1/cluster')) !== null, 'job manager');
    const restored = from === null ? [] : ['--from', from];
    const answer = await sluice(['submit', this.#pipeline, '--detached', ...restored]);
    return (JSON.parse(answer) as { id: string }).id;
  }

  async untilRunning(id: string): Promise<void> {
    await until(async () => {
      const job = await getJson<JobDetail>(`/v1/jobs/${id}`);
      const subtasks = job?.vertices.flatMap((vertex) => vertex.subtasks) ?? [];
      return job?.state === 'RUNNING' && subtasks.every(({ state }) => state === 'RUNNING');
    }, 'running job');
  }

  async savepoint(id: string): Promise<string> {
    return (JSON.parse(await sluice(['savepoint', id])) as { path: string }).path;
  }

  async cancel(id: string): Promise<void> {
    await sluice(['cancel', id]);
    await until(
      async () => (await getJson<JobDetail>(`/v1/jobs/${id}`))?.state === 'CANCELED',
      'end of the job',
    );
  }

  /** The completed ones, oldest first. */
  async checkpoints(id: string): Promise<CheckpointInfo[]> {
    const detail = await getJson<JobCheckpointsDetail>(`/v1/jobs/${id}/checkpoints`);
    const history = detail?.history ?? [];
    return history.filter(({ status }) => status === 'COMPLETED').toReversed();
  }

  async untilCheckpoints(id: string, count: number): Promise<CheckpointInfo[]> {
    await until(async () => (await this.checkpoints(id)).length >= count, 'checkpoints');
    return this.checkpoints(id);
  }

  /** Resolves with the time at which a visible row names the URI. */
  async untilRow(uri: string): Promise<number> {
    await until(async () => this.rows().some((line) => line.includes(uri)), `row of ${uri}`);
    return Date.now();
  }

  rows(): string[] {
    if (!existsSync(this.#results)) return [];
    const files = readdirSync(this.#results).filter((name) => name.endsWith('.jsonl'));
    return files
      .flatMap((name) => readFileSync(join(this.#results, name), 'utf8').split('\n'))
      .filter((line) => line !== '');
  }

  async stop(): Promise<void> {
    await Promise.all([this.jobManager.stop(), this.taskManager.stop()]);
  }
}

function pipelineText(
  { source, watch }: { readonly source: string; readonly watch: string },
  results: string,
): string {
  return `name: discovery
checkpoints: { interval: 1s }
parallelism: 1
nodes:
  images: { source: files, path: "${source}", watch: ${watch} }
  tensors: { transform: image-tensor, from: images }
  classes: { transform: onnx, from: tensors, model: "${MODEL}" }
  results: { sink: files, from: classes, path: "${results}" }
`;
}

async function sluice(args: readonly string[]): Promise<string> {
  return (await runMeasured([MAIN, ...args, '--json', '--job-manager', REST], { cwd: ROOT }))
    .stdout;
}

function getJson<T>(path: string): Promise<T | null> {
  return waiting.getJson<T>(`${REST}${path}`, 5_000);
}

function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  return waiting.until(condition, what, { waitMs: WAIT_MS, pollMs: 50 });
}
