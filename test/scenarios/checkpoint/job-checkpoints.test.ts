import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CheckpointStorage } from '../../../jobmanager/checkpoint/checkpoint-storage.ts';
import {
  type CompletedCheckpoint,
  InMemoryCheckpointRegistry,
} from '../../../jobmanager/checkpoint/completed-checkpoint.ts';
import { JobCheckpoints } from '../../../jobmanager/checkpoint/job-checkpoints.ts';
import { CheckpointPaths } from '../../../shared/checkpoint/checkpoint-paths.ts';
import { CHECKPOINT_DEFAULTS } from '../../../shared/checkpoint/checkpoint-settings.ts';
import { EMPTY_SNAPSHOT } from '../../../shared/checkpoint/snapshot.ts';
import type { ErrorCode } from '../../../shared/errors/codes.ts';
import { type SerializedError, SluiceError } from '../../../shared/errors/sluice-error.ts';
import { MemoryFileSystem, MemoryStore } from '../../../shared/filesystem/memory-filesystem.ts';
import { parseUri } from '../../../shared/filesystem/uri.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { pipeline, sinkVertex, sourceVertex } from '../../support/jobmanager/job-graphs.ts';

/** A job of the source `r` and the sink `w`, one subtask each; a checkpoint every second. */
const GRAPH = pipeline([sourceVertex('r'), sinkVertex('w')]);
const BASE = 'memory://m/storage/jobs/job/checkpoints';
const TIMINGS = { alignmentMs: 0, syncMs: 0, asyncMs: 0, bytes: 100 };

class World {
  readonly clock = new FakeClock();
  readonly store = new MemoryStore();
  readonly fileSystem = new MemoryFileSystem(this.store, this.clock);
  readonly storage = new CheckpointStorage(
    {
      forUri: (uri) => {
        parseUri(uri);
        return this.fileSystem;
      },
    },
    new CheckpointPaths('memory://m/storage'),
  );
  readonly registry = new InMemoryCheckpointRegistry();
  /** What happened, in order. */
  readonly log: string[] = [];
  readonly errors: SerializedError[] = [];
  /** What the enumerator's snapshot is, or throws. */
  enumerator: () => unknown = () => ({ position: 5 });
  readonly checkpoints: JobCheckpoints;

  constructor(retained: readonly CompletedCheckpoint[] = []) {
    this.checkpoints = new JobCheckpoints({
      jobId: 'job',
      jobGraph: GRAPH,
      settings: {
        ...CHECKPOINT_DEFAULTS,
        intervalMs: 1_000,
        timeoutMs: 5_000,
        tolerableFailures: 0,
      },
      storage: this.storage,
      registry: this.registry,
      clock: this.clock,
      logger: silentLogger,
      retained,
      sources: () => [
        {
          operatorId: 'r',
          snapshotState: (id) => {
            this.log.push(`snapshot ${id}`);
            return this.enumerator();
          },
          checkpointComplete: (id) => this.log.push(`source complete ${id}`),
          checkpointAborted: (id) => this.log.push(`source aborted ${id}`),
        },
      ],
      sendToAttempt: (attemptId, message) => {
        const id = 'checkpointId' in message ? message.checkpointId : '';
        const barrier = 'barrier' in message ? JSON.stringify(message.barrier.purpose) : '';
        this.log.push(`${attemptId}: ${message.kind} ${id}${barrier}`);
      },
      onTooManyFailures: (error) => this.errors.push(error),
      onFinalComplete: (purpose) => this.log.push(`over: ${purpose}`),
    });
    const common = { subtask: 0, parallelism: 1 };
    this.checkpoints.deployed([
      { ...common, attemptId: 'r0', vertexId: 'r', isSource: true },
      { ...common, attemptId: 'w0', vertexId: 'w', isSource: false },
    ]);
    this.checkpoints.running();
  }

  acknowledge(checkpointId: number, ...attemptIds: readonly string[]): void {
    const kind = 'acknowledge-checkpoint';
    for (const attemptId of attemptIds) {
      const handle = { kind: 'inline', base64: attemptId } as const;
      const lists = { l: { mode: 'split', handle, entries: 1 } } as const;
      const operators = { [attemptId.slice(0, 1)]: { lists, keyed: {} } };
      const snapshot = { ...EMPTY_SNAPSHOT, operators };
      this.checkpoints.handle({ kind, attemptId, checkpointId, snapshot, timings: TIMINGS });
    }
  }

  async complete(checkpointId: number): Promise<void> {
    await this.clock.advance(1_000);
    this.acknowledge(checkpointId, 'r0', 'w0');
    await settle();
  }

  /** The log since the last look. */
  look(): string[] {
    return this.log.splice(0);
  }

  get files(): string[] {
    return [...this.store.files.keys()].map((uri) =>
      uri.replace('memory://m/storage/jobs/job/', ''),
    );
  }
}

function failure(code: ErrorCode, retry: 'none' | 'backoff' = 'none'): SluiceError {
  return new SluiceError(code, 'simulated', { domain: 'external', retry });
}

describe('checkpoints of a job', () => {
  it('when one is due, then enumerators are snapshotted before the sources are told', async () => {
    const world = new World();
    await world.clock.advance(999);
    assert.deepEqual(world.look(), []);
    await world.clock.advance(1);
    assert.deepEqual(world.look(), ['snapshot 1', 'r0: trigger-checkpoint "checkpoint"']);
  });

  it('when everybody has acknowledged, then it is written, registered and told, in this order', async () => {
    const world = new World();
    await world.clock.advance(1_000);
    world.look();
    world.acknowledge(1, 'r0', 'w0');
    assert.equal(world.checkpoints.latest, null);
    world.registry.register = async (checkpoint, retained) => {
      world.log.push(`register ${checkpoint.uri} of ${retained.length}, ${world.files}`);
    };
    await settle();
    assert.deepEqual(world.look(), [
      `register ${BASE}/chk-1 of 1, checkpoints/chk-1/_metadata`,
      'source complete 1',
      'r0: checkpoint-complete 1',
      'w0: checkpoint-complete 1',
    ]);
    const { history, counts, inProgress } = world.checkpoints.detail();
    assert.deepEqual(counts, { completed: 1, failed: 0, inProgress: 0 });
    assert.equal(inProgress, null);
    const { status, path, failure: none } = history[0]!;
    assert.deepEqual(
      { status, path, none },
      { status: 'COMPLETED', path: `${BASE}/chk-1`, none: null },
    );
    assert.ok(history[0]!.bytes > 200, 'what the tasks and the enumerator stored');
  });

  it('when it is restored, then subtasks and enumerators get their state, also by a successor', async () => {
    const world = new World();
    await world.complete(1);
    const [source, sink] = GRAPH.vertices as [
      (typeof GRAPH.vertices)[0],
      (typeof GRAPH.vertices)[0],
    ];
    const completed = await world.storage.readCheckpoint(`${BASE}/chk-1`);
    const successor = new World([completed]);
    for (const { checkpoints } of [world, successor]) {
      const restore = checkpoints.restoreFor(sink, 0, 1);
      assert.deepEqual(restore?.operators['w']?.lists['l']?.handles, [
        { kind: 'inline', base64: 'w0' },
      ]);
      assert.equal(checkpoints.restoreFor(source, 0, 1)?.checkpointId, 1);
      assert.deepEqual(await checkpoints.enumeratorState('r'), { state: { position: 5 } });
      assert.equal(await checkpoints.enumeratorState('other'), null);
    }
    await successor.clock.advance(1_000);
    assert.deepEqual(successor.look(), ['snapshot 2', 'r0: trigger-checkpoint "checkpoint"']);
    assert.equal(new World().checkpoints.restoreFor(sink, 0, 1), null);
  });

  it('when a later one completes, then the earlier one is removed', async () => {
    const world = new World();
    world.enumerator = () => new Uint8Array(30_000);
    await world.complete(1);
    assert.deepEqual(world.files, [
      'checkpoints/chk-1/job-manager-0',
      'checkpoints/chk-1/_metadata',
    ]);
    await world.complete(2);
    assert.deepEqual(world.files, [
      'checkpoints/chk-2/job-manager-0',
      'checkpoints/chk-2/_metadata',
    ]);
    assert.deepEqual(
      world.registry.retained.map(({ uri }) => uri),
      [`${BASE}/chk-2`],
    );
  });

  it('when an enumerator cannot be snapshotted, then nobody is told to begin, and it counts', async () => {
    const world = new World();
    world.enumerator = () => {
      throw failure('STORAGE_DENIED');
    };
    await world.clock.advance(1_000);
    assert.deepEqual(world.look(), [
      'snapshot 1',
      'source aborted 1',
      'r0: checkpoint-aborted 1',
      'w0: checkpoint-aborted 1',
    ]);
    assert.deepEqual(
      world.errors.map(({ code }) => code),
      ['CHECKPOINT_FAILED'],
    );
    assert.deepEqual(world.checkpoints.detail().history[0]?.failure, {
      reason: 'TASK_DECLINED',
      message: 'simulated',
    });
  });

  it('when the metadata cannot be written, then it is aborted and its files go', async () => {
    const world = new World();
    world.enumerator = () => new Uint8Array(30_000);
    const put = world.fileSystem.put.bind(world.fileSystem);
    world.fileSystem.put = async (uri, ...rest) => {
      if (uri.endsWith('_metadata')) throw failure('STORAGE_UNAVAILABLE', 'backoff');
      return put(uri, ...rest);
    };
    await world.complete(1);
    assert.ok(world.look().includes('w0: checkpoint-aborted 1'));
    assert.deepEqual(world.files, []);
    assert.equal(world.checkpoints.latest, null);
    assert.equal(world.checkpoints.detail().history[0]?.failure?.reason, 'STORAGE_FAILED');
  });

  it('when a registration is not answered, then it is asked for until it is, and a restart waits', async () => {
    const world = new World();
    let tries = 0;
    world.registry.register = async () => {
      tries += 1;
      if (tries < 3) throw failure('STORAGE_UNAVAILABLE', 'backoff');
    };
    await world.complete(1);
    world.checkpoints.interrupted();
    let isSettled = false;
    const settled = world.checkpoints.settled().then(() => {
      isSettled = true;
    });
    await settle();
    assert.equal(isSettled, false);
    assert.throws(() => world.checkpoints.restoreFor(GRAPH.vertices[0]!, 0, 1), /settled/);
    await world.clock.advance(2_000);
    await settled;
    assert.equal(tries, 3);
    assert.equal(world.checkpoints.latest?.checkpointId, 1);
    assert.ok(world.look().includes('w0: checkpoint-complete 1'));
    await world.checkpoints.settled();
  });

  it('when another job manager leads, then nothing counts and nothing is removed any more', async () => {
    const world = new World();
    world.registry.register = () => Promise.reject(failure('PRECONDITION_FAILED'));
    await world.complete(1);
    assert.equal(world.checkpoints.latest, null);
    assert.equal(world.checkpoints.detail().history[0]?.failure?.reason, 'LEADERSHIP_LOST');
    assert.deepEqual(world.files, ['checkpoints/chk-1/_metadata']);
    world.look();
    await world.clock.advance(60_000);
    assert.deepEqual(world.look(), []);
    assert.deepEqual(world.errors, []);
  });

  it('when nobody answers in time, then the job is told', async () => {
    const world = new World();
    await world.clock.advance(6_000);
    assert.equal(world.errors.length, 1);
    assert.match(world.errors[0]!.message, /1 checkpoints in a row failed.*time-out/);
    assert.equal(world.errors[0]!.retry, 'restart-job');
  });

  it('when the sources have drained, then the job is over once the final one is complete', async () => {
    const world = new World();
    world.checkpoints.handle({ kind: 'source-drained', attemptId: 'r0' });
    assert.deepEqual(world.look(), ['snapshot 1', 'r0: trigger-checkpoint "final"']);
    world.acknowledge(1, 'w0', 'r0');
    await settle();
    assert.equal(world.look().at(-1), 'over: final');
    world.checkpoints.close();
    assert.equal(world.clock.pendingTimers, 0);
  });
});

describe('tasks that outlive their job manager', () => {
  const attempts = [
    { attemptId: 'r0', vertexId: 'r', subtask: 0, parallelism: 1, isSource: true },
    { attemptId: 'w0', vertexId: 'w', subtask: 0, parallelism: 1, isSource: false },
  ];

  it('when they are adopted, then they hear of the latest checkpoint again, and go on', async () => {
    const world = new World();
    await world.complete(1);
    const successor = new World([await world.storage.readCheckpoint(`${BASE}/chk-1`)]);
    successor.checkpoints.adopted(attempts);
    successor.checkpoints.running();
    assert.deepEqual(successor.look(), ['r0: checkpoint-complete 1', 'w0: checkpoint-complete 1']);
    await successor.clock.advance(1_000);
    assert.deepEqual(successor.look(), ['snapshot 2', 'r0: trigger-checkpoint "checkpoint"']);
  });

  it('when the latest was their last one, then they are told to end', async () => {
    const world = new World();
    world.checkpoints.handle({ kind: 'source-drained', attemptId: 'r0' });
    world.acknowledge(1, 'w0', 'r0');
    await settle();
    const successor = new World([await world.storage.readCheckpoint(`${BASE}/chk-1`)]);
    successor.checkpoints.adopted(attempts);
    successor.checkpoints.running();
    assert.deepEqual(successor.look(), [
      'r0: checkpoint-complete 1',
      'w0: checkpoint-complete 1',
      'over: final',
    ]);
    await successor.clock.advance(5_000);
    assert.deepEqual(successor.look(), []);
  });
});

describe('savepoints', () => {
  it('when one is asked for, then its folder is told, holds all of it, and is never removed', async () => {
    const world = new World();
    world.enumerator = () => new Uint8Array(30_000);
    const asked = world.checkpoints.savepoint({
      directory: 'memory://m/mine',
      purpose: 'savepoint',
    });
    world.acknowledge(1, 'r0', 'w0');
    const uri = await asked;
    assert.equal(uri, 'memory://m/mine/savepoint-job-1');
    await settle();
    assert.deepEqual(
      world.files.filter((file) => file.includes('chk-')),
      [],
    );
    const { metadata } = await world.storage.readCheckpoint(uri);
    const handle = metadata.enumerators['r']!;
    assert.ok(handle.kind === 'object' && handle.uri.startsWith(`${uri}/`));
    // Recovery does not rest on it for long: a checkpoint follows at once.
    assert.equal(world.checkpoints.latest?.uri, uri);
    world.acknowledge(2, 'r0', 'w0');
    await settle();
    assert.equal(world.checkpoints.latest?.uri, `${BASE}/chk-2`);
    assert.equal((await world.storage.readMetadata(uri)).checkpointId, 1);
  });

  it('when no directory is given, then it lies in the storage', async () => {
    const world = new World();
    const asked = world.checkpoints.savepoint({ directory: null, purpose: 'suspend' });
    world.acknowledge(1, 'r0', 'w0');
    assert.equal(await asked, 'memory://m/storage/savepoints/savepoint-job-1');
    assert.equal(world.look().at(-1), 'over: suspend');
  });

  it('when it cannot be had, then it is said why', async () => {
    const world = new World();
    const ask = () => world.checkpoints.savepoint({ directory: null, purpose: 'savepoint' });
    const interrupted = ask();
    world.checkpoints.interrupted();
    await assert.rejects(interrupted, { code: 'CHECKPOINT_FAILED', message: /a task ended/ });
    const late = assert.rejects(ask(), { code: 'CHECKPOINT_FAILED', message: /not run in time/ });
    await world.clock.advance(5_000);
    await late;
    const queued = assert.rejects(ask(), { code: 'JOB_STATE' });
    world.checkpoints.close();
    await queued;
    await assert.rejects(ask(), { code: 'JOB_STATE' });
    await assert.rejects(
      world.checkpoints.savepoint({ directory: 'nowhere', purpose: 'savepoint' }),
      { code: 'ARGUMENT_INVALID' },
    );
  });
});
