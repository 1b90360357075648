/** Checkpoints of a whole task manager, real threads and sockets; the test is the coordinator. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it, type TestContext } from 'node:test';
import type { SubtaskSnapshot, TaskRestore } from '../../../shared/checkpoint/snapshot.ts';
import type { OperatorNode } from '../../../shared/job-graph/job-graph.ts';
import type { TaskDeployment } from '../../../shared/job-graph/task-deployment.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import type { JobManagerMessage } from '../../../shared/rpc/messages.ts';
import { startTaskManager } from '../../../taskmanager/main.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeJobManager } from '../../support/fake-job-manager.ts';
import { deployments, type TestEdge, type TestVertex } from '../../support/task-deployments.ts';
import { barrier, taskRestore } from '../../support/task-harness.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const RECORDS = 60_000;
const SPLIT_RECORDS = 5_000;

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const node = (id: string, kind: OperatorNode['kind'], options: object) =>
  ({ id, kind, options, chainedTo: null }) as OperatorNode;

/** Two sources, two sinks, everything crosses everything. */
class Job {
  readonly jobManager: FakeJobManager;
  readonly folder: string;
  readonly #vertices: readonly TestVertex[];
  readonly #edges: readonly TestEdge[] = [
    { source: 'numbers', target: 'rows', partitioner: { kind: 'rebalance' } },
  ];
  #current: readonly TaskDeployment[] = [];

  constructor(jobManager: FakeJobManager, folder: string) {
    this.jobManager = jobManager;
    this.folder = folder;
    const numbers = { keys: 10, count: RECORDS, rateMax: RECORDS / 2 };
    const rows = {
      path: `file://${join(folder, 'rows')}`,
      format: 'jsonl',
      roll: { size: 100_000, age: 60_000 },
    };
    this.#vertices = [
      { id: 'numbers', operators: [node('numbers', 'source/datagen', numbers)], parallelism: 2 },
      { id: 'rows', operators: [node('rows', 'sink/files', rows)], parallelism: 2 },
    ];
  }

  deploy(attempt: number, restoreOf?: (vertexId: string, subtask: number) => TaskRestore): void {
    const [registered] = this.jobManager.all('register');
    assert.ok(registered !== undefined);
    const { dataHost: host, dataPort: port } = registered.registration;
    const address = { taskManagerId: 'tm', host, port };
    this.#current = deployments('job', this.#vertices, this.#edges, address, {
      attempt,
      checkpoints: {
        mode: 'exactly-once',
        alignmentTimeoutMs: null,
        directory: `file://${join(this.folder, 'checkpoints')}`,
      },
      ...(restoreOf === undefined ? {} : { restoreOf }),
    });
    for (const deployment of this.#current) this.#send({ kind: 'deploy-task', deployment });
  }

  async all(...states: string[]): Promise<void> {
    const isThere = ({ attemptId }: TaskDeployment): boolean =>
      states.includes(this.jobManager.states(attemptId).at(-1) ?? '');
    await eventually(() => this.#current.every(isThere), { timeoutMs: 20_000 });
  }

  /** The acknowledged state of every subtask. */
  async checkpoint(
    checkpointId: number,
    purpose: 'checkpoint' | 'final' = 'checkpoint',
  ): Promise<ReadonlyMap<string, SubtaskSnapshot>> {
    for (const { attemptId, vertexId } of this.#current) {
      if (vertexId !== 'numbers') continue;
      this.#send({
        kind: 'trigger-checkpoint',
        attemptId,
        barrier: barrier(checkpointId, purpose),
      });
    }
    const acknowledgements = () =>
      this.jobManager
        .all('acknowledge-checkpoint')
        .filter((message) => message.checkpointId === checkpointId);
    await eventually(() => acknowledgements().length === 4, { timeoutMs: 20_000 });
    return new Map(
      acknowledgements().map(({ attemptId, snapshot }) => [
        attemptId.split('/').slice(1, 3).join('/'),
        snapshot,
      ]),
    );
  }

  complete(checkpointId: number): void {
    for (const { attemptId } of this.#current) {
      this.#send({ kind: 'checkpoint-complete', attemptId, checkpointId });
    }
  }

  cancel(): void {
    for (const { attemptId } of this.#current) this.#send({ kind: 'cancel-task', attemptId });
  }

  files(): string[] {
    return readdirSync(join(this.folder, 'rows')).sort();
  }

  /** Of the visible rows, in order. */
  sequences(): number[] {
    return this.files()
      .filter((name) => !name.startsWith('.'))
      .flatMap((name) => readFileSync(join(this.folder, 'rows', name), 'utf8').split('\n'))
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { sequence: number }).sequence)
      .sort((a, b) => a - b);
  }

  #send(message: JobManagerMessage): void {
    this.jobManager.send('tm', message);
  }
}

/** What an enumerator does: hands out, and takes back what no checkpoint has. */
class Splits {
  readonly #waiting = Array.from({ length: RECORDS / SPLIT_RECORDS }, (_, index) => ({
    from: index * SPLIT_RECORDS,
    to: (index + 1) * SPLIT_RECORDS,
  }));
  #assigned: { from: number; to: number }[] = [];

  take(wanted: number) {
    const given = this.#waiting.splice(0, wanted);
    this.#assigned.push(...given);
    return given;
  }

  /** What is assigned from now on is in the next checkpoint's readers no more. */
  checkpoint(): void {
    this.#assigned = [];
  }

  giveBack(): void {
    this.#waiting.unshift(...this.#assigned);
  }
}

async function startJob(context: TestContext): Promise<{ job: Job; splits: Splits }> {
  const splits = new Splits();
  const jobManager = await FakeJobManager.start({ splits: (_, wanted) => splits.take(wanted) });
  cleanUps.push(() => jobManager.stop());
  const taskManager = await startTaskManager({
    jobManagerAddress: jobManager.address,
    id: 'tm',
    slots: 2,
    executors: 1,
    logger: silentLogger,
  });
  cleanUps.push(() => taskManager.stop());
  await eventually(() => jobManager.all('register').length === 1);
  return { job: new Job(jobManager, temporaryFolder(context)), splits };
}

describe('checkpoints of a task manager', () => {
  it('when attempts die and others restore, then every record is visible once', async (context) => {
    const { job, splits } = await startJob(context);
    job.deploy(0);
    await job.all('RUNNING');
    await job.checkpoint(1);
    job.complete(1);
    await eventually(() => job.sequences().length > 0);
    splits.checkpoint();
    const snapshots = await job.checkpoint(2);
    // Nobody hears that it is complete: the next attempts commit what it holds.
    job.cancel();
    // A neighbour may notice the end of its peer first.
    await job.all('CANCELED', 'FAILED');
    splits.giveBack();
    job.deploy(1, (vertexId, subtask) => {
      const snapshot = snapshots.get(`${vertexId}/${subtask}`);
      assert.ok(snapshot !== undefined);
      return taskRestore(2, snapshot);
    });
    await job.all('RUNNING');
    await job.checkpoint(3);
    const drained = () =>
      job.jobManager.all('source-drained').filter(({ attemptId }) => attemptId.endsWith('/1'));
    await eventually(() => drained().length === 2, { timeoutMs: 20_000 });
    await job.checkpoint(4, 'final');
    job.complete(4);
    await job.all('FINISHED');
    assert.deepEqual(
      job.sequences(),
      Array.from({ length: RECORDS }, (_, sequence) => sequence),
    );
    assert.ok(
      job.files().every((name) => !name.startsWith('.')),
      'no orphan is left',
    );
  });
});
