import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CheckpointCleaner } from '../../../jobmanager/checkpoint/checkpoint-cleaner.ts';
import { CheckpointStorage } from '../../../jobmanager/checkpoint/checkpoint-storage.ts';
import {
  type CompletedCheckpoint,
  retainedAfter,
} from '../../../jobmanager/checkpoint/completed-checkpoint.ts';
import type { CheckpointMetadata } from '../../../shared/checkpoint/checkpoint-metadata.ts';
import { CheckpointPaths } from '../../../shared/checkpoint/checkpoint-paths.ts';
import type { SubtaskSnapshot } from '../../../shared/checkpoint/snapshot.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { MemoryFileSystem, MemoryStore } from '../../../shared/filesystem/memory-filesystem.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import type { CheckpointPurpose } from '../../../shared/record/stream-event.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const BASE = 'memory://m/storage/jobs/job/checkpoints';

function snapshotOf(...uris: string[]): SubtaskSnapshot {
  const segments = uris.map((uri) => ({
    kind: 'changes' as const,
    firstKeyGroup: 0,
    offsets: [0, 1],
    handle: { kind: 'object' as const, uri, offset: 0, length: 1, crc32: 0 },
  }));
  const operators = { a: { lists: {}, keyed: { k: { segments } } } };
  return { operators, channels: [] };
}

function checkpointOf(
  checkpointId: number,
  uris: readonly string[] = [],
  more: { readonly purpose?: CheckpointPurpose; readonly uri?: string } = {},
): CompletedCheckpoint {
  const { purpose = 'checkpoint', uri = `${BASE}/chk-${checkpointId}` } = more;
  const metadata: CheckpointMetadata = {
    version: 1,
    sluiceVersion: '0',
    jobId: 'job',
    jobName: 'test',
    checkpointId,
    purpose,
    triggeredAtMs: 0,
    completedAtMs: 0,
    unaligned: false,
    vertices: [{ vertexId: 'a', maxParallelism: 1, subtasks: [snapshotOf(...uris)] }],
    enumerators: {},
  };
  return { checkpointId, purpose, uri, completedAtMs: 0, metadata };
}

async function world(files: readonly string[]) {
  const fileSystem = new MemoryFileSystem(new MemoryStore(), new FakeClock());
  for (const file of files) await fileSystem.put(file, new Uint8Array(1));
  const remove = fileSystem.delete.bind(fileSystem);
  const state = { retained: [] as CompletedCheckpoint[], isDown: false };
  fileSystem.delete = async (uri: string) => {
    if (!state.isDown) return remove(uri);
    throw new SluiceError('STORAGE_UNAVAILABLE', 'down', { domain: 'external' });
  };
  const paths = new CheckpointPaths('memory://m/storage');
  const storage = new CheckpointStorage({ forUri: () => fileSystem }, paths);
  const cleaner = new CheckpointCleaner({
    jobId: 'job',
    storage,
    logger: silentLogger,
    retained: () => state.retained,
  });
  const left = async (): Promise<string[]> => {
    await cleaner.settled();
    const { files: found } = await fileSystem.list('memory://m/');
    return found.map(({ uri }) => uri.replace(`${BASE}/`, ''));
  };
  return { cleaner, state, left };
}

describe('clean-up', () => {
  it('when a checkpoint is subsumed, then its files go, but what a retained one refers to', async () => {
    const own = [`${BASE}/chk-1/_metadata`, `${BASE}/chk-1/tm-0`, `${BASE}/chk-1/tm-1`];
    const shared = [`${BASE}/shared/s1`, `${BASE}/shared/s2`];
    const { cleaner, state, left } = await world([...own, ...shared, `${BASE}/chk-2/_metadata`]);
    const first = checkpointOf(1, [...shared, `${BASE}/chk-1/tm-0`, `${BASE}/chk-1/tm-1`]);
    const second = checkpointOf(2, [`${BASE}/shared/s2`, `${BASE}/chk-1/tm-1`]);
    state.retained = [second];
    cleaner.subsumed([first]);
    // A task may not have heard of the second one yet, and build the third on what it knows.
    const spared = ['chk-1/tm-1', 'chk-2/_metadata', 'shared/s1', 'shared/s2'];
    assert.deepEqual(await left(), spared);
    // Once nobody refers to it any more, the rest goes too.
    state.retained = [checkpointOf(3)];
    cleaner.subsumed([second]);
    assert.deepEqual(await left(), ['shared/s2']);
    state.retained = [checkpointOf(4)];
    cleaner.subsumed([checkpointOf(3)]);
    assert.deepEqual(await left(), []);
  });

  it('when a checkpoint is aborted, then its shared objects wait until a later one does without', async () => {
    const { cleaner, state, left } = await world([
      `${BASE}/chk-2/tm-0`,
      `${BASE}/shared/kept`,
      `${BASE}/shared/gone`,
    ]);
    state.retained = [checkpointOf(1)];
    cleaner.discard(2, [snapshotOf(`${BASE}/shared/kept`, `${BASE}/shared/gone`)]);
    assert.deepEqual(await left(), ['shared/gone', 'shared/kept']);
    state.retained = [checkpointOf(3, [`${BASE}/shared/kept`])];
    cleaner.subsumed([checkpointOf(1)]);
    assert.deepEqual(await left(), ['shared/kept']);
  });

  it('when a savepoint or another job’s checkpoint is subsumed, then nothing of it is touched', async () => {
    const other = 'memory://m/storage/jobs/other/checkpoints';
    const savepoint = 'memory://m/mine/savepoint-job-1';
    const files = [
      `${savepoint}/_metadata`,
      `${savepoint}/0-tm`,
      `${other}/chk-9/_metadata`,
      `${other}/shared/s`,
    ];
    const { cleaner, state, left } = await world(files);
    state.retained = [checkpointOf(10)];
    cleaner.subsumed([
      checkpointOf(1, [`${savepoint}/0-tm`], { purpose: 'savepoint', uri: savepoint }),
      checkpointOf(9, [`${other}/shared/s`], { uri: `${other}/chk-9` }),
    ]);
    assert.deepEqual(await left(), files.toSorted());
  });

  it('when the storage does not answer, then it is tried again with the next clean-up', async () => {
    const { cleaner, state, left } = await world([`${BASE}/chk-1/_metadata`, `${BASE}/shared/s`]);
    state.retained = [checkpointOf(2)];
    state.isDown = true;
    cleaner.subsumed([checkpointOf(1, [`${BASE}/shared/s`])]);
    assert.deepEqual(await left(), ['chk-1/_metadata', 'shared/s']);
    state.isDown = false;
    state.retained = [checkpointOf(3)];
    cleaner.subsumed([]);
    assert.deepEqual(await left(), []);
  });

  it('when a job manager starts, then what earlier ones left behind goes', async () => {
    const { cleaner, state, left } = await world([
      `${BASE}/chk-1/_metadata`,
      `${BASE}/chk-2/tm-0`,
      `${BASE}/chk-3/_metadata`,
      `${BASE}/chk-3/tm-0`,
      `${BASE}/chk-9/tm-0`,
      `${BASE}/shared/s`,
    ]);
    state.retained = [checkpointOf(3)];
    await cleaner.sweep(9);
    assert.deepEqual(await left(), ['chk-3/_metadata', 'chk-3/tm-0', 'chk-9/tm-0', 'shared/s']);
    state.retained = [checkpointOf(10)];
    cleaner.subsumed([checkpointOf(3)]);
    assert.deepEqual(await left(), ['chk-9/tm-0']);
  });

  it('when it is closed, then nothing is removed any more', async () => {
    const { cleaner, state, left } = await world([`${BASE}/chk-1/_metadata`]);
    state.retained = [checkpointOf(2)];
    cleaner.close();
    cleaner.subsumed([checkpointOf(1)]);
    assert.deepEqual(await left(), ['chk-1/_metadata']);
  });
});

describe('retention', () => {
  it('when checkpoints complete, then the newest stay, and savepoints only while nothing is newer', () => {
    let retained: CompletedCheckpoint[] = [];
    const ids = (completed: CompletedCheckpoint): string => {
      retained = retainedAfter(retained, completed, 2);
      return retained.map(({ checkpointId }) => checkpointId).join(' ');
    };
    assert.equal(ids(checkpointOf(1)), '1');
    assert.equal(ids(checkpointOf(2)), '1 2');
    assert.equal(ids(checkpointOf(3)), '2 3');
    assert.equal(ids(checkpointOf(4, [], { purpose: 'savepoint' })), '2 3 4');
    assert.equal(ids(checkpointOf(5, [], { purpose: 'suspend' })), '2 3 4 5');
    assert.equal(ids(checkpointOf(6)), '3 6');
    assert.equal(ids(checkpointOf(7, [], { purpose: 'final' })), '6 7');
  });
});
