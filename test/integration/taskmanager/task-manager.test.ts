/** A whole task manager, real threads and sockets, under a job manager that does as it is told. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { SluiceError, serializeError } from '../../../shared/errors/sluice-error.ts';
import type { OperatorNode } from '../../../shared/job-graph/job-graph.ts';
import type { TaskDeployment } from '../../../shared/job-graph/task-deployment.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import { type RunningTaskManager, startTaskManager } from '../../../taskmanager/main.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeJobManager, type FakeJobManagerOptions } from '../../support/fake-job-manager.ts';
import { deployments, type TestEdge, type TestVertex } from '../../support/task-deployments.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SPLIT_RECORDS = 100_000;
const KEYS = 1_000;

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** Hands out the numbers up to `count`, as the enumerator of `source: datagen` does. */
function datagenSplits(count: number): (attemptId: string, wanted: number) => unknown[] {
  let next = 0;
  return (_attemptId, wanted) => {
    const splits: { from: number; to: number }[] = [];
    while (splits.length < wanted && next < count) {
      const to = Math.min(count, next + SPLIT_RECORDS);
      splits.push({ from: next, to });
      next = to;
    }
    return splits;
  };
}

async function startCluster(options: FakeJobManagerOptions & { slots?: number } = {}) {
  const jobManager = await FakeJobManager.start(options);
  cleanUps.push(() => jobManager.stop());
  const taskManager = await startTaskManager({
    jobManagerAddress: jobManager.address,
    id: 'tm',
    slots: options.slots ?? 2,
    executors: 1,
    logger: silentLogger,
    metricsIntervalMs: 50,
    jobManagerLostTimeoutMs: 200,
  });
  cleanUps.push(() => taskManager.stop());
  await eventually(() => jobManager.all('register').length === 1);
  return { jobManager, taskManager };
}

function deploy(jobManager: FakeJobManager, tasks: readonly TaskDeployment[]): void {
  for (const deployment of tasks) jobManager.send('tm', { kind: 'deploy-task', deployment });
}

const node = (id: string, kind: OperatorNode['kind'], options: object, chainedTo: string | null) =>
  ({ id, kind, options, chainedTo }) as OperatorNode;

const counting = (count?: number): { vertices: TestVertex[]; edges: TestEdge[] } => ({
  vertices: [
    {
      id: 'numbers',
      operators: [node('numbers', 'source/datagen', { keys: KEYS, count }, null)],
      parallelism: 2,
    },
    {
      id: 'counts',
      operators: [
        node('counts', 'transform/count', { keyBy: ['key'] }, null),
        node('end', 'sink/blackhole', { delay: 0 }, 'counts'),
      ],
      parallelism: 2,
    },
  ],
  edges: [{ source: 'numbers', target: 'counts', partitioner: { kind: 'hash', keyBy: ['key'] } }],
});

function addressOf(taskManager: RunningTaskManager) {
  const [host = '', port] = taskManager.dataAddress.split(':');
  return { taskManagerId: taskManager.id, host, port: Number(port) };
}

/** Final totals of an operator, summed over its subtasks. */
function totals(jobManager: FakeJobManager, operatorId: string) {
  const reports = jobManager
    .all('task-state')
    .filter(({ state }) => state === 'FINISHED')
    .flatMap(({ metrics }) => metrics?.operators ?? [])
    .filter((operator) => operator.operatorId === operatorId);
  return {
    recordsIn: reports.reduce((sum, { recordsIn }) => sum + recordsIn, 0),
    recordsOut: reports.reduce((sum, { recordsOut }) => sum + recordsOut, 0),
  };
}

describe('a task manager', () => {
  it('when a job shuffles over two slots, then every record is counted once', async () => {
    const count = 400_000;
    const { jobManager, taskManager } = await startCluster({ splits: datagenSplits(count) });
    const { vertices, edges } = counting(count);
    const tasks = deployments('shuffle', vertices, edges, addressOf(taskManager));
    deploy(jobManager, tasks);
    await eventually(
      () => tasks.every(({ attemptId }) => jobManager.states(attemptId).at(-1) === 'FINISHED'),
      { timeoutMs: 30_000, message: 'all tasks finish' },
    );
    for (const { attemptId } of tasks) {
      assert.deepEqual(jobManager.states(attemptId), ['INITIALIZING', 'RUNNING', 'FINISHED']);
    }
    assert.equal(totals(jobManager, 'numbers').recordsOut, count);
    assert.deepEqual(totals(jobManager, 'counts'), { recordsIn: count, recordsOut: KEYS });
    assert.deepEqual(totals(jobManager, 'end'), { recordsIn: KEYS, recordsOut: KEYS });
  });

  it('when a job is one chain, then it runs in one slot, and its files are there', async (context) => {
    const folder = temporaryFolder(context);
    const { jobManager, taskManager } = await startCluster({ splits: datagenSplits(1_000) });
    const roll = { size: 1_000_000, age: 60_000 };
    const options = { path: `file://${folder}`, format: 'jsonl', roll };
    const chain: TestVertex = {
      id: 'numbers',
      operators: [
        node('numbers', 'source/datagen', { keys: KEYS, count: 1_000 }, null),
        node('some', 'transform/filter', { where: 'sequence < 10' }, 'numbers'),
        node('rows', 'sink/files', options, 'some'),
      ],
      parallelism: 1,
    };
    deploy(jobManager, deployments('chain', [chain], [], addressOf(taskManager)));
    await eventually(() => jobManager.states('chain/numbers/0/0').at(-1) === 'FINISHED');
    const rows = readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'));
    const sequences = rows.map((row) => JSON.parse(row).sequence);
    assert.deepEqual(sequences, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('when tasks run, then heartbeats and the metrics page tell of them', async () => {
    const { jobManager, taskManager } = await startCluster({
      splits: datagenSplits(Number.POSITIVE_INFINITY),
    });
    const { vertices, edges } = counting();
    deploy(jobManager, deployments('endless', vertices, edges, addressOf(taskManager)));
    await eventually(() =>
      jobManager
        .all('heartbeat')
        .some(({ subtasks }) => subtasks.filter(({ recordsIn }) => recordsIn > 0).length === 4),
    );
    const page = await (await fetch(`http://${taskManager.metricsAddress}/metrics`)).text();
    assert.match(page, /sluice_task_operator_records_in_total\{[^}]*operator="counts"[^}]*\} \d+/);
    assert.match(page, /sluice_task_time_seconds_total\{[^}]*state="busy"/);
    const heartbeat = jobManager.all('heartbeat').at(-1);
    assert.ok((heartbeat?.process.rssBytes ?? 0) > 1e6);
  });

  it('when endless tasks are cancelled, then each of them says so', async () => {
    const { jobManager, taskManager } = await startCluster({
      splits: datagenSplits(Number.POSITIVE_INFINITY),
    });
    const { vertices, edges } = counting();
    const tasks = deployments('endless', vertices, edges, addressOf(taskManager));
    deploy(jobManager, tasks);
    await eventually(() =>
      tasks.every(({ attemptId }) => jobManager.states(attemptId).at(-1) === 'RUNNING'),
    );
    for (const { attemptId } of tasks) jobManager.send('tm', { kind: 'cancel-task', attemptId });
    const ends = await eventually(() => {
      const updates = jobManager.all('task-state').filter(({ metrics }) => metrics !== null);
      return updates.length === tasks.length ? updates : null;
    });
    // Whose producer was faster may have lost it before its own cancellation came.
    for (const { state, error } of ends) {
      assert.ok(state === 'CANCELED' || error?.code === 'CANCELLED', `${state} ${error?.message}`);
    }
  });

  it('when an operator fails, then the cause is told before the complaints of its peers', async () => {
    const { jobManager, taskManager } = await startCluster({
      splits: datagenSplits(Number.POSITIVE_INFINITY),
    });
    const { vertices, edges } = counting();
    const unreadable = {
      id: 'counts',
      parallelism: 2,
      operators: [
        node(
          'counts',
          'sink/files',
          {
            path: 'nowhere://bucket/x',
            format: 'jsonl',
            roll: { size: 1_000, age: 100 },
          },
          null,
        ),
      ],
    };
    const failing = [vertices[0] as TestVertex, unreadable];
    deploy(jobManager, deployments('failing', failing, edges, addressOf(taskManager)));
    const failed = await eventually(() =>
      jobManager.all('task-state').find(({ state }) => state === 'FAILED'),
    );
    assert.match(failed.attemptId, /^failing\/counts\//);
    assert.match(failed.error?.message ?? '', /nowhere/);
  });

  it('when a bug ends a slot, then its tasks have failed with it, and the slot is there again', async () => {
    const { jobManager, taskManager } = await startCluster({ splits: datagenSplits(1_000) });
    const { vertices, edges } = counting(1_000);
    const source = node('numbers', 'source/datagen', { keys: KEYS }, null);
    // No compiler makes this: a source behind another operator.
    const impossible = {
      id: 'numbers',
      operators: [node('all', 'transform/filter', { where: 'true' }, null), source],
      parallelism: 1,
    };
    deploy(jobManager, deployments('bug', [impossible], [], addressOf(taskManager)));
    const failed = await eventually(() =>
      jobManager.all('task-state').find(({ state }) => state === 'FAILED'),
    );
    assert.match(failed.error?.message ?? '', /thread of slot 0 ended: a source is the head/);
    const tasks = deployments('next', vertices, edges, addressOf(taskManager));
    deploy(jobManager, tasks);
    await eventually(() =>
      tasks.every(({ attemptId }) => jobManager.states(attemptId).at(-1) === 'FINISHED'),
    );
    assert.equal(totals(jobManager, 'counts').recordsIn, 1_000);
  });

  it('when the job manager is gone for too long, then the tasks are cancelled', async () => {
    const { jobManager, taskManager } = await startCluster({
      splits: datagenSplits(Number.POSITIVE_INFINITY),
    });
    const { vertices, edges } = counting();
    deploy(jobManager, deployments('orphan', vertices, edges, addressOf(taskManager)));
    await eventually(() => jobManager.all('heartbeat').at(-1)?.subtasks.length === 4);
    const port = Number(jobManager.address.split(':')[1]);
    jobManager.stop();
    await eventually(async () => {
      const page = await (await fetch(`http://${taskManager.metricsAddress}/metrics`)).text();
      return !page.includes('sluice_task_time_seconds_total{');
    });
    const next = await FakeJobManager.start({ port });
    cleanUps.push(() => next.stop());
    await eventually(() => next.all('register').length === 1);
    assert.deepEqual(next.all('register')[0]?.registration.runningAttemptIds, []);
  });

  it('when it is stopped with tasks running, then it says goodbye and ends in time', async () => {
    const { jobManager, taskManager } = await startCluster({
      splits: datagenSplits(Number.POSITIVE_INFINITY),
    });
    const { vertices, edges } = counting();
    deploy(jobManager, deployments('endless', vertices, edges, addressOf(taskManager)));
    await eventually(() => jobManager.states('endless/counts/1/0').at(-1) === 'RUNNING');
    const startedAtMs = performance.now();
    await taskManager.stop();
    assert.ok(performance.now() - startedAtMs < 5_000);
    assert.equal(jobManager.all('leaving').length, 1);
    await assert.rejects(fetch(`http://${taskManager.metricsAddress}/metrics`));
  });

  it('when it is refused, then that is told to whoever started it', async () => {
    const error = new SluiceError('ARGUMENT_INVALID', 'another version', { domain: 'user' });
    const { taskManager } = await startCluster({
      answer: () => ({ kind: 'refused', error: serializeError(error) }),
    });
    assert.equal((await taskManager.refused).message, 'another version');
  });

  it('when the host is reachable from outside, then it takes an explicit --insecure', async () => {
    await assert.rejects(
      startTaskManager({ host: '0.0.0.0', logger: silentLogger }),
      (error: SluiceError) =>
        error.code === 'ARGUMENT_INVALID' && /--insecure/.test(error.hint ?? ''),
    );
  });

  it('when the metrics port is taken, then it says so and leaves nothing behind', async () => {
    const { taskManager } = await startCluster();
    const metricsPort = Number(taskManager.metricsAddress.split(':')[1]);
    await assert.rejects(
      startTaskManager({ metricsPort, logger: silentLogger }),
      (error: SluiceError) =>
        error.code === 'PORT_IN_USE' && error.message.includes(`${metricsPort}`),
    );
  });
});
