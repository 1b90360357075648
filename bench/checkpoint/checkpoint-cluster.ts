import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type {
  ClusterOverview,
  JobCheckpointsDetail,
  JobDetail,
} from '../../shared/rest/rest-types.ts';
import { runMeasured } from '../support/measured-process.ts';
import { ServerProcess } from '../support/server-process.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'cli/main.ts');
const REST = 'http://127.0.0.1:18083';
const RPC_PORT = 16_125;
const START_MS = 30_000;

export interface RunFigures {
  /** Images a second. */
  readonly rate: number;
  readonly durationsMs: readonly number[];
}

/** A job manager with storage and two task managers of one slot. */
export class CheckpointCluster {
  readonly #processes: readonly ServerProcess[];

  private constructor(storage: string) {
    const start = (args: readonly string[]): ServerProcess =>
      new ServerProcess([MAIN, ...args], { cwd: ROOT, restartMs: 100 });
    const ports = ['--rest-port', new URL(REST).port, '--rpc-port', `${RPC_PORT}`];
    this.#processes = [
      start(['jobmanager', '--storage', storage, ...ports]),
      ...[1, 2].map((number) =>
        start([
          ...['taskmanager', '--id', `taskmanager-${number}`, '--slots', '1', '--executors', '1'],
          ...['--job-manager', `127.0.0.1:${RPC_PORT}`],
        ]),
      ),
    ];
  }

  static async start(storage: string): Promise<CheckpointCluster> {
    const cluster = new CheckpointCluster(storage);
    const deadlineMs = Date.now() + START_MS;
    for (;;) {
      const overview = await getJson<ClusterOverview>('/v1/cluster').catch(() => null);
      if (overview?.slots.total === 2) return cluster;
      if (Date.now() > deadlineMs) throw new Error('the cluster did not start');
      await delay(50);
    }
  }

  /** Submits and waits for the end. */
  async run(pipeline: string): Promise<RunFigures> {
    const job = await sluice<JobDetail>(['submit', pipeline, '--no-progress']);
    if (job.state !== 'FINISHED') throw new Error(`the job is ${job.state}`);
    return {
      rate: job.progress.recordsPerSecond,
      durationsMs: await this.durations(job.id),
    };
  }

  async submit(pipeline: string): Promise<string> {
    return (await sluice<{ id: string }>(['submit', pipeline, '--detached'])).id;
  }

  /** Of the completed ones of the job, the final one left out. */
  async durations(id: string): Promise<number[]> {
    const { history } = await getJson<JobCheckpointsDetail>(`/v1/jobs/${id}/checkpoints`);
    return history
      .filter(({ status, purpose }) => status === 'COMPLETED' && purpose === 'checkpoint')
      .map(({ durationMs }) => durationMs);
  }

  async cancel(id: string): Promise<void> {
    await sluice(['cancel', id]);
    for (;;) {
      const { state } = await getJson<JobDetail>(`/v1/jobs/${id}`);
      if (state === 'CANCELED' || state === 'FAILED') return;
      await delay(50);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
  }
}

async function sluice<T>(args: readonly string[]): Promise<T> {
  const command = [MAIN, ...args, '--json', '--job-manager', REST];
  return JSON.parse((await runMeasured(command, { cwd: ROOT })).stdout) as T;
}

async function getJson<T>(path: string): Promise<T> {
  const response = await fetch(`${REST}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return (await response.json()) as T;
}
