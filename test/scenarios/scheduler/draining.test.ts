import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CheckpointHistory } from '../../../jobmanager/checkpoint/checkpoint-history.ts';
import { Dispatcher } from '../../../jobmanager/dispatcher/dispatcher.ts';
import type {
  CheckpointsOfJob,
  RecoveryBase,
  RecoveryBases,
} from '../../../jobmanager/job-master/checkpoint-port.ts';
import { ResourceManager } from '../../../jobmanager/resource-manager/resource-manager.ts';
import type { TaskManagerConnection } from '../../../jobmanager/resource-manager/task-manager-connection.ts';
import { DatagenEnumerator } from '../../../jobmanager/sources/datagen-enumerator.ts';
import type { SplitEnumerator } from '../../../jobmanager/sources/split-enumerator.ts';
import {
  CHECKPOINT_DEFAULTS,
  RESTART_DEFAULT,
} from '../../../shared/checkpoint/checkpoint-settings.ts';
import type { JobGraph } from '../../../shared/job-graph/job-graph.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import type { JobManagerMessage } from '../../../shared/rpc/messages.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { pipeline, sourceVertex } from '../../support/jobmanager/job-graphs.ts';

const STABILISATION_MS = 2_000;
const COOLDOWN_MS = 10_000;

/** Does at once what it is told, and remembers what it heard. */
class TaskManager implements TaskManagerConnection {
  readonly running = new Set<string>();
  readonly heard: JobManagerMessage[] = [];
  readonly #world: World;
  readonly #id: string;

  constructor(world: World, id: string) {
    this.#world = world;
    this.#id = id;
  }

  /** `processId`: another one is another process under the same name. */
  register(slots: number, { processId = 1, draining = false } = {}): void {
    this.#world.resourceManager.register(
      {
        taskManagerId: this.#id,
        version: 'test',
        dataHost: '127.0.0.1',
        dataPort: 1,
        metricsAddress: '',
        slots: Array.from({ length: slots }, () => ({ device: 'cpu' as const })),
        labels: {},
        executors: 1,
        draining,
        runningAttemptIds: [],
        attempts: [],
        hostName: `host-${this.#id}`,
        processId,
        cpuCores: 1,
        memoryBytes: 1,
      },
      this,
    );
  }

  send(message: JobManagerMessage): void {
    this.heard.push(message);
    if (message.kind === 'deploy-task') {
      const { attemptId } = message.deployment;
      this.running.add(attemptId);
      this.#report(attemptId, 'RUNNING');
    } else if (message.kind === 'cancel-task' && this.running.delete(message.attemptId)) {
      this.#report(message.attemptId, 'CANCELED');
    }
  }

  close(): void {}

  say(message: Parameters<ResourceManager['handleMessage']>[2]): void {
    this.#world.resourceManager.handleMessage(this.#id, this, message);
  }

  get drainStates(): boolean[] {
    return this.heard.flatMap((message) =>
      message.kind === 'drain-state' ? [message.drained] : [],
    );
  }

  #report(attemptId: string, state: 'RUNNING' | 'CANCELED'): void {
    this.#world.clock.setTimer(0, () =>
      this.say({ kind: 'task-state', attemptId, state, error: null, metrics: null }),
    );
  }
}

/** Complete, or fail, when the test says so. */
class Checkpoints implements CheckpointsOfJob {
  latest: CheckpointsOfJob['latest'] = null;
  drained = false;
  asked: { resolve(uri: string): void; reject(error: Error): void }[] = [];
  deployed(): void {}
  running(): void {}
  interrupted(): void {}
  handle(): void {}
  async settled(): Promise<void> {}
  restoreFor(): null {
    return null;
  }
  async enumeratorState(): Promise<null> {
    return null;
  }
  savepoint(): Promise<string> {
    return new Promise((resolve, reject) => this.asked.push({ resolve, reject }));
  }
  detail() {
    const counts = { completed: 0, failed: 0, inProgress: 0 };
    return { settings: null, counts, latest: null, inProgress: null, history: [] };
  }
  measurement(): ReturnType<CheckpointsOfJob['measurement']> {
    return { settings: CHECKPOINT_DEFAULTS, figures: new CheckpointHistory(0).figures(0) };
  }
  close(): void {}
}

class World {
  readonly clock = new FakeClock();
  readonly checkpoints = new Checkpoints();
  readonly resourceManager: ResourceManager;
  readonly dispatcher: Dispatcher;

  constructor() {
    const { clock } = this;
    const shared = { clock, logger: silentLogger };
    this.resourceManager = new ResourceManager({
      ...shared,
      jobManagerId: 'jm',
      version: 'test',
      heartbeatIntervalMs: 1e6,
      heartbeatTimeoutMs: 1e7,
    });
    const base: RecoveryBase = {
      open: () => this.checkpoints,
      directory: 'memory://job',
      retained: [],
    };
    const recoveries: RecoveryBases = { fresh: () => base, restored: async () => base };
    let jobs = 0;
    this.dispatcher = new Dispatcher({
      ...shared,
      resourceManager: this.resourceManager,
      createEnumerator: (operator) =>
        new DatagenEnumerator(operator.options as { keys: number }) as SplitEnumerator<unknown>,
      recoveries,
      newJobId: () => {
        jobs += 1;
        return `job${jobs}`;
      },
      resourceTimeoutMs: 300_000,
      failureGraceMs: 1_000,
      cancellationTimeoutMs: 5_000,
      stabilisationMs: 0,
      expectedSlots: 0,
      rescaleStabilisationMs: STABILISATION_MS,
      rescaleCooldownMs: COOLDOWN_MS,
      endedJobsMax: 10,
    });
    this.resourceManager.start(this.dispatcher);
  }

  async taskManager(id: string, slots: number): Promise<TaskManager> {
    const taskManager = new TaskManager(this, id);
    taskManager.register(slots);
    await this.clock.advance(0);
    return taskManager;
  }

  async submit(jobGraph: JobGraph): Promise<string> {
    const id = this.dispatcher.submit(jobGraph);
    await this.clock.advance(10);
    assert.equal(this.dispatcher.detail(id).state, 'RUNNING');
    return id;
  }

  /** The one that was asked for last. */
  async completeCheckpoint(): Promise<void> {
    assert.equal(this.checkpoints.asked.length, 1, 'one checkpoint is asked for');
    this.checkpoints.latest = {
      checkpointId: 1,
      purpose: 'checkpoint',
      metadata: { unaligned: false },
    };
    this.checkpoints.asked.pop()?.resolve('memory://job/chk-1');
    await this.clock.advance(10);
  }

  stateOf(id: string): [string, string | null] {
    const info = this.resourceManager.infos().find((candidate) => candidate.id === id);
    assert.ok(info !== undefined);
    return [info.state, info.drainingReason];
  }
}

const ADAPTIVE: JobGraph = {
  ...pipeline([sourceVertex('read')]),
  checkpoints: CHECKPOINT_DEFAULTS,
  restart: RESTART_DEFAULT,
};
const FIXED: JobGraph = { ...ADAPTIVE, ...pipeline([sourceVertex('read', { parallelism: 2 })]) };
const WITHOUT_CHECKPOINTS: JobGraph = { ...ADAPTIVE, checkpoints: null };

test('when a task manager joins, then a running job grows once, and tells it', async () => {
  const world = new World();
  const a = await world.taskManager('a', 2);
  const id = await world.submit(ADAPTIVE);
  const b = await world.taskManager('b', 2);
  await world.clock.advance(STABILISATION_MS - 100);
  assert.equal(world.checkpoints.asked.length, 0);
  await world.clock.advance(100);
  assert.equal(a.running.size, 2, 'it runs on until its checkpoint is complete');
  await world.completeCheckpoint();
  assert.deepEqual([a.running.size, b.running.size], [2, 2]);
  const { restarts, rescales, lastRescale, exceptions } = world.dispatcher.detail(id);
  assert.deepEqual([restarts, rescales, exceptions.length], [0, 1, 0]);
  assert.equal(lastRescale?.reason, 'read: 2 → 4');
  await world.clock.advance(60_000);
  assert.equal(world.checkpoints.asked.length, 0);
});

test('when its checkpoint fails, then it grows after the cooldown', async () => {
  const world = new World();
  await world.taskManager('a', 1);
  const id = await world.submit(ADAPTIVE);
  const b = await world.taskManager('b', 1);
  await world.clock.advance(STABILISATION_MS);
  world.checkpoints.asked.pop()?.reject(new Error('expired'));
  await world.clock.advance(COOLDOWN_MS - 100);
  assert.deepEqual([world.checkpoints.asked.length, b.running.size], [0, 0]);
  await world.clock.advance(100);
  await world.completeCheckpoint();
  assert.equal(b.running.size, 1);
  assert.equal(world.dispatcher.detail(id).rescales, 1);
});

test('when the slots are taken before the checkpoint is complete, then it stays where it is', async () => {
  const world = new World();
  const a = await world.taskManager('a', 1);
  const id = await world.submit(ADAPTIVE);
  await world.taskManager('b', 1);
  await world.clock.advance(STABILISATION_MS);
  await world.submit(ADAPTIVE);
  await world.completeCheckpoint();
  assert.deepEqual([...a.running], [`${id}/read/0/0`]);
  assert.equal(world.dispatcher.detail(id).rescales, 0);
});

test('when another job waits for slots, then nobody grows into them', async () => {
  const world = new World();
  await world.taskManager('a', 1);
  await world.submit(ADAPTIVE);
  world.dispatcher.submit(FIXED);
  await world.taskManager('b', 1);
  await world.clock.advance(60_000);
  assert.equal(world.checkpoints.asked.length, 0);
});

test('when its sources are done, or it takes no checkpoints, then a job does not grow', async () => {
  for (const graph of [ADAPTIVE, WITHOUT_CHECKPOINTS]) {
    const world = new World();
    world.checkpoints.drained = true;
    await world.taskManager('a', 1);
    await world.submit(graph);
    await world.taskManager('b', 1);
    await world.clock.advance(60_000);
    assert.equal(world.checkpoints.asked.length, 0);
  }
});

test('when a task manager drains, then its job moves, and it is told when nothing is left', async () => {
  const world = new World();
  const a = await world.taskManager('a', 2);
  const b = await world.taskManager('b', 1);
  const id = await world.submit(ADAPTIVE);
  assert.equal(world.resourceManager.drain('a').state, 'DRAINING');
  assert.deepEqual(world.stateOf('a'), ['DRAINING', `job ${id} takes a checkpoint and moves`]);
  assert.equal(world.resourceManager.drain('a').state, 'DRAINING', 'twice is as good as once');
  await world.completeCheckpoint();
  assert.deepEqual(world.stateOf('a'), ['DRAINED', null]);
  assert.deepEqual([a.running.size, b.running.size], [0, 1]);
  assert.deepEqual(a.drainStates, [false, true]);
  assert.equal(world.dispatcher.detail(id).lastRescale?.reason, 'a drains');
  await world.clock.advance(60_000);
  assert.equal(a.running.size, 0, 'nothing comes back');
});

test('when the others do not suffice, then the job stays until slots come', async () => {
  const world = new World();
  const a = await world.taskManager('a', 2);
  const id = await world.submit(FIXED);
  world.resourceManager.drain('a');
  const why = `job ${id} stays until there are other slots: it needs 2 cpu slots, none registered`;
  assert.deepEqual(world.stateOf('a'), ['DRAINING', why]);
  await world.clock.advance(600_000);
  assert.equal(a.running.size, 2);
  const b = await world.taskManager('b', 2);
  await world.completeCheckpoint();
  assert.deepEqual([a.running.size, b.running.size], [0, 2]);
  assert.deepEqual(world.stateOf('a'), ['DRAINED', null]);
});

test('when a job fails on the task manager that it cannot leave, then it starts again there', async () => {
  const world = new World();
  const a = await world.taskManager('a', 2);
  const id = await world.submit(FIXED);
  world.resourceManager.drain('a');
  const [attemptId = ''] = a.running;
  a.running.delete(attemptId);
  a.say({ kind: 'task-state', attemptId, state: 'FAILED', error: null, metrics: null });
  await world.clock.advance(30_000);
  assert.equal(world.dispatcher.detail(id).state, 'RUNNING');
  assert.equal(a.running.size, 2);
  assert.equal(world.stateOf('a')[0], 'DRAINING');
});

test('when a job takes no checkpoints, then it stays until it ends', async () => {
  const world = new World();
  const a = await world.taskManager('a', 1);
  await world.taskManager('b', 1);
  const id = await world.submit({ ...WITHOUT_CHECKPOINTS, ...pipeline([sourceVertex('read')]) });
  world.resourceManager.drain('a');
  const why = `job ${id} takes no checkpoints: it stays until it ends`;
  assert.deepEqual(world.stateOf('a'), ['DRAINING', why]);
  await world.clock.advance(60_000);
  world.dispatcher.cancel(id);
  await world.clock.advance(10);
  assert.deepEqual(world.stateOf('a'), ['DRAINED', null]);
  assert.deepEqual(a.drainStates, [false, true]);
});

test('when it asks for it itself, then it is told at once where nothing runs there', async () => {
  const world = new World();
  const a = await world.taskManager('a', 1);
  a.say({ kind: 'drain' });
  assert.deepEqual(a.drainStates, [false, true]);
  a.say({ kind: 'drain' });
  assert.deepEqual(a.drainStates, [false, true, true], 'it is answered every time');
  assert.deepEqual(world.resourceManager.slotCounts(), { total: 1, free: 0 });
  const id = world.dispatcher.submit(ADAPTIVE);
  await world.clock.advance(1_000);
  assert.equal(world.dispatcher.detail(id).state, 'WAITING_FOR_RESOURCES');
});

test('when a task manager connects anew, then it still drains; another process does not', async () => {
  const world = new World();
  const a = await world.taskManager('a', 1);
  world.resourceManager.drain('a');
  // It may not have heard of it.
  a.register(1, { draining: false });
  assert.equal(world.stateOf('a')[0], 'DRAINED');
  assert.deepEqual(a.drainStates, [false, true, false, true]);
  new TaskManager(world, 'a').register(1, { processId: 2 });
  assert.equal(world.stateOf('a')[0], 'ACTIVE');
  // A new leader hears of it from the task manager.
  new TaskManager(world, 'b').register(1, { draining: true });
  assert.equal(world.stateOf('b')[0], 'DRAINED');
});

test('when nobody has that name, then draining is refused', () => {
  assert.throws(() => new World().resourceManager.drain('nobody'), {
    code: 'TASK_MANAGER_NOT_FOUND',
  });
});
