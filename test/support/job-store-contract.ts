import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { JobRecord, NewJob } from '../../jobmanager/job-store/job-record.ts';
import { JobStore } from '../../jobmanager/job-store/job-store.ts';
import type { Leadership } from '../../jobmanager/leader-election/leadership.ts';
import { CheckpointPaths } from '../../shared/checkpoint/checkpoint-paths.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileSystem } from '../../shared/filesystem/filesystem.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { inParallel, rejectsWith } from './filesystem-helpers.ts';
import { pipeline, sinkVertex, sourceVertex } from './jobmanager/job-graphs.ts';

export interface StorageUnderTest {
  readonly storage: string;
  readonly fileSystem: () => FileSystem;
}

type Test = (name: string, body: (context: TestContext) => Promise<void>) => unknown;

export class FakeLeadership implements Leadership {
  readonly epoch: number;
  valid = true;
  confirmed = true;
  readonly seen: number[] = [];

  constructor(epoch: number) {
    this.epoch = epoch;
  }

  isValid(): boolean {
    return this.valid;
  }

  async confirm(): Promise<boolean> {
    return this.confirmed;
  }

  superseded(epoch: number): void {
    this.seen.push(epoch);
  }
}

export const NEW_JOB: NewJob = {
  jobId: 'job-1',
  submittedAtMs: 1_000,
  jobGraph: pipeline([sourceVertex('numbers'), sinkVertex('nothing')]),
  checkpoints: [],
};

const renamed =
  (stateName: JobRecord['state']) =>
  (record: JobRecord): JobRecord => ({ ...record, state: stateName });

function checkpoint(checkpointId: number) {
  const uri = `memory://checkpoints/chk-${checkpointId}`;
  return { checkpointId, purpose: 'checkpoint' as const, uri, completedAtMs: 5 };
}

/** What holds for a job store over any storage; `open` gives an empty one to each test. */
export function jobStoreContract(
  test: Test,
  where: string,
  open: (context: TestContext) => Promise<StorageUnderTest>,
): void {
  const on = (name: string) => `${where}: ${name}`;
  const storeFor = (
    under: StorageUnderTest,
    leadership: Leadership,
    fileSystem = under.fileSystem(),
  ) =>
    new JobStore({
      fileSystem,
      paths: new CheckpointPaths(under.storage),
      clock: systemClock,
      leadership,
    });

  test(
    on('when a job starts from the checkpoint of another, then that is needed'),
    async (context) => {
      const under = await open(context);
      const store = storeFor(under, new FakeLeadership(1));
      const folder = 'memory://checkpoints';
      await store.create(NEW_JOB);
      assert.equal(store.isNeeded(folder), false);
      await store.create({ ...NEW_JOB, jobId: 'job-2', checkpoints: [checkpoint(7)] });
      assert.equal(store.isNeeded(folder), true);
      assert.equal(store.isNeeded(`${folder}/chk`), false);
      await store.update('job-2', renamed('FAILED'));
      assert.equal(store.isNeeded(folder), false);
    },
  );

  test(
    on('when a job is removed, then a write that waits does not bring it back'),
    async (context) => {
      const store = storeFor(await open(context), new FakeLeadership(1));
      await store.create(NEW_JOB);
      const writing = store.update(NEW_JOB.jobId, renamed('FINISHED'));
      await store.remove(NEW_JOB.jobId);
      assert.equal((await writing).state, 'FINISHED');
      assert.equal(await store.load(NEW_JOB.jobId), null);
      assert.deepEqual(await store.list(), []);
    },
  );

  test(on('when a job is created and changed, then its record says so'), async (context) => {
    const under = await open(context);
    const store = storeFor(under, new FakeLeadership(3));
    await store.create(NEW_JOB);
    const changes = ['WAITING_FOR_RESOURCES', 'RUNNING', 'FINISHED'] as const;
    await Promise.all(changes.map((state) => store.update('job-1', renamed(state))));
    const record = await store.load('job-1');
    assert.equal(record?.state, 'FINISHED');
    assert.equal(record.epoch, 3);
    assert.ok(record.revision <= 3, 'changes that wait together are written together');
    assert.deepEqual(record.jobGraph, NEW_JOB.jobGraph);
    await rejectsWith('PRECONDITION_FAILED', store.create(NEW_JOB));
    assert.equal(await store.load('job-2'), null);
    await rejectsWith('JOB_NOT_FOUND', store.update('job-2', renamed('RUNNING')));
  });

  test(
    on('when a successor took the job over, then the old leader is refused'),
    async (context) => {
      const under = await open(context);
      const deposed = new FakeLeadership(1);
      const old = storeFor(under, deposed);
      await old.create(NEW_JOB);
      const next = storeFor(under, new FakeLeadership(2));
      assert.equal((await next.takeOver('job-1'))?.epoch, 2);
      await rejectsWith('LEADERSHIP_LOST', old.update('job-1', renamed('FAILED')));
      await rejectsWith('LEADERSHIP_LOST', old.update('job-1', renamed('CANCELED')));
      assert.deepEqual(deposed.seen, [2]);
      await rejectsWith('LEADERSHIP_LOST', old.takeOver('job-1'));
      await next.registry('job-1').register(checkpoint(7), [checkpoint(7)]);
      const record = await next.load('job-1');
      assert.deepEqual(record?.checkpoints, [checkpoint(7)]);
      assert.equal(record.nextCheckpointId, 8);
      assert.equal(record.state, 'CREATED');
      await rejectsWith(
        'LEADERSHIP_LOST',
        old.registry('job-1').register(checkpoint(8), [checkpoint(8)]),
      );
    },
  );

  test(
    on('when the old leader writes while it is succeeded, then one of both has the job'),
    async (context) => {
      const under = await open(context);
      const old = storeFor(under, new FakeLeadership(1));
      await old.create(NEW_JOB);
      const writes = Array.from({ length: 30 }, (_, index) =>
        old
          .update('job-1', (record) => ({ ...record, nextCheckpointId: index + 2 }))
          .then(() => index + 2)
          .catch(() => 0),
      );
      const next = storeFor(under, new FakeLeadership(2));
      const [taken, ...written] = await Promise.all([next.takeOver('job-1'), ...writes]);
      // Whatever the old leader was told is durable, its successor has seen.
      assert.ok((taken?.nextCheckpointId ?? 0) >= Math.max(...written));
      assert.equal((await next.load('job-1'))?.epoch, 2);
    },
  );

  test(on('when answers are lost, then each change is made once'), async (context) => {
    const under = await open(context);
    const fileSystem = under.fileSystem();
    const put = fileSystem.put.bind(fileSystem);
    let puts = 0;
    fileSystem.put = async (...call) => {
      puts += 1;
      const status = puts % 3 === 0 ? null : await put(...call);
      if (puts % 2 === 0 || status === null) throw unavailable();
      return status;
    };
    const store = storeFor(under, new FakeLeadership(1), fileSystem);
    await store.create(NEW_JOB);
    for (let count = 0; count < 4; count += 1) {
      await store.update('job-1', (record) => ({
        ...record,
        nextCheckpointId: record.nextCheckpointId + 1,
      }));
    }
    const record = await store.load('job-1');
    assert.deepEqual([record?.nextCheckpointId, record?.revision], [5, 5]);
  });

  test(on('when the term is over, then nothing is written'), async (context) => {
    const under = await open(context);
    const leadership = new FakeLeadership(1);
    const store = storeFor(under, leadership);
    await store.create(NEW_JOB);
    leadership.valid = false;
    await rejectsWith('LEADERSHIP_LOST', store.update('job-1', renamed('FAILED')));
    await rejectsWith('LEADERSHIP_LOST', store.create({ ...NEW_JOB, jobId: 'job-2' }));
    leadership.valid = true;
    leadership.confirmed = false;
    await rejectsWith('LEADERSHIP_LOST', store.create({ ...NEW_JOB, jobId: 'job-3' }));
    store.close();
    await rejectsWith('LEADERSHIP_LOST', store.create({ ...NEW_JOB, jobId: 'job-4' }));
    const later = storeFor(under, new FakeLeadership(2));
    assert.equal((await later.load('job-1'))?.state, 'CREATED');
  });

  test(
    on('when jobs have many checkpoints, then the list names each job once'),
    async (context) => {
      const under = await open(context);
      const store = storeFor(under, new FakeLeadership(1));
      const ids = ['a', 'a-1', 'a0', 'b'];
      const fileSystem = under.fileSystem();
      for (const jobId of ids) {
        await store.create({ ...NEW_JOB, jobId });
        const pieces = Array.from({ length: 110 }, (_, piece) => piece);
        await inParallel(pieces, 16, async (piece) => {
          const folder = `${under.storage}/jobs/${jobId}/checkpoints/chk-${piece}`;
          await fileSystem.put(`${folder}/_metadata`, new Uint8Array(1));
        });
      }
      assert.deepEqual((await store.list()).toSorted(), ids.toSorted());
      await store.update('b', renamed('FINISHED'));
      await store.remove('b');
      assert.equal(await store.load('b'), null);
    },
  );

  test(on('when a record is no record, then taking it over says so'), async (context) => {
    const under = await open(context);
    const paths = new CheckpointPaths(under.storage);
    await under.fileSystem().put(paths.job('odd'), Buffer.from('{"version":99}'));
    const store = storeFor(under, new FakeLeadership(1));
    await rejectsWith('STATE_CORRUPT', store.takeOver('odd'));
  });
}

function unavailable(): SluiceError {
  return new SluiceError('STORAGE_UNAVAILABLE', 'no answer', {
    domain: 'external',
    retry: 'backoff',
  });
}
