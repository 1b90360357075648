/** What stays in the storage of jobs that have ended, with a job manager and a task manager here. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startJobManager } from '../../jobmanager/main.ts';
import { silentLogger } from '../../shared/observability/logger.ts';
import { RestClient } from '../../shared/rest/rest-client.ts';
import { startTaskManager } from '../../taskmanager/main.ts';
import { eventually } from '../support/eventually.ts';
import { readRows } from '../support/result-rows.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ENDED_JOBS_MAX = 2;
const RECORDS = 4_000;
const BAD_RECORD = 2_000;

class World {
  readonly folder: string;
  client: RestClient;
  #stop: () => Promise<void> = async () => {};

  private constructor(folder: string) {
    this.folder = folder;
    this.client = new RestClient('http://127.0.0.1:1');
  }

  static async start(t: TestContext): Promise<World> {
    const world = new World(temporaryFolder(t));
    await world.begin();
    t.after(() => world.#stop());
    return world;
  }

  async begin(): Promise<void> {
    const common = { host: '127.0.0.1', fileSystemOptions: {}, logger: silentLogger };
    const jobManager = await startJobManager({
      ...{ ...common, rpcPort: 0, restPort: 0, stabilisationMs: 20 },
      storage: `file://${this.folder}/storage`,
      endedJobsMax: ENDED_JOBS_MAX,
    });
    const taskManager = await startTaskManager({
      ...{ ...common, jobManagerAddress: jobManager.rpcAddress, dataPort: 0, metricsPort: 0 },
      ...{ slots: 1, executors: 1, device: 'cpu', gpuExecutionProvider: 'cuda' },
    });
    this.client = new RestClient(jobManager.restAddress);
    this.#stop = async () => {
      await jobManager.stop();
      await taskManager.stop();
    };
  }

  async startAgain(): Promise<void> {
    await this.#stop();
    await this.begin();
  }

  /** Fails at the bad record, unless it is mended. */
  async submit(mended: boolean, restoreFrom?: string): Promise<string> {
    const where = mended ? 'sequence >= 0' : `sequence == ${BAD_RECORD} ? int('x') == 1 : true`;
    const outcome = await this.client.submitJob({
      pipeline: `name: ended
onError: fail
checkpoints: { interval: 100ms }
nodes:
  numbers: { source: datagen, count: ${RECORDS}, keys: 10, rateMax: 4000 }
  good: { transform: filter, from: numbers, where: "${where}" }
  rows: { sink: files, from: good, path: "${this.folder}/rows" }
`,
      ...{ fileName: 'ended.yaml', baseDirectory: this.folder, parameters: {} },
      ...(restoreFrom === undefined ? {} : { restoreFrom }),
    });
    assert.ok(outcome.kind === 'submitted', JSON.stringify(outcome));
    return outcome.id;
  }

  async until(id: string, state: string): Promise<void> {
    await eventually(async () => (await this.client.job(id)).state === state, {
      timeoutMs: 20_000,
      message: `it is not ${state}`,
    });
  }

  async checkpointOf(id: string): Promise<string> {
    return eventually(async () => (await this.client.checkpoints(id)).latest?.path ?? null, {
      timeoutMs: 10_000,
      message: 'no checkpoint',
    });
  }

  /** Of the job, in the storage. */
  files(id: string): string[] {
    const folder = join(this.folder, 'storage', 'jobs', id);
    return existsSync(folder) ? readdirSync(folder).toSorted() : [];
  }

  async untilFiles(id: string, files: readonly string[]): Promise<void> {
    await eventually(() => `${this.files(id)}` === `${files}`, { message: `not only ${files}` });
  }
}

test('jobs that have ended', async (t) => {
  const world = await World.start(t);
  const { client } = world;
  let failed = '';
  let finished = '';

  await t.test(
    'when a job is cancelled, then its checkpoints go, its savepoints stay',
    async () => {
      const id = await world.submit(true);
      await world.checkpointOf(id);
      const { path } = await client.savepoint(id, {});
      await client.cancelJob(id);
      await world.until(id, 'CANCELED');
      await world.untilFiles(id, ['job']);
      assert.ok(existsSync(join(fileURLToPath(path), '_metadata')));
    },
  );

  await t.test('when a job fails, then the mended one starts from its checkpoint', async () => {
    failed = await world.submit(false);
    await world.until(failed, 'FAILED');
    const from = await world.checkpointOf(failed);
    assert.ok(existsSync(join(fileURLToPath(from), '_metadata')));
    assert.ok(!readRows<{ sequence: number }>(join(world.folder, 'rows')).some(isBad));
    finished = await world.submit(true, from);
    await world.until(finished, 'FINISHED');
    await world.untilFiles(finished, ['job']);
    assert.deepEqual(world.files(failed), ['checkpoints', 'job']);
  });

  await t.test('when more have ended than are listed, then the oldest is forgotten', async () => {
    const jobs = await client.jobs();
    assert.deepEqual(
      jobs.map(({ id, state }) => [id, state]),
      [
        [finished, 'FINISHED'],
        [failed, 'FAILED'],
      ],
    );
    const folders = () => readdirSync(join(world.folder, 'storage', 'jobs')).toSorted();
    const expected = [failed, finished].toSorted();
    await eventually(() => `${folders()}` === `${expected}`, { message: 'records are left' });
  });

  await t.test('when a job manager starts, then it removes what its predecessor left', async () => {
    const left = join(world.folder, 'storage', 'jobs', finished, 'checkpoints', 'chk-7');
    mkdirSync(left, { recursive: true });
    for (const name of ['_metadata', 'tm-1']) writeFileSync(join(left, name), '{}');
    await world.startAgain();
    await world.untilFiles(finished, ['job']);
  });

  await t.test('when it lists a job that failed, then it tells the checkpoint', async () => {
    assert.equal((await world.client.jobs()).length, ENDED_JOBS_MAX);
    assert.deepEqual(world.files(failed), ['checkpoints', 'job']);
    const { latest } = await world.client.checkpoints(failed);
    assert.match(latest?.path ?? '', /\/chk-\d+$/);
    assert.equal((await world.client.checkpoints(finished)).latest, null);
  });
});

function isBad({ sequence }: { readonly sequence: number }): boolean {
  return sequence === BAD_RECORD;
}
