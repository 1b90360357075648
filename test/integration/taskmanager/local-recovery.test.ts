/** A whole task manager whose storage is gone when its tasks start again; the test coordinates. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it, type TestContext } from 'node:test';
import type { SubtaskSnapshot, TaskRestore } from '../../../shared/checkpoint/snapshot.ts';
import type { OperatorNode } from '../../../shared/job-graph/job-graph.ts';
import type { TaskDeployment } from '../../../shared/job-graph/task-deployment.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import { startTaskManager } from '../../../taskmanager/main.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeJobManager } from '../../support/fake-job-manager.ts';
import { deployments, type TestVertex } from '../../support/task-deployments.ts';
import { barrier, taskRestore } from '../../support/task-harness.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const KEYS = 20_000;

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const node = (id: string, kind: OperatorNode['kind'], options: object) =>
  ({ id, kind, options, chainedTo: null }) as OperatorNode;

const VERTICES: readonly TestVertex[] = [
  {
    id: 'numbers',
    operators: [node('numbers', 'source/datagen', { keys: KEYS, count: KEYS })],
    parallelism: 1,
  },
  {
    id: 'counts',
    operators: [node('counts', 'transform/count', { keyBy: ['key'] })],
    parallelism: 1,
  },
];
const EDGES = [
  { source: 'numbers', target: 'counts', partitioner: { kind: 'hash', keyBy: ['key'] } },
] as const;

/** A task manager that counts, and the folders of its storage and of its copies. */
class Stage {
  readonly jobManager: FakeJobManager;
  readonly storage: string;
  readonly local: string;

  private constructor(jobManager: FakeJobManager, folder: string) {
    this.jobManager = jobManager;
    this.storage = join(folder, 'checkpoints');
    this.local = join(folder, 'local');
  }

  static async start(context: TestContext, localStateBytesMax: number): Promise<Stage> {
    let given = false;
    const jobManager = await FakeJobManager.start({
      splits: () => {
        const splits = given ? [] : [{ from: 0, to: KEYS }];
        given = true;
        return splits;
      },
    });
    cleanUps.push(() => jobManager.stop());
    const stage = new Stage(jobManager, temporaryFolder(context));
    const taskManager = await startTaskManager({
      jobManagerAddress: jobManager.address,
      id: 'tm',
      slots: 1,
      executors: 1,
      localStateDirectory: stage.local,
      localStateBytesMax,
      logger: silentLogger,
    });
    cleanUps.push(() => taskManager.stop());
    await eventually(() => jobManager.all('register').length === 1);
    return stage;
  }

  deploy(attempt: number, snapshots?: ReadonlyMap<string, SubtaskSnapshot>) {
    const [registered] = this.jobManager.all('register');
    assert.ok(registered !== undefined);
    const { dataHost: host, dataPort: port } = registered.registration;
    const address = { taskManagerId: 'tm', host, port };
    const restoreOf = (vertexId: string): TaskRestore =>
      taskRestore(1, snapshots?.get(vertexId) ?? { operators: {}, channels: [] });
    const deployed = deployments('job', VERTICES, EDGES, address, {
      attempt,
      checkpoints: {
        mode: 'exactly-once',
        alignmentTimeoutMs: null,
        directory: `file://${this.storage}`,
      },
      ...(snapshots === undefined ? {} : { restoreOf }),
    });
    for (const deployment of deployed) {
      this.jobManager.send('tm', { kind: 'deploy-task', deployment });
    }
    return deployed;
  }

  async ended(attempts: readonly TaskDeployment[], ...states: string[]): Promise<void> {
    const isThere = ({ attemptId }: TaskDeployment): boolean =>
      states.includes(this.jobManager.states(attemptId).at(-1) ?? '');
    await eventually(() => attempts.every(isThere), { timeoutMs: 20_000 });
  }

  /** Completes checkpoint 1 when everything is counted, cancels, and loses the storage. */
  async countAndLoseStorage(): Promise<ReadonlyMap<string, SubtaskSnapshot>> {
    const attempts = this.deploy(0);
    await this.ended(attempts, 'RUNNING');
    const [numbers] = attempts;
    assert.ok(numbers !== undefined);
    await eventually(() => this.jobManager.all('source-drained').length === 1, {
      timeoutMs: 20_000,
    });
    const { attemptId } = numbers;
    this.jobManager.send('tm', { kind: 'trigger-checkpoint', attemptId, barrier: barrier(1) });
    const acknowledged = () => this.jobManager.all('acknowledge-checkpoint');
    await eventually(() => acknowledged().length === 2, { timeoutMs: 20_000 });
    for (const { attemptId: id } of attempts) {
      this.jobManager.send('tm', { kind: 'checkpoint-complete', attemptId: id, checkpointId: 1 });
      this.jobManager.send('tm', { kind: 'cancel-task', attemptId: id });
    }
    await this.ended(attempts, 'CANCELED', 'FAILED');
    rmSync(this.storage, { recursive: true });
    return new Map(
      acknowledged().map((message) => [message.attemptId.split('/')[1] ?? '', message.snapshot]),
    );
  }
}

describe('local recovery', () => {
  it('when tasks start again where they were, then keyed state needs nothing of the storage', async (context) => {
    const stage = await Stage.start(context, 1024 ** 3);
    const snapshots = await stage.countAndLoseStorage();
    const keyed = Object.values(snapshots.get('counts')?.operators['counts']?.keyed ?? {});
    const handles = keyed.flatMap(({ segments }) => segments.map(({ handle }) => handle));
    assert.ok(
      handles.some(({ kind }) => kind === 'object'),
      'there is state to read',
    );
    await stage.ended(stage.deploy(1, snapshots), 'RUNNING');
    assert.ok(!existsSync(stage.storage));
    const [folder = ''] = readdirSync(stage.local);
    assert.deepEqual(readdirSync(join(stage.local, folder)).length, 2, 'the copy and its owner');
  });

  it('when no copies are kept, then the same restart fails: it does read the storage', async (context) => {
    const stage = await Stage.start(context, 0);
    const snapshots = await stage.countAndLoseStorage();
    const [, counts] = stage.deploy(1, snapshots);
    assert.ok(counts !== undefined);
    await stage.ended([counts], 'FAILED');
    const error = stage.jobManager
      .all('task-state')
      .findLast(({ attemptId }) => attemptId === counts.attemptId)?.error;
    assert.equal(error?.code, 'STORAGE_NOT_FOUND');
  });
});
