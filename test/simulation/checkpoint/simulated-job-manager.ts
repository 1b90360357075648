import type { CheckpointStorage } from '../../../jobmanager/checkpoint/checkpoint-storage.ts';
import type {
  CheckpointRegistry,
  CompletedCheckpoint,
  RegisteredCheckpoint,
} from '../../../jobmanager/checkpoint/completed-checkpoint.ts';
import type {
  CheckpointAttempt,
  TaskCheckpointMessage,
} from '../../../jobmanager/checkpoint/coordinator-events.ts';
import { JobCheckpoints } from '../../../jobmanager/checkpoint/job-checkpoints.ts';
import type { CheckpointSettings } from '../../../shared/checkpoint/checkpoint-settings.ts';
import type { TaskRestore } from '../../../shared/checkpoint/snapshot.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { preconditionFailed } from '../../../shared/filesystem/storage-errors.ts';
import type { JobGraph } from '../../../shared/job-graph/job-graph.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import type { JobManagerMessage, TaskManagerMessage } from '../../../shared/rpc/messages.ts';
import { decodeValue } from '../../../shared/serialization/encode-value.ts';
import { type Channel, type Role, SimulatedTask } from './simulated-task.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** The job's record: what a new job manager finds. */
export interface JobRecord {
  epoch: number;
  retained: readonly RegisteredCheckpoint[];
}

export interface JobManagerOptions {
  readonly jobId: string;
  readonly jobGraph: JobGraph;
  readonly settings: CheckpointSettings;
  readonly record: JobRecord;
  readonly checkpointStorage: CheckpointStorage;
  readonly records: number;
  /** How many subtasks, at every start anew. */
  readonly parallelism: (role: Role) => number;
  readonly nextAttempt: () => number;
  /** All tasks have finished. */
  readonly onFinished: (purpose: 'final' | 'suspend') => void;
}

/** Ids of one leadership; no other one uses them. */
const IDS_PER_EPOCH = 10_000;
/** After a final checkpoint the tasks must end within so long. */
const ENDING_TIMEOUT_MS = 1_500;

/** The life of the job under one job manager: the real JobCheckpoints, and restarts of all tasks. */
export class SimulatedJobManager implements CheckpointRegistry {
  readonly #world: SimulatedWorld;
  readonly #options: JobManagerOptions;
  readonly #epoch: number;
  #checkpoints: JobCheckpoints | null = null;
  #tasks: SimulatedTask[] = [];
  #runs = 0;
  /** False once it is dead or cut off: what it still does reaches nobody, but the storage. */
  isAlive = true;
  #declined = 0;
  #ending: 'final' | 'suspend' | null = null;

  constructor(world: SimulatedWorld, options: JobManagerOptions) {
    this.#world = world;
    this.#options = options;
    options.record.epoch += 1;
    this.#epoch = options.record.epoch;
  }

  get tasks(): readonly SimulatedTask[] {
    return this.#tasks;
  }

  async start(orphans: readonly SimulatedTask[]): Promise<void> {
    this.#tasks = [...orphans];
    const { record, checkpointStorage, jobId, jobGraph, settings } = this.#options;
    const isStale = this.#world.mutation === 'stale-recovery';
    const named = isStale ? record.retained.slice(0, -1) : record.retained;
    const retained: CompletedCheckpoint[] = [];
    for (const { uri } of named) {
      const checkpoint = await this.#world.storage.insist(
        () => this.isAlive,
        () => checkpointStorage.readCheckpoint(uri),
      );
      if (checkpoint !== null) retained.push(checkpoint);
    }
    if (!this.isAlive) return;
    this.#checkpoints = new JobCheckpoints({
      jobId,
      jobGraph,
      settings,
      storage: checkpointStorage,
      registry: this,
      clock: this.#world.time,
      logger: silentLogger,
      retained,
      firstCheckpointId: this.#firstCheckpointId(retained.at(-1)?.checkpointId ?? 0),
      sources: () => [
        {
          operatorId: 'source',
          // Now and then larger than what is inlined.
          snapshotState: (id) => ({ id, seen: new Uint8Array((id % 5) * 6_000) }),
          checkpointComplete: () => {},
          checkpointAborted: () => {},
        },
      ],
      sendToAttempt: (attemptId, message) => this.#send(attemptId, message),
      onTooManyFailures: () => this.restart(),
      onFinalComplete: (purpose) => this.#onFinalComplete(purpose),
    });
    const isAdoptable =
      orphans.length > 0 && orphans.every((task) => task.isAlive && task.state === 'running');
    if (isAdoptable && this.#world.random.chance(0.6)) this.#adopt(this.#checkpoints);
    else this.restart();
  }

  #firstCheckpointId(latest: number): number {
    if (this.#world.mutation === 'reused-checkpoint-ids') return latest + 1;
    return this.#epoch * IDS_PER_EPOCH + 1;
  }

  /** The tasks run on; what they told the dead one, they tell again. */
  #adopt(checkpoints: JobCheckpoints): void {
    const counts = new Map<string, number>();
    for (const { options } of this.#tasks) {
      counts.set(options.role, (counts.get(options.role) ?? 0) + 1);
    }
    checkpoints.adopted(this.#tasks.map((task) => attemptOf(task, counts)));
    for (const task of this.#tasks) task.registerAgain();
    this.#world.adopted();
  }

  crash(): void {
    this.isAlive = false;
  }

  async register(
    _checkpoint: RegisteredCheckpoint,
    retained: readonly RegisteredCheckpoint[],
  ): Promise<void> {
    this.#world.at('register-asked', 0);
    const { record } = this.#options;
    await this.#world.storage.request(() => {
      if (record.epoch !== this.#epoch) throw preconditionFailed('memory://x/job', 'ifMatch');
      record.retained = retained;
      this.#world.at('registered', 0);
    });
  }

  savepoint(purpose: 'savepoint' | 'suspend'): void {
    const { checkpointStorage } = this.#options;
    this.#checkpoints
      ?.savepoint({ directory: 'memory://x/mine', purpose })
      .then((uri) => checkpointStorage.readMetadata(uri))
      .catch((error: unknown) => {
        if (!(error instanceof SluiceError) || error.code === 'CHECKPOINT_INVALID') {
          this.#world.fail(error);
        }
      });
  }

  /** Starts again from a checkpoint on purpose; now and then there is nothing to gain when it is there. */
  rescale(): void {
    const run = this.#runs;
    const checkpoints = this.#checkpoints;
    if (!this.isAlive || checkpoints === null) return;
    const moves = this.#world.random.chance(0.8);
    checkpoints.savepoint({ directory: null, purpose: 'rescale' }).then(
      () => {
        if (!this.isAlive || run !== this.#runs) return;
        if (moves) {
          this.#world.rescaled();
          this.restart();
        } else if (this.#tasks.every(({ state }) => state === 'running')) {
          checkpoints.running();
        }
      },
      // The job goes on as it is.
      () => {},
    );
  }

  taskFailed(task: SimulatedTask): void {
    if (this.isAlive && this.#tasks.includes(task)) this.restart();
  }

  receive(task: SimulatedTask, message: TaskManagerMessage): void {
    if (!this.isAlive || this.#checkpoints === null) return;
    switch (message.kind) {
      case 'task-state':
        if (this.#tasks.includes(task)) this.#onTaskState();
        return;
      case 'acknowledge-checkpoint':
      case 'source-drained':
        this.#checkpoints.handle(this.#mutated(message));
        return;
      case 'decline-checkpoint':
        this.#declined += 1;
        if (this.#world.mutation === 'lost-decline') return;
        this.#checkpoints.handle(message);
        return;
      default:
        return;
    }
  }

  /** Asks JobCheckpoints itself to complete what is under way: for planted bugs. */
  tellComplete(checkpointId: number): void {
    for (const { options } of this.#tasks) {
      const { attemptId } = options;
      this.#send(attemptId, { kind: 'checkpoint-complete', attemptId, checkpointId });
    }
  }

  restart(): void {
    this.#runs += 1;
    this.#restart(this.#runs).catch((error: unknown) => this.#world.fail(error));
  }

  async #restart(run: number): Promise<void> {
    const { random, time } = this.#world;
    const isCurrent = (): boolean => this.isAlive && run === this.#runs;
    const checkpoints = this.#checkpoints;
    if (checkpoints === null) return;
    this.#ending = null;
    checkpoints.interrupted();
    for (const task of this.#tasks) {
      task.isZombie = true;
      // A task manager that is cut off does not hear of it, and goes on for a while.
      if (random.chance(0.3)) time.plan(random.integer(1, 400), () => task.kill());
      else task.kill();
    }
    this.#tasks = [];
    if (this.#world.mutation !== 'restart-unsettled') await checkpoints.settled();
    await time.sleep(random.integer(0, 60));
    if (!isCurrent()) return;
    this.#deploy(checkpoints);
  }

  #deploy(checkpoints: JobCheckpoints): void {
    const { jobGraph, jobId, records, checkpointStorage } = this.#options;
    const attempt = this.#options.nextAttempt();
    const counts = new Map(
      jobGraph.vertices.map(({ id }) => [id, this.#options.parallelism(id as Role)]),
    );
    const exchanges = jobGraph.edges.map(({ sourceVertex, targetVertex }) => ({
      sourceVertex,
      targetVertex,
      channels: channels(counts.get(sourceVertex) ?? 0, counts.get(targetVertex) ?? 0),
    }));
    for (const vertex of jobGraph.vertices) {
      const parallelism = counts.get(vertex.id) ?? 0;
      for (let subtask = 0; subtask < parallelism; subtask += 1) {
        const before = exchanges.find(({ targetVertex }) => targetVertex === vertex.id);
        const behind = exchanges.find(({ sourceVertex }) => sourceVertex === vertex.id);
        const restore = checkpoints.restoreFor(vertex, subtask, parallelism);
        const task = new SimulatedTask(this.#world, {
          attemptId: `${jobId}/${vertex.id}/${subtask}/${attempt}`,
          role: vertex.id as Role,
          subtask,
          inputs: before?.channels.map((row) => row[subtask] as Channel) ?? [],
          outputs: behind?.channels[subtask] ?? [],
          jobId,
          checkpointStorage,
          records,
          restore: this.#world.mutation === 'state-not-restored' ? null : restore,
        });
        this.#tasks.push(task);
      }
    }
    // What earlier attempts left pending, and no state refers to, is nobody's.
    const restores = this.#tasks.map(({ options }) => options.restore);
    this.#world.output.abortOrphans(jobId, committablesOf(restores));
    checkpoints.deployed(this.#tasks.map((task) => attemptOf(task, counts)));
    for (const task of this.#tasks) task.start();
  }

  #onTaskState(): void {
    if (this.#tasks.every(({ state }) => state === 'running')) this.#checkpoints?.running();
    if (this.#ending === null || !this.#tasks.every(({ state }) => state === 'finished')) return;
    const purpose = this.#ending;
    this.#ending = null;
    this.#checkpoints?.close();
    this.isAlive = false;
    this.#options.onFinished(purpose);
  }

  #onFinalComplete(purpose: 'final' | 'suspend'): void {
    this.#ending = purpose;
    const run = this.#runs;
    this.#world.time.setTimer(ENDING_TIMEOUT_MS, () => {
      if (this.isAlive && run === this.#runs) this.restart();
    });
  }

  #send(attemptId: string, message: JobManagerMessage): void {
    if (message.kind === 'checkpoint-complete') this.#world.at('completing', 0);
    if (!this.isAlive) return;
    const task = this.#tasks.find(({ options }) => options.attemptId === attemptId);
    if (task !== undefined) this.#world.toTask(task, message);
    const { mutation, time } = this.#world;
    if (mutation !== 'missing-acknowledgement' || message.kind !== 'trigger-checkpoint') return;
    const hasty = this.#tasks.at(-1)?.options.attemptId ?? '';
    time.plan(0, () => this.#fakeAcknowledgement(hasty, message.barrier.checkpointId));
  }

  #fakeAcknowledgement(attemptId: string, checkpointId: number): void {
    this.#checkpoints?.handle({
      kind: 'acknowledge-checkpoint',
      attemptId,
      checkpointId,
      snapshot: { operators: {}, channels: [] },
      timings: { alignmentMs: 0, syncMs: 0, asyncMs: 0, bytes: 0 },
    });
    this.#world.time.awaited();
  }

  #mutated(message: TaskCheckpointMessage): TaskCheckpointMessage {
    if (this.#world.mutation !== 'late-acknowledgement-accepted') return message;
    if (message.kind !== 'acknowledge-checkpoint') return message;
    const underWay = this.#checkpoints?.detail().inProgress?.id;
    return underWay === undefined ? message : { ...message, checkpointId: underWay };
  }
}

function channels(producers: number, consumers: number): Channel[][] {
  return Array.from({ length: producers }, () =>
    Array.from({ length: consumers }, () => ({ elements: [] })),
  );
}

function attemptOf(task: SimulatedTask, counts: ReadonlyMap<string, number>): CheckpointAttempt {
  const { attemptId, role, subtask } = task.options;
  const parallelism = counts.get(role) ?? 0;
  return { attemptId, vertexId: role, subtask, parallelism, isSource: role === 'source' };
}

function committablesOf(restores: readonly (TaskRestore | null)[]): Set<string> {
  const ids = new Set<string>();
  for (const restore of restores) {
    for (const handle of restore?.operators['sink']?.lists['committables']?.handles ?? []) {
      if (handle.kind !== 'inline') continue;
      for (const id of decodeValue(Buffer.from(handle.base64, 'base64')) as string[]) ids.add(id);
    }
  }
  return ids;
}
