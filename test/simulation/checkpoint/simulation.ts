import assert from 'node:assert/strict';
import { CheckpointStorage } from '../../../jobmanager/checkpoint/checkpoint-storage.ts';
import { CheckpointPaths } from '../../../shared/checkpoint/checkpoint-paths.ts';
import { CHECKPOINT_DEFAULTS } from '../../../shared/checkpoint/checkpoint-settings.ts';
import type { JobGraph, JobVertex } from '../../../shared/job-graph/job-graph.ts';
import type { JobManagerMessage, TaskManagerMessage } from '../../../shared/rpc/messages.ts';
import { edge } from '../../support/jobmanager/job-graphs.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { type JobRecord, SimulatedJobManager } from './simulated-job-manager.ts';
import { type Faults, SimulatedOutput, SimulatedStorage } from './simulated-storage.ts';
import type { Role, SimulatedTask } from './simulated-task.ts';
import { SimulatedTime } from './simulated-time.ts';
import type { CommitPoint, Mutation, SimulatedWorld } from './simulated-world.ts';

/** So long everything may go wrong. */
const FAULTS_MS = 1_000;
/** Then the job must end within so long. */
const HEALED_MS = 20_000;
const JOB_ID = 'job';

export interface SimulationResult {
  readonly events: number;
  readonly restarts: number;
  readonly leaders: number;
  readonly completed: number;
  /** The job manager died just there. */
  readonly crashedAt: readonly CommitPoint[];
  readonly suspensions: number;
  readonly adoptions: number;
  readonly rescales: number;
}

/** Rejects where the job is not exactly once, or does not end. */
export function simulate(
  seed: number,
  mutation: Mutation | null = null,
): Promise<SimulationResult> {
  return new CheckpointSimulation(seed, mutation).run();
}

/**
 * One job under the real JobCheckpoints and CheckpointStorage, with simulated tasks and an object
 * store, on one thread and virtual time. First the seed lets tasks and job managers die anywhere,
 * requests fail or take effect unanswered, messages get lost, come late or twice (SAFETY: no record is
 * ever visible twice, nothing that a retained checkpoint needs is gone); then all is well (LIVENESS:
 * the job ends, and every record is visible).
 */
class CheckpointSimulation implements SimulatedWorld {
  readonly time = new SimulatedTime();
  readonly random: SeededRandom;
  readonly mutation: Mutation | null;
  readonly faults: Faults;
  readonly output = new SimulatedOutput();
  readonly storage: SimulatedStorage;
  readonly #checkpointStorage: CheckpointStorage;
  readonly #settings;
  readonly #jobGraph: JobGraph;
  readonly #parallelism: (role: Role) => number;
  readonly #record: JobRecord = { epoch: 0, retained: [] };
  readonly #records: number;
  readonly #crashedAt: CommitPoint[] = [];
  readonly #lanes = new Map<string, number>();
  #pointCrashes: number;
  #jobManager: SimulatedJobManager | null = null;
  #attempts = 0;
  #suspensions = 0;
  #adoptions = 0;
  #rescales = 0;
  #isDone = false;
  #violation: unknown = null;

  constructor(seed: number, mutation: Mutation | null) {
    const random = new SeededRandom(seed);
    this.random = random;
    this.mutation = mutation;
    this.output.isIdempotent = mutation !== 'double-commit';
    const isPatient = random.chance(0.3);
    const rate = (highest: number): number => (random.chance(0.5) ? 0 : random.next() * highest);
    this.faults = {
      refused: rate(0.2),
      unanswered: rate(0.2),
      slow: rate(0.1),
      // Only time-outs get over what is lost.
      lost: isPatient ? 0 : rate(0.05),
      doubled: rate(0.2),
      declines: rate(0.1),
    };
    this.#pointCrashes = rate(0.15);
    this.storage = new SimulatedStorage(this);
    const paths = new CheckpointPaths('memory://x/storage');
    const { fileSystem } = this.storage;
    this.#checkpointStorage = new CheckpointStorage({ forUri: () => fileSystem }, paths);
    this.#settings = {
      ...CHECKPOINT_DEFAULTS,
      intervalMs: random.integer(20, 200),
      minPauseMs: random.integer(0, 40),
      timeoutMs: isPatient ? 600_000 : random.integer(600, 1_200),
      tolerableFailures: random.integer(0, 6),
      retained: random.integer(1, 3),
    };
    this.#records = random.integer(10, 80);
    const roles: Role[] = random.chance(0.6) ? ['source', 'middle', 'sink'] : ['source', 'sink'];
    this.#jobGraph = jobGraph(roles);
    const fixed = new Map(roles.map((role) => [role, random.integer(1, 3)]));
    const rescales = random.chance(0.3);
    this.#parallelism = (role) =>
      rescales && role !== 'source' ? random.integer(1, 3) : (fixed.get(role) ?? 1);
    this.#sources = fixed.get('source') ?? 1;
  }

  readonly #sources: number;

  async run(): Promise<SimulationResult> {
    const { random, time } = this;
    this.#lead([]);
    this.#planTrouble();
    time.plan(FAULTS_MS, () => this.#heal());
    const isOver = (): boolean => this.#isDone || this.#violation !== null;
    await time.runUntil(FAULTS_MS + HEALED_MS, isOver);
    if (this.#violation !== null) throw this.#violation;
    assert.ok(this.#isDone, 'LIVENESS: the job has not ended');
    const { visible } = this.output;
    for (let subtask = 0; subtask < this.#sources; subtask += 1) {
      for (let n = 0; n < this.#records; n += 1) {
        assert.ok(visible.has(`${subtask}:${n}`), `LIVENESS: record ${subtask}:${n} is lost`);
      }
    }
    assert.equal(visible.size, this.#sources * this.#records);
    // Whatever the job manager still does must not spoil what is visible.
    await time.runUntil(
      time.monotonicMs() + random.integer(0, 500),
      () => this.#violation !== null,
    );
    if (this.#violation !== null) throw this.#violation;
    return {
      events: time.events,
      restarts: this.#attempts - 1,
      leaders: this.#record.epoch,
      completed: this.#record.retained.length,
      crashedAt: this.#crashedAt,
      suspensions: this.#suspensions,
      adoptions: this.#adoptions,
      rescales: this.#rescales,
    };
  }

  at(point: CommitPoint, checkpointId: number): void {
    if (point === 'metadata-asked' && this.mutation === 'commit-before-metadata') {
      this.#jobManager?.tellComplete(checkpointId);
    }
    if (!this.random.chance(this.#pointCrashes)) return;
    this.#crashedAt.push(point);
    this.#crashJobManager();
  }

  toJobManager(task: SimulatedTask, message: TaskManagerMessage): void {
    const isReliable = message.kind === 'source-drained' || message.kind === 'task-state';
    this.#deliver(`from ${task.options.attemptId}`, isReliable, () => {
      if (task.isAlive) this.#jobManager?.receive(task, message);
      this.time.awaited();
    });
  }

  toTask(task: SimulatedTask, message: JobManagerMessage): void {
    this.#deliver(`to ${task.options.attemptId}`, false, () => task.receive(message));
  }

  adopted(): void {
    this.#adoptions += 1;
  }

  rescaled(): void {
    this.#rescales += 1;
  }

  fail(error: unknown): void {
    this.#violation ??= error;
  }

  /** In order within a lane, as streams are; whatever happens between lanes. */
  #deliver(lane: string, isReliable: boolean, deliver: () => void): void {
    const { random, time, faults } = this;
    if (!isReliable && random.chance(faults.lost)) return;
    const delayMs = random.chance(0.05) ? random.integer(20, 200) : random.integer(0, 8);
    const dueMs = Math.max(time.monotonicMs() + delayMs, this.#lanes.get(lane) ?? 0);
    this.#lanes.set(lane, dueMs);
    const times = random.chance(faults.doubled) ? 2 : 1;
    for (let count = 0; count < times; count += 1) time.plan(dueMs - time.monotonicMs(), deliver);
  }

  #lead(orphans: readonly SimulatedTask[]): void {
    const jobManager = new SimulatedJobManager(this, {
      jobId: JOB_ID,
      jobGraph: this.#jobGraph,
      settings: this.#settings,
      record: this.#record,
      checkpointStorage: this.#checkpointStorage,
      records: this.#records,
      parallelism: this.#parallelism,
      nextAttempt: () => {
        this.#attempts += 1;
        return this.#attempts;
      },
      onFinished: (purpose) => this.#onFinished(purpose),
    });
    this.#jobManager = jobManager;
    jobManager.start(orphans).catch((error: unknown) => {
      // Whoever is replaced while it reads may find nothing: its successor went on and cleaned up.
      if (jobManager.isAlive) this.fail(error);
    });
  }

  #onFinished(purpose: 'final' | 'suspend'): void {
    if (purpose === 'final') {
      this.#isDone = true;
      return;
    }
    // Stopped with a savepoint; somebody starts it again from there.
    this.#suspensions += 1;
    this.#lead([]);
  }

  #crashJobManager(): void {
    const jobManager = this.#jobManager;
    if (jobManager === null || !jobManager.isAlive) return;
    jobManager.crash();
    this.time.setTimer(this.random.integer(0, 150), () => {
      if (this.#jobManager === jobManager) this.#lead(jobManager.tasks);
    });
  }

  #planTrouble(): void {
    const { random, time } = this;
    for (let crashes = random.integer(0, 5); crashes > 0; crashes -= 1) {
      time.setTimer(random.integer(1, FAULTS_MS), () => {
        const tasks = this.#jobManager?.tasks ?? [];
        const task = tasks[random.integer(0, tasks.length - 1)];
        if (task === undefined || !task.isAlive || task.state === 'finished') return;
        task.kill();
        time.setTimer(random.integer(0, 100), () => this.#jobManager?.taskFailed(task));
      });
    }
    for (let crashes = random.integer(0, 2); crashes > 0; crashes -= 1) {
      time.setTimer(random.integer(1, FAULTS_MS), () => this.#crashJobManager());
    }
    for (let requests = random.integer(0, 2); requests > 0; requests -= 1) {
      const purpose = random.chance(0.3) ? 'suspend' : 'savepoint';
      time.setTimer(random.integer(1, FAULTS_MS), () => this.#jobManager?.savepoint(purpose));
    }
    for (let requests = random.integer(0, 3); requests > 0; requests -= 1) {
      time.setTimer(random.integer(1, FAULTS_MS), () => this.#jobManager?.rescale());
    }
  }

  #heal(): void {
    this.#pointCrashes = 0;
    for (const fault of Object.keys(this.faults) as (keyof Faults)[]) this.faults[fault] = 0;
  }
}

function jobGraph(roles: readonly Role[]): JobGraph {
  const vertices = roles.map(
    (id): JobVertex => ({
      id,
      name: id,
      operators: [{ id, kind: 'sink/blackhole', options: {} as never, chainedTo: null }],
      parallelism: null,
      maxParallelism: 128,
      resources: { device: 'cpu', labels: {}, fallback: 'none' },
    }),
  );
  const edges = roles.slice(1).map((target, index) => edge(roles[index] as string, target));
  return { name: 'simulated', vertices, edges, bounded: true };
}
