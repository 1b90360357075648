/**
 * A counting job follows the task managers of its cluster, all of them processes: it grows when one
 * joins, leaves one that is asked to stop, and each record is counted once.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { JobDetail, TaskManagerInfo } from '../../shared/rest/rest-types.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { readRows } from '../support/result-rows.ts';
import { SluiceProcess, sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const TIMEOUT = { timeoutMs: 60_000 };
const LIFE_MAX_MS = 180_000;
/** It has moved twice long before they are read. */
const RECORDS = 12_000;
const RECORDS_PER_SECOND = 400;

class Cluster {
  readonly #rpcAddress: string;
  readonly #rest: string;
  readonly #context: TestContext;

  private constructor(context: TestContext, restPort: number, rpcPort: number) {
    this.#context = context;
    this.#rest = `http://127.0.0.1:${restPort}`;
    this.#rpcAddress = `127.0.0.1:${rpcPort}`;
  }

  static async start(context: TestContext, storage: string): Promise<Cluster> {
    const [restPort = 0, rpcPort = 0] = await freePorts(2);
    const cluster = new Cluster(context, restPort, rpcPort);
    const ports = ['--rest-port', `${restPort}`, '--rpc-port', `${rpcPort}`];
    const jobManager = cluster.#process(['jobmanager', ...ports, '--storage', storage]);
    await jobManager.until(/job manager ready/);
    return cluster;
  }

  async taskManager(id: string): Promise<SluiceProcess> {
    const taskManager = this.#process(
      ['taskmanager', '--id', id, '--slots', '2', '--executors', '1'].concat([
        '--job-manager',
        this.#rpcAddress,
      ]),
    );
    await taskManager.until(/task manager .* ready/);
    return taskManager;
  }

  async submit(pipeline: string): Promise<string> {
    const command = ['submit', pipeline, '--detached', '--json', '--job-manager', this.#rest];
    const { code, stdout, stderr } = await sluice(command);
    assert.equal(code, 0, stderr);
    return (JSON.parse(stdout) as { id: string }).id;
  }

  job(id: string): Promise<JobDetail> {
    return this.#get(`/v1/jobs/${id}`);
  }

  async taskManagers(): Promise<readonly TaskManagerInfo[]> {
    const answer = await this.#get<{ taskManagers: TaskManagerInfo[] }>('/v1/task-managers');
    return answer.taskManagers;
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#rest}${path}`);
    return (await response.json()) as T;
  }

  #process(args: readonly string[]): SluiceProcess {
    const started = new SluiceProcess(args, { timeoutMs: LIFE_MAX_MS });
    this.#context.after(async () => {
      started.child.kill('SIGKILL');
      await started.ended;
    });
    return started;
  }
}

function writePipeline(folder: string): string {
  const path = join(folder, 'pipeline.yaml');
  const output = join(folder, 'out');
  writeFileSync(
    path,
    `name: elastic
checkpoints: { interval: 1s }
nodes:
  numbers: { source: datagen, keys: 50, count: ${RECORDS}, rateMax: ${RECORDS_PER_SECOND} }
  all: { sink: files, from: numbers, path: "${output}/all", roll: { age: 500ms } }
  counts: { transform: count, from: numbers, keyBy: key }
  totals: { sink: files, from: counts, path: "${output}/totals" }
`,
  );
  return path;
}

/** Where all of its subtasks run, and how many vertex by vertex; null until all of them do. */
function placement(job: JobDetail): string | null {
  const subtasks = job.vertices.flatMap((vertex) => vertex.subtasks);
  if (subtasks.length === 0 || subtasks.some(({ state }) => state !== 'RUNNING')) return null;
  const places = new Set(subtasks.map(({ taskManagerId }) => taskManagerId));
  const numbers = job.vertices.map(({ parallelism }) => parallelism);
  return `${numbers.join(' and ')} on ${[...places].toSorted().join(' and ')}`;
}

test('when task managers join and leave, then a job follows them and counts every record once', async (t) => {
  const folder = temporaryFolder(t);
  const cluster = await Cluster.start(t, join(folder, 'storage'));
  const first = await cluster.taskManager('first');
  const id = await cluster.submit(writePipeline(folder));
  const reaches = (expected: string) =>
    eventually(async () => placement(await cluster.job(id)) === expected, {
      ...TIMEOUT,
      message: `it does not run ${expected}`,
    }).catch(async (error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(await cluster.job(id), null, 1)}`);
    });
  const readBy = async (taskManagerId: string) => {
    const [source] = (await cluster.job(id)).vertices;
    const there = source?.subtasks.filter((subtask) => subtask.taskManagerId === taskManagerId);
    return there?.reduce((sum, { recordsOut }) => sum + recordsOut, 0) ?? 0;
  };

  await reaches('2 and 2 on first');
  await cluster.taskManager('second');
  await reaches('4 and 4 on first and second');
  for (const taskManagerId of ['first', 'second']) {
    await eventually(async () => (await readBy(taskManagerId)) > 100, {
      ...TIMEOUT,
      message: `${taskManagerId} reads nothing`,
    });
  }

  first.child.kill('SIGTERM');
  const { code } = await first.ended;
  assert.equal(code, 0, first.stderr);
  assert.match(first.stderr, /has drained/, 'it left because nothing ran there any more');
  await reaches('2 and 2 on second');
  const moved = await cluster.job(id);
  assert.deepEqual([moved.restarts, moved.rescales, moved.exceptions], [0, 2, []]);
  assert.match(moved.lastRescale?.reason ?? '', /first drains/);
  const left = await cluster.taskManagers();
  assert.deepEqual(
    left.map((info) => [info.id, info.state]),
    [['second', 'ACTIVE']],
  );

  assert.ok(moved.progress.recordsRead < RECORDS, 'there is something left to read');
  await eventually(async () => (await cluster.job(id)).state === 'FINISHED', {
    ...TIMEOUT,
    message: 'it does not end',
  });
  assert.equal((await cluster.job(id)).restarts, 0);
  const rows = readRows<{ sequence: number }>(join(folder, 'out', 'all'));
  const distinct = new Set(rows.map(({ sequence }) => sequence));
  assert.deepEqual([rows.length, distinct.size], [RECORDS, RECORDS], 'each record, once');
  const totals = readRows<{ key: number; count: number }>(join(folder, 'out', 'totals'));
  assert.equal(new Set(totals.map(({ key }) => key)).size, totals.length, 'a key has one count');
  assert.equal(
    totals.reduce((sum, { count }) => sum + count, 0),
    RECORDS,
  );
});
