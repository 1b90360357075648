import assert from 'node:assert/strict';
import type { ResourceManager } from '../../../jobmanager/resource-manager/resource-manager.ts';
import type { TaskManagerConnection } from '../../../jobmanager/resource-manager/task-manager-connection.ts';
import type { SerializedError } from '../../../shared/errors/sluice-error.ts';
import type { TaskDeployment } from '../../../shared/job-graph/task-deployment.ts';
import type { JobManagerMessage, TaskManagerMessage } from '../../../shared/rpc/messages.ts';
import type { Random, VirtualTime } from './virtual-time.ts';

/** What the task managers of one simulation share. */
export interface SimulatedWorld {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly resourceManager: ResourceManager;
  /** Probabilities; all zero once the world is healed. */
  readonly faults: {
    taskFails: number;
    taskSticks: number;
    duplicated: number;
    reordered: number;
  };
  readonly taskManagers: SimulatedTaskManager[];
}

interface Task {
  readonly deployment: TaskDeployment;
  state: 'INITIALIZING' | 'RUNNING' | 'CANCELING' | 'ENDED';
  sourceDone: boolean;
  stuck: boolean;
}

/** One stream; messages in both directions take their time, and die with it. */
class SimulatedConnection implements TaskManagerConnection {
  open = true;
  readonly #owner: SimulatedTaskManager;
  #arrivesAtMs = 0;

  constructor(owner: SimulatedTaskManager) {
    this.#owner = owner;
  }

  /** Towards the task manager: in order. */
  send(message: JobManagerMessage): void {
    const { time, random } = this.#owner.world;
    this.#arrivesAtMs = Math.max(this.#arrivesAtMs, time.monotonicMs() + random.between(0, 30));
    time.setTimer(this.#arrivesAtMs - time.monotonicMs(), () => {
      if (this.open) this.#owner.receive(this, message);
    });
  }

  close(): void {
    this.#owner.world.time.setTimer(10, () => this.#owner.connectionEnded(this));
  }
}

/** A task manager whose tasks take random times, fail at random, and that crashes and freezes. */
export class SimulatedTaskManager {
  readonly id: string;
  readonly world: SimulatedWorld;
  readonly devices: readonly ('cpu' | 'gpu')[];
  alive = false;
  frozen = false;
  /** It was told so, in this life. */
  draining = false;
  drained = false;
  /** It leaves when it has drained. */
  #leaves = false;
  #connection: SimulatedConnection | null = null;
  #registered = false;
  #tasks = new Map<string, Task>();
  #life = 0;
  #thawed: (() => void)[] = [];

  constructor(world: SimulatedWorld, id: string, devices: readonly ('cpu' | 'gpu')[]) {
    this.world = world;
    this.id = id;
    this.devices = devices;
  }

  get isRegistered(): boolean {
    return this.#registered;
  }

  start(): void {
    if (this.alive) return;
    this.alive = true;
    this.#life += 1;
    this.#tasks = new Map();
    this.draining = false;
    this.drained = false;
    this.#leaves = false;
    this.#connect();
    this.#beat(this.#life);
  }

  /** The process is gone: its streams end, its neighbours' connections break. */
  crash(): void {
    if (!this.alive) return;
    this.alive = false;
    this.frozen = false;
    this.#thawed = [];
    const lost = [...this.#tasks.values()].filter((task) => task.state !== 'ENDED');
    this.#tasks = new Map();
    this.#breakPeers(lost);
    this.#endStream(this.world.random.between(0, 300));
  }

  /** SIGTERM: it asks for its tasks to be moved, and leaves when they are, or after a while. */
  leaveWhenDrained(timeoutMs: number): void {
    if (!this.alive || this.frozen || !this.#registered) return;
    this.#leaves = true;
    this.#say({ kind: 'drain' });
    this.#after(timeoutMs, () => {
      if (this.#leaves) this.leave();
    });
  }

  /** Whatever it waits for: it goes on as it is. */
  stay(): void {
    this.#leaves = false;
  }

  /** SIGTERM without patience: it cancels its tasks and says goodbye, in whichever order these arrive. */
  leave(): void {
    if (!this.alive || this.frozen || !this.#registered) return;
    const lost = [...this.#tasks.values()].filter((task) => task.state !== 'ENDED');
    for (const task of lost) this.#report(task, 'CANCELED');
    this.#say({ kind: 'leaving', reason: 'SIGTERM' });
    this.alive = false;
    this.#tasks = new Map();
    this.#breakPeers(lost);
    this.#endStream(400);
  }

  /** Nothing moves, nothing is said, but nothing is closed either. */
  freeze(): void {
    if (this.alive) this.frozen = true;
  }

  thaw(): void {
    this.frozen = false;
    for (const action of this.#thawed.splice(0)) this.#after(0, action);
  }

  unstick(): void {
    for (const task of this.#tasks.values()) {
      if (!task.stuck) continue;
      task.stuck = false;
      if (task.state === 'CANCELING') this.#end(task, 'CANCELED');
    }
  }

  /** Another process that exchanges data with these jobs is gone. */
  peerBroke(jobIds: ReadonlySet<string>): void {
    for (const task of this.#tasks.values()) {
      if (!jobIds.has(task.deployment.jobId) || task.state === 'ENDED') continue;
      this.#after(this.world.random.between(0, 50), () => {
        if (task.state === 'INITIALIZING' || task.state === 'RUNNING') {
          this.#end(task, 'FAILED', failure('NETWORK_CLOSED'));
        }
      });
    }
  }

  receive(connection: SimulatedConnection, message: JobManagerMessage): void {
    this.#after(0, () => {
      if (connection === this.#connection) this.#handle(message);
    });
  }

  connectionEnded(connection: SimulatedConnection): void {
    connection.open = false;
    this.#after(0, () => {
      if (connection !== this.#connection) return;
      this.#registered = false;
      // Its tasks go on until they notice; it tries again, and says what still runs.
      for (const task of this.#tasks.values()) this.#cancel(task);
      this.#after(this.world.random.between(0, 500), () => this.#connect());
    });
  }

  #connect(): void {
    const connection = new SimulatedConnection(this);
    this.#connection = connection;
    this.#registered = false;
    const running = [...this.#tasks.values()].filter((task) => task.state !== 'ENDED');
    this.#toJobManager(connection, () => {
      this.world.resourceManager.register(
        {
          taskManagerId: this.id,
          version: 'simulated',
          dataHost: '127.0.0.1',
          dataPort: 1,
          metricsAddress: '',
          slots: this.devices.map((device) => ({ device })),
          labels: {},
          executors: 1,
          draining: this.draining,
          runningAttemptIds: running.map((task) => task.deployment.attemptId),
          attempts: [],
          hostName: `host-${this.id}`,
          processId: this.#life,
          cpuCores: 1,
          memoryBytes: 1,
        },
        connection,
      );
    });
  }

  #handle(message: JobManagerMessage): void {
    switch (message.kind) {
      case 'registered':
        this.#registered = true;
        return;
      case 'refused':
        assert.fail(`refused: ${message.error.message}`);
        return;
      case 'deploy-task':
        this.#deploy(message.deployment);
        return;
      case 'cancel-task': {
        const task = this.#tasks.get(message.attemptId);
        if (task !== undefined) this.#cancel(task);
        return;
      }
      case 'assign-splits':
        assert.ok(this.#tasks.has(message.attemptId), 'splits go to tasks that were deployed here');
        this.#requestSplits(message.attemptId);
        return;
      case 'no-more-splits': {
        const task = this.#tasks.get(message.attemptId);
        assert.ok(task !== undefined, 'splits go to tasks that were deployed here');
        task.sourceDone = true;
        return;
      }
      case 'drain-state':
        this.#onDrainState(message.drained);
        return;
      case 'trigger-checkpoint':
      case 'checkpoint-complete':
      case 'checkpoint-aborted':
      case 'heartbeat-reply':
      case 'read-log':
        return;
      default:
        message satisfies never;
    }
  }

  #onDrainState(drained: boolean): void {
    this.draining = true;
    if (!drained) return;
    this.drained = true;
    assert.deepEqual(this.runningTasks(), [], 'what has drained runs nothing');
    if (this.#leaves) this.leave();
  }

  #deploy(deployment: TaskDeployment): void {
    assert.equal(this.drained, false, 'nothing is deployed on what has drained');
    for (const { deployment: other, state } of this.#tasks.values()) {
      if (other.slotIndex !== deployment.slotIndex || state === 'ENDED') continue;
      assert.equal(other.jobId, deployment.jobId, 'a slot works for one job at a time');
      assert.notEqual(other.vertexId, deployment.vertexId, 'a slot has one subtask of a vertex');
    }
    assert.ok(deployment.slotIndex < this.devices.length, 'the slot exists');
    // What a stream brought before its end may be read behind it, by a process that stood still.
    if (this.#connection?.open === true) this.#assertOnlyAttempt(deployment);
    const { random, faults } = this.world;
    const stuck = random.chance(faults.taskSticks);
    const task: Task = { deployment, state: 'INITIALIZING', sourceDone: false, stuck };
    this.#tasks.set(deployment.attemptId, task);
    this.#report(task, 'INITIALIZING');
    this.#after(random.between(1, 200), () => {
      if (task.state !== 'INITIALIZING') return;
      task.state = 'RUNNING';
      this.#report(task, 'RUNNING');
      this.#requestSplits(deployment.attemptId);
      this.#work(task);
    });
  }

  /** Elsewhere an older attempt of the subtask can only run where nobody can be asked to end it. */
  #assertOnlyAttempt({ jobId, vertexId, subtaskIndex, attemptId }: TaskDeployment): void {
    for (const other of this.world.taskManagers) {
      if (other === this || !other.alive || other.frozen || !other.isRegistered) continue;
      for (const task of other.runningTasks()) {
        const { deployment } = task;
        const isSame = deployment.vertexId === vertexId && deployment.subtaskIndex === subtaskIndex;
        if (deployment.jobId !== jobId || !isSame || task.stuck) continue;
        assert.fail(`${deployment.attemptId} still runs where ${attemptId} is deployed`);
      }
    }
  }

  runningTasks(): readonly Task[] {
    return [...this.#tasks.values()].filter(({ state }) => state !== 'ENDED');
  }

  #work(task: Task): void {
    const { random, faults } = this.world;
    this.#after(random.between(20, 400), () => {
      if (task.state !== 'RUNNING') return;
      if (random.chance(faults.taskFails)) this.#end(task, 'FAILED', failure('STORAGE_DENIED'));
      else if (this.#inputEnded(task)) this.#end(task, 'FINISHED');
      else this.#work(task);
    });
  }

  #requestSplits(attemptId: string): void {
    const task = this.#tasks.get(attemptId);
    if (task === undefined || task.deployment.inputs.length > 0) return;
    this.#after(this.world.random.between(10, 100), () => {
      if (task.state !== 'RUNNING' || task.sourceDone) return;
      this.#say({ kind: 'split-request', attemptId, count: 1 });
    });
  }

  #inputEnded(task: Task): boolean {
    if (task.deployment.inputs.length === 0) return task.sourceDone;
    return task.deployment.inputs.every((gate) =>
      gate.channels.every(({ partitionId, producer }) => {
        const peer = this.world.taskManagers.find(({ id }) => id === producer.taskManagerId);
        return peer?.hasFinished(partitionId.slice(0, partitionId.indexOf('#'))) ?? false;
      }),
    );
  }

  readonly #finished = new Set<string>();

  hasFinished(attemptId: string): boolean {
    return this.#finished.has(attemptId);
  }

  #cancel(task: Task): void {
    if (task.state === 'ENDED' || task.state === 'CANCELING') return;
    task.state = 'CANCELING';
    this.#after(this.world.random.between(0, 300), () => {
      if (task.state === 'CANCELING' && !task.stuck) this.#end(task, 'CANCELED');
    });
  }

  #end(task: Task, state: 'FINISHED' | 'CANCELED' | 'FAILED', error?: SerializedError): void {
    if (task.state === 'ENDED') return;
    task.state = 'ENDED';
    if (state === 'FINISHED') this.#finished.add(task.deployment.attemptId);
    if (state === 'FAILED' && error?.code !== 'NETWORK_CLOSED') this.#breakPeers([task]);
    this.#report(task, state, error);
  }

  #breakPeers(tasks: readonly Task[]): void {
    // What is stuck while it is cancelled was given up: the job's other tasks are not connected with it.
    const connected = tasks.filter(({ state, stuck }) => state !== 'CANCELING' || !stuck);
    const jobIds = new Set(connected.map((task) => task.deployment.jobId));
    if (jobIds.size === 0) return;
    for (const peer of this.world.taskManagers) peer.peerBroke(jobIds);
  }

  #report(
    task: Task,
    state: Extract<TaskManagerMessage, { kind: 'task-state' }>['state'],
    error: SerializedError | null = null,
  ): void {
    const { attemptId } = task.deployment;
    this.#say({ kind: 'task-state', attemptId, state, error, metrics: null });
  }

  #say(message: TaskManagerMessage): void {
    const connection = this.#connection;
    if (connection === null || !this.#registered) return;
    const { random, faults, resourceManager } = this.world;
    const deliver = () => resourceManager.handleMessage(this.id, connection, message);
    this.#toJobManager(connection, deliver);
    const isState = message.kind === 'task-state';
    if (isState && random.chance(faults.duplicated)) this.#toJobManager(connection, deliver);
  }

  #heardAtMs = 0;

  /** In order, but for what is reordered on purpose. */
  #toJobManager(connection: SimulatedConnection, deliver: () => void): void {
    const { time, random, faults } = this.world;
    let arrivesAtMs = time.monotonicMs() + random.between(0, 50);
    if (!random.chance(faults.reordered)) {
      arrivesAtMs = Math.max(arrivesAtMs, this.#heardAtMs);
      this.#heardAtMs = arrivesAtMs;
    }
    time.setTimer(arrivesAtMs - time.monotonicMs(), () => {
      if (connection.open) deliver();
    });
  }

  #endStream(delayMs: number): void {
    const connection = this.#connection;
    this.#connection = null;
    this.#registered = false;
    if (connection === null) return;
    this.world.time.setTimer(delayMs, () => {
      connection.open = false;
      this.world.resourceManager.connectionClosed(connection, 'its connection was closed');
    });
  }

  #beat(life: number): void {
    this.#after(1_000, () => {
      if (life !== this.#life) return;
      const running = [...this.#tasks.values()].filter((task) => task.state !== 'ENDED');
      this.#say({
        kind: 'heartbeat',
        sentAtMs: this.world.time.nowMs(),
        subtasks: running.map(({ deployment: { attemptId } }) => ({ ...NO_METRICS, attemptId })),
        process: { rssBytes: 1, cpuCoresUsed: 1, eventLoopDelayMs: 0 },
      });
      this.#beat(life);
    });
  }

  /** Only in this life of the process, and not while it is frozen. */
  #after(delayMs: number, action: () => void): void {
    const life = this.#life;
    this.world.time.setTimer(delayMs, () => {
      if (life !== this.#life || !this.alive) return;
      if (this.frozen) this.#thawed.push(action);
      else action();
    });
  }
}

const NO_METRICS = {
  recordsIn: 0,
  recordsOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  recordsRejected: 0,
  busyMs: 0,
  idleMs: 0,
  backPressuredMs: 0,
  buffersInQueued: 0,
  buffersOutQueued: 0,
  creditsIn: 0,
  creditsOut: 0,
  firstRecordAtMs: 0,
  lastRecordAtMs: 0,
  operators: [],
};

function failure(code: 'STORAGE_DENIED' | 'NETWORK_CLOSED'): SerializedError {
  return { code, message: code, domain: 'external', retry: 'none', context: {}, causes: [] };
}
