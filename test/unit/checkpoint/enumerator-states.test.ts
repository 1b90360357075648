import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { CheckpointStorage } from '../../../jobmanager/checkpoint/checkpoint-storage.ts';
import {
  EnumeratorStates,
  encodeEnumerator,
} from '../../../jobmanager/checkpoint/enumerator-states.ts';
import type { CheckpointMetadata } from '../../../shared/checkpoint/checkpoint-metadata.ts';
import { CheckpointPaths } from '../../../shared/checkpoint/checkpoint-paths.ts';
import { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { listAll } from '../../support/filesystem-helpers.ts';

const LARGE = 100_000;
let folders = 0;

describe('EnumeratorStates', () => {
  let storage: CheckpointStorage;
  let states: EnumeratorStates;
  let fileSystems: FileSystemRegistry;

  beforeEach(() => {
    folders += 1;
    fileSystems = new FileSystemRegistry({}, { clock: new FakeClock() });
    storage = new CheckpointStorage(fileSystems, new CheckpointPaths(`memory://e/${folders}`));
    states = new EnumeratorStates('job', storage);
  });

  const store = (checkpointId: number, state: unknown, isCopied = false) =>
    states.store(checkpointId, new Map([['images', encodeEnumerator(state)]]), { isCopied });
  const load = (metadata: object, from = states) =>
    from.load(metadata as CheckpointMetadata, 'images');
  const objects = async (): Promise<string[]> => {
    const folder = storage.paths.checkpoints('job');
    const files = await listAll(fileSystems.forUri(folder), folder);
    return files.map(({ uri }) => uri.slice(folder.length + 1));
  };

  it('when a part was in the checkpoint before, then it is not written again', async () => {
    const [old, fresh] = [new Uint8Array(LARGE).fill(1), new Uint8Array(LARGE).fill(2)];
    const first = await store(1, { n: 1, shared: [old] });
    states.completed();
    const second = await store(2, { n: 2, shared: [old, fresh] });
    states.completed();
    const third = await store(3, { n: 3, shared: [old, fresh] });
    assert.ok(first.bytes > LARGE && second.bytes > LARGE && second.bytes < 2 * LARGE);
    assert.ok(third.bytes < 100, `${third.bytes} bytes`);
    assert.deepEqual(await objects(), ['shared/1-job-manager-1', 'shared/2-job-manager-1']);
    assert.deepEqual(await load(third), { state: { n: 3, shared: [old, fresh] } });
  });

  it('when a checkpoint fails, then nothing is built on what it stored, and that is named', async () => {
    const part = new Uint8Array(LARGE);
    const { enumeratorParts } = await store(1, { shared: [part] });
    assert.deepEqual(states.failed(), enumeratorParts?.['images']);
    assert.deepEqual(states.failed(), []);
    const second = await store(2, { shared: [part] });
    assert.ok(second.bytes > LARGE);
    states.completed();
    await store(3, { shared: [part] });
    assert.deepEqual(states.failed(), [], 'a completed checkpoint needs it');
  });

  it('when it is a savepoint, then new parts lie in a folder that goes with it', async () => {
    const part = new Uint8Array(LARGE);
    await store(1, { shared: [part] }, true);
    states.completed();
    assert.deepEqual(await objects(), ['chk-1/job-manager-1']);
    assert.ok((await store(2, { shared: [part] })).bytes > LARGE, 'it is not built on');
  });

  it('when a state is restored by its job, then its parts are not written again', async () => {
    const first = await store(1, { shared: [new Uint8Array(LARGE).fill(3)] });
    states = new EnumeratorStates('job', storage);
    const restored = await load(first);
    assert.ok((await store(2, restored?.state)).bytes < 100);
    const other = new EnumeratorStates('other', storage);
    const elsewhere = await load(first, other);
    const snapshots = new Map([['images', encodeEnumerator(elsewhere?.state)]]);
    const stored = await other.store(3, snapshots, { isCopied: false });
    assert.ok(stored.bytes > LARGE, "another job's objects may go");
  });

  it('when a state has no such parts, then it is as before', async () => {
    for (const state of [null, 7, { n: 1 }, { shared: [] }, { shared: 'x' }]) {
      const stored = await store(1, state);
      assert.equal(stored.enumeratorParts, undefined);
      assert.deepEqual(await load(stored), { state });
    }
  });
});
