import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CheckpointStorage } from '../../../jobmanager/checkpoint/checkpoint-storage.ts';
import type { CheckpointMetadata } from '../../../shared/checkpoint/checkpoint-metadata.ts';
import { CheckpointPaths } from '../../../shared/checkpoint/checkpoint-paths.ts';
import { MemoryFileSystem, MemoryStore } from '../../../shared/filesystem/memory-filesystem.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const METADATA: CheckpointMetadata = {
  version: 1,
  sluiceVersion: '0',
  jobId: 'job',
  jobName: 'test',
  checkpointId: 3,
  purpose: 'checkpoint',
  triggeredAtMs: 1,
  completedAtMs: 2,
  unaligned: false,
  vertices: [],
  enumerators: {},
};

const FOLDER = 'memory://m/storage/jobs/job/checkpoints/chk-3';
const SHARED = 'memory://m/storage/jobs/job/checkpoints/shared/2-tm';

function world() {
  const fileSystem = new MemoryFileSystem(new MemoryStore(), new FakeClock());
  const paths = new CheckpointPaths('memory://m/storage');
  const storage = new CheckpointStorage({ forUri: () => fileSystem }, paths);
  return { fileSystem, storage };
}

async function filesOf(storage: CheckpointStorage, folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const uri of storage.files(folder)) files.push(uri);
  return files;
}

describe('state', () => {
  it('when it is small, then it lies in its handle; when it is large, then in an object', async () => {
    const { storage } = world();
    for (const length of [0, 5, 30_000]) {
      const bytes = new Uint8Array(length).fill(7);
      const handle = await storage.storeState(FOLDER, `piece-${length}`, bytes);
      assert.equal(handle.kind, length > 20_480 ? 'object' : 'inline');
      assert.deepEqual(await storage.loadState(handle), bytes);
    }
    assert.deepEqual(await filesOf(storage, FOLDER), [`${FOLDER}/piece-30000`]);
  });

  it('when its object was changed or cut, then it is corrupt', async () => {
    const { storage, fileSystem } = world();
    const bytes = new Uint8Array(30_000).fill(7);
    const handle = await storage.storeState(FOLDER, 'piece', bytes);
    for (const bad of [bytes.subarray(1), new Uint8Array(30_000).fill(8)]) {
      await fileSystem.put(`${FOLDER}/piece`, bad);
      await assert.rejects(storage.loadState(handle), { code: 'STATE_CORRUPT' });
    }
  });
});

describe('metadata', () => {
  it('when it was written, then it is read back, and never written again', async () => {
    const { storage } = world();
    await storage.writeMetadata(FOLDER, METADATA);
    assert.deepEqual(await storage.readMetadata(FOLDER), METADATA);
    assert.deepEqual(await storage.readMetadata(`${FOLDER}/`), METADATA);
    const { uri, checkpointId, metadata } = await storage.readCheckpoint(FOLDER);
    assert.deepEqual(
      { uri, checkpointId, metadata },
      { uri: FOLDER, checkpointId: 3, metadata: METADATA },
    );
    await assert.rejects(storage.writeMetadata(FOLDER, METADATA), { code: 'PRECONDITION_FAILED' });
  });

  const foreign: readonly (readonly [string, string | null, RegExp])[] = [
    ['missing', null, /has no _metadata/],
    ['no JSON', 'PAR1', /is no JSON/],
    ['of another version', JSON.stringify({ ...METADATA, version: 2 }), /format 2 is of another/],
    ['somebody else’s', '{"version":"x"}', /not one of Sluice's \(version/],
    ['incomplete', JSON.stringify({ ...METADATA, vertices: [{}] }), /vertices\.0\./],
    ['nothing', 'null', /not one of Sluice's/],
  ];
  for (const [what, text, message] of foreign) {
    it(`when it is ${what}, then that is told`, async () => {
      const { storage, fileSystem } = world();
      if (text !== null) await fileSystem.put(`${FOLDER}/_metadata`, Buffer.from(text));
      await assert.rejects(storage.readMetadata(FOLDER), { code: 'CHECKPOINT_INVALID', message });
    });
  }

  it('when objects lie beside it, then it may be moved with them; others stay where they are', async () => {
    const { storage, fileSystem } = world();
    const elsewhere = 'memory://m/other/piece';
    const uris = [`${FOLDER}/tm-1`, SHARED, elsewhere];
    const object = (uri: string) =>
      ({ kind: 'object', uri, offset: 0, length: 1, crc32: 0 }) as const;
    const enumerators = Object.fromEntries(uris.map((uri, index) => [`s${index}`, object(uri)]));
    await storage.writeMetadata(FOLDER, { ...METADATA, enumerators });
    const { bytes } = await fileSystem.read(`${FOLDER}/_metadata`);
    const text = Buffer.from(bytes).toString('utf8');
    assert.deepEqual(
      [...text.matchAll(/"uri":"([^"]*)"/g)].map(([, uri]) => uri),
      ['tm-1', '../shared/2-tm', elsewhere],
    );
    await fileSystem.put('memory://m/moved/chk-3/_metadata', bytes);
    for (const folder of ['memory://m/moved/chk-3', 'memory://m/moved/chk-3/']) {
      const moved = await storage.readMetadata(folder);
      assert.deepEqual(
        Object.values(moved.enumerators).map((handle) => handle.kind === 'object' && handle.uri),
        ['memory://m/moved/chk-3/tm-1', 'memory://m/moved/shared/2-tm', elsewhere],
      );
    }
    assert.deepEqual((await storage.readMetadata(FOLDER)).enumerators, enumerators);
  });

  it('when it names what lies beyond the folder around it, then it cannot be restored', async () => {
    const { storage, fileSystem } = world();
    for (const uri of ['../../x', 'a/../../../x', './x']) {
      const handle = { kind: 'object', uri, offset: 0, length: 1, crc32: 0 };
      const text = JSON.stringify({ ...METADATA, enumerators: { s: handle } });
      await fileSystem.put(`${FOLDER}/_metadata`, Buffer.from(text));
      await assert.rejects(storage.readMetadata(FOLDER), {
        code: 'CHECKPOINT_INVALID',
        message: /state that lies elsewhere/,
      });
    }
  });

  it('when the storage does not know the place at all, then it cannot be used', () => {
    const forUri = (): never => {
      throw new Error('no');
    };
    const storage = new CheckpointStorage({ forUri }, new CheckpointPaths('memory://m/x'));
    assert.throws(() => storage.checkLocation('ftp://m/x'));
  });
});

describe('a savepoint', () => {
  it('when its state is copied, then it needs nothing but its folder', async () => {
    const { storage, fileSystem } = world();
    const bytes = (fill: number) => new Uint8Array(25_000).fill(fill);
    const first = await storage.storeState(FOLDER, 'piece', bytes(1));
    const second = await storage.storeState(
      'memory://m/storage/jobs/job/shared',
      'piece',
      bytes(2),
    );
    const list = { mode: 'split', handle: first, entries: 1 } as const;
    const segment = { kind: 'base', firstKeyGroup: 0, offsets: [0, 1], handle: second } as const;
    const operators = { a: { lists: { l: list }, keyed: { k: { segments: [segment, segment] } } } };
    const subtasks = [{ operators, channels: [] }];
    const vertices = [{ vertexId: 'a', maxParallelism: 1, subtasks }];
    const target = 'memory://m/mine/savepoint-job-3';
    const copied = await storage.copyState(target, { ...METADATA, vertices });
    for (const file of await filesOf(storage, 'memory://m/storage')) await fileSystem.delete(file);
    const state = copied.vertices[0]!.subtasks[0]!.operators['a']!;
    assert.deepEqual(await storage.loadState(state.lists['l']!.handle), bytes(1));
    for (const { handle } of state.keyed['k']!.segments) {
      assert.deepEqual(await storage.loadState(handle), bytes(2));
    }
    assert.equal((await filesOf(storage, target)).length, 2);
  });
});
