import assert from 'node:assert/strict';
import { CheckpointHistory } from '../../../jobmanager/checkpoint/checkpoint-history.ts';
import type {
  CheckpointedJob,
  CheckpointsOfJob,
  DeployedAttempt,
  RecoveryBase,
  RecoveryBases,
} from '../../../jobmanager/job-master/checkpoint-port.ts';
import { CHECKPOINT_DEFAULTS } from '../../../shared/checkpoint/checkpoint-settings.ts';
import type { TaskRestore } from '../../../shared/checkpoint/snapshot.ts';
import { SluiceError, serializeError } from '../../../shared/errors/sluice-error.ts';
import type { JobCheckpointsDetail } from '../../../shared/rest/rest-types.ts';
import { sleep } from '../../../shared/time/clock.ts';
import type { Random, VirtualTime } from './virtual-time.ts';

/**
 * Checkpoints that complete, or do not, at random; of the tasks they know nothing. The coordinator has
 * a simulation of its own: this one shows what the job makes of checkpoints.
 */
export class SimulatedCheckpoints implements CheckpointsOfJob {
  latest: CheckpointsOfJob['latest'] = null;
  readonly drained = false;
  readonly #job: CheckpointedJob;
  readonly #time: VirtualTime;
  readonly #random: Random;
  #states: ReadonlyMap<string, unknown> = new Map();
  #lastId = 0;
  #attempts: readonly DeployedAttempt[] = [];
  /** Raised when what is under way is aborted. */
  #epoch = 0;
  #isRunning = false;
  #settled = Promise.resolve();
  #closed = false;
  #asked: { resolve(uri: string): void; reject(error: Error): void } | null = null;

  constructor(job: CheckpointedJob, time: VirtualTime, random: Random) {
    this.#job = job;
    this.#time = time;
    this.#random = random;
  }

  deployed(attempts: readonly DeployedAttempt[]): void {
    assert.equal(this.#isRunning, false, 'checkpoints are interrupted before attempts change');
    this.#attempts = attempts;
  }

  running(): void {
    assert.equal(this.#isRunning, false, 'attempts begin to run once');
    this.#isRunning = true;
    this.#triggerLater();
  }

  interrupted(): void {
    this.#isRunning = false;
    this.#epoch += 1;
    this.#asked?.reject(new Error('the job was interrupted'));
    this.#asked = null;
  }

  handle(): void {}

  async settled(): Promise<void> {
    await this.#settled;
  }

  restoreFor(_vertex: unknown, subtask: number, parallelism: number): TaskRestore | null {
    assert.equal(this.#isRunning, false, 'what restarts has interrupted checkpoints');
    assert.ok(subtask < parallelism);
    if (this.latest === null) return null;
    return { checkpointId: this.latest.checkpointId, operators: {}, channels: [] };
  }

  async enumeratorState(operatorId: string): Promise<{ readonly state: unknown } | null> {
    await sleep(this.#time, this.#random.between(0, 200));
    if (this.#random.chance(0.02)) {
      throw new SluiceError('STORAGE_UNAVAILABLE', 'no answer', { domain: 'external' });
    }
    return this.#states.has(operatorId) ? { state: this.#states.get(operatorId) } : null;
  }

  /** To rescale from: the only ones that are asked for here. */
  savepoint(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#asked = { resolve, reject };
      assert.equal(this.#isRunning, true, 'only a job that runs is asked for a checkpoint');
      // What is under way is not waited for: it is as if it had failed.
      this.#epoch += 1;
      this.#trigger(this.#epoch);
    });
  }

  measurement(): ReturnType<CheckpointsOfJob['measurement']> {
    const figures = new CheckpointHistory(0).figures(this.#time.nowMs());
    return { settings: CHECKPOINT_DEFAULTS, figures };
  }

  detail(): JobCheckpointsDetail {
    const counts = { completed: 0, failed: 0, inProgress: 0 };
    return { settings: CHECKPOINT_DEFAULTS, counts, latest: null, inProgress: null, history: [] };
  }

  close(): void {
    this.#closed = true;
    this.interrupted();
  }

  #triggerLater(): void {
    const epoch = this.#epoch;
    this.#time.setTimer(this.#random.between(50, 3_000), () => {
      if (epoch === this.#epoch && !this.#closed) this.#trigger(epoch);
    });
  }

  #trigger(epoch: number): void {
    assert.ok(this.#attempts.length > 0);
    if (this.#random.chance(0.02)) {
      this.interrupted();
      const error = new SluiceError('STORAGE_UNAVAILABLE', 'no answer', { domain: 'external' });
      this.#job.onTooManyFailures(serializeError(error));
      return;
    }
    const asked = this.#asked;
    this.#lastId += 1;
    const checkpointId = this.#lastId;
    const states = new Map(
      this.#job
        .sources()
        .map((source) => [source.operatorId, structuredClone(source.snapshotState(checkpointId))]),
    );
    this.#time.setTimer(this.#random.between(1, 1_000), () => {
      if (epoch !== this.#epoch) return;
      this.#asked = null;
      // All have acknowledged; whatever happens now, it completes, or nobody hears of it again.
      this.#settled = sleep(this.#time, this.#random.between(0, 300)).then(() => {
        if (this.#closed) return;
        const completes = this.#random.chance(0.9);
        if (completes) this.#complete(checkpointId, states, asked !== null);
        if (completes && asked !== null && epoch === this.#epoch) this.#isRunning = false;
        else if (epoch === this.#epoch) this.#triggerLater();
        if (completes) asked?.resolve('memory://checkpoint');
        else asked?.reject(new Error('it was not stored'));
      });
    });
  }

  #complete(checkpointId: number, states: ReadonlyMap<string, unknown>, aligned: boolean): void {
    this.#states = states;
    const metadata = { unaligned: !aligned && this.#random.chance(0.2) };
    this.latest = { checkpointId, purpose: 'checkpoint', metadata };
    for (const source of this.#job.sources()) source.checkpointComplete(checkpointId);
  }
}

export class SimulatedRecoveries implements RecoveryBases {
  readonly #time: VirtualTime;
  readonly #random: Random;

  constructor(time: VirtualTime, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  fresh(jobId: string): RecoveryBase {
    return {
      directory: `memory://checkpoints/${jobId}`,
      retained: [],
      open: (job) => new SimulatedCheckpoints(job, this.#time, this.#random),
    };
  }

  async restored({ jobId }: { readonly jobId: string }): Promise<RecoveryBase> {
    return this.fresh(jobId);
  }
}
