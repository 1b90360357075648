/** A job manager with storage, and task managers whose tasks the test plays. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { type RunningJobManager, startJobManager } from '../../../jobmanager/main.ts';
import { CHECKPOINT_DEFAULTS } from '../../../shared/checkpoint/checkpoint-settings.ts';
import { EMPTY_SNAPSHOT, type SubtaskSnapshot } from '../../../shared/checkpoint/snapshot.ts';
import type { JobGraph } from '../../../shared/job-graph/job-graph.ts';
import type { TaskDeployment } from '../../../shared/job-graph/task-deployment.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import { RestClient } from '../../../shared/rest/rest-client.ts';
import type { JobDetail } from '../../../shared/rest/rest-types.ts';
import { encodeValue } from '../../../shared/serialization/encode-value.ts';
import { eventually } from '../../support/eventually.ts';
import { pipeline, sinkVertex, sourceVertex } from '../../support/jobmanager/job-graphs.ts';
import { FakeTaskManager } from './fake-task-manager.ts';

const SUBMISSION = {
  pipeline: 'name: test',
  fileName: 'test.yaml',
  baseDirectory: '/somewhere',
  parameters: {},
};

const TIMINGS = { alignmentMs: 0, syncMs: 0, asyncMs: 0, bytes: 0 };

let running: RunningJobManager | null = null;
const fakes: FakeTaskManager[] = [];
let storages = 0;

afterEach(async () => {
  for (const fake of fakes.splice(0)) fake.kill();
  await running?.stop();
  running = null;
});

interface Bench {
  readonly client: RestClient;
  graph: JobGraph;
  connect(id: string): FakeTaskManager;
  submit(more?: { readonly restoreFrom?: string }): Promise<string>;
  untilState(id: string, state: string): Promise<JobDetail>;
}

async function start(graph: JobGraph): Promise<Bench> {
  storages += 1;
  const bench = { graph };
  const jobManager = await startJobManager({
    host: '127.0.0.1',
    rpcPort: 0,
    restPort: 0,
    stabilisationMs: 20,
    shutdownTimeoutMs: 300,
    fileSystemOptions: {},
    logger: silentLogger,
    storage: `memory://failover-${storages}/storage`,
    compile: async () => ({ kind: 'compiled', jobGraph: bench.graph, warnings: [] }),
  });
  running = jobManager;
  const client = new RestClient(jobManager.restAddress);
  return Object.assign(bench, {
    client,
    connect(id: string) {
      const fake = new FakeTaskManager(jobManager.rpcAddress, { id });
      fakes.push(fake);
      return fake;
    },
    async submit(more = {}) {
      const outcome = await client.submitJob({ ...SUBMISSION, ...more });
      assert.ok(outcome.kind === 'submitted', JSON.stringify(outcome));
      return outcome.id;
    },
    untilState: (id: string, state: string) =>
      eventually(
        async () => {
          const job = await client.job(id);
          return job.state === state ? job : null;
        },
        { message: `the job did not become ${state}` },
      ),
  });
}

function graph(parallelism: number, sources = ['generate']): JobGraph {
  const vertices = [
    ...sources.map((id) => sourceVertex(id, { parallelism })),
    sinkVertex('drop', { parallelism }),
  ];
  const checkpoints = { ...CHECKPOINT_DEFAULTS, intervalMs: 30, minPauseMs: 30 };
  return { ...pipeline(vertices.slice(-2)), vertices, checkpoints, bounded: false };
}

/** Tasks that were deployed to these fakes, all of them running. */
class Tasks {
  readonly all: { readonly fake: FakeTaskManager; readonly deployment: TaskDeployment }[] = [];

  async deployed(fake: FakeTaskManager, count: number): Promise<void> {
    for (const deployment of await fake.deployments(count)) this.all.push({ fake, deployment });
  }

  run(): void {
    for (const { fake, deployment } of this.all) fake.state(deployment.attemptId, 'RUNNING');
  }

  finish(): void {
    for (const { fake, deployment } of this.all) fake.state(deployment.attemptId, 'FINISHED');
  }

  get sources(): Tasks['all'] {
    return this.all.filter(({ deployment }) => deployment.inputs.length === 0);
  }

  /** Takes part in the next checkpoint of that purpose; answers its id once it is complete. */
  async checkpoint(purpose = 'checkpoint', snapshot = EMPTY_SNAPSHOT): Promise<number> {
    for (;;) {
      let checkpointId = 0;
      let taken = '';
      for (const { fake } of this.sources) {
        const { barrier } = await fake.next('trigger-checkpoint');
        checkpointId = barrier.checkpointId;
        taken = barrier.purpose;
      }
      for (const { fake, deployment } of this.all) {
        const { attemptId } = deployment;
        const kind = 'acknowledge-checkpoint';
        fake.send({ kind, attemptId, checkpointId, snapshot, timings: TIMINGS });
      }
      for (const { fake } of this.all) await fake.next('checkpoint-complete');
      if (taken === purpose) return checkpointId;
    }
  }

  /** The first number of each split that this source gets for a request of `count`. */
  async request(source: Tasks['all'][number], count: number): Promise<number[]> {
    const { attemptId } = source.deployment;
    source.fake.send({ kind: 'split-request', attemptId, count });
    const { splits } = await source.fake.next('assign-splits');
    return splits.map((split) => (split as { from: number }).from / 250_000);
  }
}

test('when a task manager dies, then its tasks start on a spare one from the checkpoint, within 2 s', async () => {
  const { client, connect, submit, untilState } = await start(graph(2));
  const [left, right] = [connect('tm-a'), connect('tm-b')];
  await Promise.all([left.next('registered'), right.next('registered')]);
  const id = await submit();
  const tasks = new Tasks();
  await tasks.deployed(left, 2);
  await tasks.deployed(right, 2);
  const spare = connect('tm-c');
  await spare.next('registered');
  assert.ok(tasks.all.every(({ deployment }) => deployment.restore === null));
  assert.match(tasks.all[0]?.deployment.checkpoints?.directory ?? '', /jobs\/.*\/checkpoints$/);
  tasks.run();
  const [onLeft, onRight] = tasks.sources;
  assert.ok(onLeft !== undefined && onRight !== undefined);
  assert.deepEqual(await tasks.request(onLeft, 1), [0]);
  assert.deepEqual(await tasks.request(onRight, 1), [1]);
  // Another one may be under way with the splits' requests.
  await tasks.checkpoint();
  const checkpointId = await tasks.checkpoint();
  assert.deepEqual(await tasks.request(onLeft, 1), [2]);
  assert.deepEqual(await tasks.request(onRight, 2), [3, 4]);

  const killedAtMs = performance.now();
  right.kill();
  for (const { deployment } of tasks.all.slice(0, 2)) {
    await left.next('cancel-task');
    left.state(deployment.attemptId, 'CANCELED');
  }
  const again = new Tasks();
  await again.deployed(left, 2);
  await again.deployed(spare, 2);
  const tookMs = performance.now() - killedAtMs;
  assert.ok(tookMs < 2_000, `${Math.round(tookMs)} ms`);
  for (const { deployment } of again.all) {
    assert.equal(deployment.attempt, 1);
    assert.equal(deployment.restore?.checkpointId, checkpointId);
  }
  again.run();
  const [first, second] = again.sources;
  assert.ok(first !== undefined && second !== undefined);
  // What had been assigned since the checkpoint, by whichever reader asks first.
  const splits = [...(await again.request(first, 3)), ...(await again.request(second, 1))];
  assert.deepEqual(splits.toSorted(), [2, 3, 4, 5]);
  assert.ok((await again.checkpoint()) > checkpointId);

  const detail = await untilState(id, 'RUNNING');
  assert.equal(detail.restarts, 1);
  assert.deepEqual(
    detail.exceptions.map(({ outcome, error }) => [outcome, error.code]),
    [['restarted', 'TASK_MANAGER_LOST']],
  );
  assert.ok((detail.checkpoints?.counts.completed ?? 0) >= 3);
  assert.equal((await client.checkpoints(id)).latest?.status, 'COMPLETED');
});

/** `generate` with the state of a reader. */
const WITH_STATE: SubtaskSnapshot = {
  operators: {
    generate: {
      lists: {
        splits: {
          mode: 'split',
          handle: { kind: 'inline', base64: Buffer.from(encodeValue([1])).toString('base64') },
          entries: 1,
        },
      },
      keyed: {},
    },
  },
  channels: [],
};

test('when a job stops with a savepoint, then another one starts from it, but not one without its state', async () => {
  const bench = await start(graph(1));
  const only = bench.connect('tm-a');
  await only.next('registered');
  const id = await bench.submit();
  const tasks = new Tasks();
  await tasks.deployed(only, 2);
  tasks.run();
  await tasks.checkpoint();
  const [source] = tasks.sources;
  assert.ok(source !== undefined);
  assert.deepEqual(await tasks.request(source, 2), [0, 1]);

  const stopping = bench.client.stopWithSavepoint(id);
  await tasks.checkpoint('suspend', WITH_STATE);
  tasks.finish();
  const { path } = await stopping;
  assert.match(path, /savepoints\/savepoint-/);
  await bench.untilState(id, 'FINISHED');

  await bench.submit({ restoreFrom: path });
  const restored = new Tasks();
  await restored.deployed(only, 2);
  const lists = restored.all[0]?.deployment.restore?.operators['generate']?.lists;
  assert.deepEqual(Object.keys(lists ?? {}), ['splits']);
  restored.run();
  const [again] = restored.sources;
  assert.ok(again !== undefined);
  assert.deepEqual(await restored.request(again, 1), [2]);

  bench.graph = graph(1, ['other']);
  await assert.rejects(bench.submit({ restoreFrom: path }), /generate/);
});

test('when a task is lost between the savepoint and the end, then the job stops with another one', async () => {
  const bench = await start(graph(1));
  const only = bench.connect('tm-a');
  await only.next('registered');
  const id = await bench.submit();
  const tasks = new Tasks();
  await tasks.deployed(only, 2);
  tasks.run();
  await tasks.checkpoint();
  const stopping = bench.client.stopWithSavepoint(id);
  const first = await tasks.checkpoint('suspend');
  const [source, sink] = tasks.all;
  assert.ok(source !== undefined && sink !== undefined);
  only.state(source.deployment.attemptId, 'FINISHED');
  only.state(sink.deployment.attemptId, 'FAILED');
  const again = new Tasks();
  await again.deployed(only, 2);
  again.run();
  const second = await again.checkpoint('suspend');
  assert.ok(second > first);
  again.finish();
  assert.match((await stopping).path, new RegExp(`-${second}$`));
  await bench.untilState(id, 'FINISHED');
});
