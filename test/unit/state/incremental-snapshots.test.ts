import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { STATE_BACKENDS, type StateBackendKind } from '../../../shared/checkpoint/state-backend.ts';
import type { StateHandle } from '../../../shared/checkpoint/state-handle.ts';
import type { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { type BackendOptions, backendFactory } from '../../../taskmanager/state/create-backend.ts';
import type {
  KeyedHandles,
  KeyedStateBackend,
} from '../../../taskmanager/state/keyed-state-backend.ts';
import { withDefaults } from '../../../taskmanager/state/state-descriptor.ts';
import { MemorySnapshotStore } from '../../support/memory-snapshot-store.ts';

const KEYS = 10_000;
const ALONE = { subtaskIndex: 0, parallelism: 1 };
const clock = { monotonicMs: () => performance.now() };

async function open(
  kind: StateBackendKind,
  options: Partial<BackendOptions> = {},
): Promise<KeyedStateBackend> {
  const create = await backendFactory(kind);
  return create({ ...ALONE, maxParallelism: 128, clock, ...options });
}

const counts = (backend: KeyedStateBackend) => backend.state.value<number>({ name: 'counts' });

/** Sets the keys `from` to `to` to the value. */
function set(backend: KeyedStateBackend, range: { from: number; to: number }, value: number): void {
  const state = counts(backend);
  for (let key = range.from; key < range.to; key += 1) {
    backend.state.setCurrentKey(`key-${key}`);
    state.update(value);
  }
}

const ALL = { from: 0, to: KEYS };
const FEW = { from: 0, to: 100 };

async function restored(
  kind: StateBackendKind,
  handles: KeyedHandles,
  store: MemorySnapshotStore,
): Promise<Map<unknown, number>> {
  const backend = await open(kind);
  const keyed = Object.fromEntries(Object.entries(handles).map(([name, part]) => [name, [part]]));
  await backend.restore({ keyed, loader: store });
  const held = new Map(counts(backend).entries());
  await backend.close();
  return held;
}

const segmentsOf = (handles: KeyedHandles) => handles['counts']?.segments ?? [];
const kindsOf = (handles: KeyedHandles) => segmentsOf(handles).map(({ kind }) => kind);

for (const kind of STATE_BACKENDS) {
  describe(`incremental snapshots of the backend ${kind}`, () => {
    it('when one key in a hundred has changed, then only those are stored', async () => {
      const store = new MemorySnapshotStore();
      const backend = await open(kind);
      set(backend, ALL, 1);
      await backend.snapshot({ checkpointId: 1, isSavepoint: false, store }).handles;
      backend.notifyCheckpointComplete(1);
      const baseBytes = store.bytes;
      set(backend, FEW, 2);
      const second = backend.snapshot({ checkpointId: 2, isSavepoint: false, store });
      const handles = await second.handles;
      assert.deepEqual(kindsOf(handles), ['base', 'changes']);
      assert.ok(store.bytes - baseBytes < baseBytes * 0.05);
      const held = await restored(kind, handles, store);
      assert.deepEqual([held.size, held.get('key-99'), held.get('key-100')], [KEYS, 2, 1]);
      await backend.close();
    });

    it('when nothing has changed, then nothing is stored', async () => {
      const store = new MemorySnapshotStore();
      const backend = await open(kind);
      set(backend, ALL, 1);
      await backend.snapshot({ checkpointId: 1, isSavepoint: false, store }).handles;
      backend.notifyCheckpointComplete(1);
      const { objects } = store;
      const before = objects.size;
      const again = backend.snapshot({ checkpointId: 2, isSavepoint: false, store });
      assert.deepEqual(kindsOf(await again.handles), ['base']);
      assert.equal(objects.size, before);
      await backend.close();
    });

    it('when a checkpoint is aborted, then its changes are in the next one', async () => {
      const store = new MemorySnapshotStore();
      const backend = await open(kind);
      set(backend, ALL, 1);
      await backend.snapshot({ checkpointId: 1, isSavepoint: false, store }).handles;
      backend.notifyCheckpointComplete(1);
      set(backend, { from: 0, to: 10 }, 2);
      await backend.snapshot({ checkpointId: 2, isSavepoint: false, store }).handles;
      backend.notifyCheckpointAborted(2);
      set(backend, { from: 5, to: 20 }, 3);
      const third = await backend.snapshot({ checkpointId: 3, isSavepoint: false, store }).handles;
      assert.ok(kindsOf(third).includes('changes'));
      const held = await restored(kind, third, store);
      assert.deepEqual(
        [held.get('key-4'), held.get('key-5'), held.get('key-19'), held.get('key-20')],
        [2, 3, 3, 1],
      );
      await backend.close();
    });

    it('when a checkpoint is aborted while it is written, then its snapshot rejects', async () => {
      const store = new MemorySnapshotStore();
      const backend = await open(kind);
      set(backend, ALL, 1);
      const taken = backend.snapshot({ checkpointId: 1, isSavepoint: false, store });
      backend.notifyCheckpointAborted(1);
      await assert.rejects(taken.handles, { code: 'CANCELLED' } satisfies Partial<SluiceError>);
      await taken.handedOver;
      await backend.close();
    });

    it('when a savepoint is taken, then it stands alone and nothing builds on it', async () => {
      const store = new MemorySnapshotStore();
      const backend = await open(kind);
      set(backend, ALL, 1);
      await backend.snapshot({ checkpointId: 1, isSavepoint: false, store }).handles;
      backend.notifyCheckpointComplete(1);
      set(backend, FEW, 2);
      const { handles } = backend.snapshot({ checkpointId: 2, isSavepoint: true, store });
      const savepoint = await handles;
      backend.notifyCheckpointComplete(2);
      assert.deepEqual(kindsOf(savepoint), ['base']);
      assert.ok(urisOf(savepoint).every((uri) => uri.includes('/checkpoint/')));
      const third = await backend.snapshot({ checkpointId: 3, isSavepoint: false, store }).handles;
      assert.deepEqual(kindsOf(third), ['base', 'changes']);
      assert.ok(urisOf(third).every((uri) => uri.includes('/shared/')));
      assert.equal((await restored(kind, third, store)).get('key-99'), 2);
      await backend.close();
    });

    it('when the changes outweigh half of the base, then a new base follows', async () => {
      const store = new MemorySnapshotStore();
      const backend = await open(kind);
      set(backend, ALL, 1);
      const kinds: string[] = [];
      for (let checkpointId = 1; checkpointId <= 12; checkpointId += 1) {
        set(backend, { from: 0, to: KEYS / 10 }, checkpointId);
        const { handles } = backend.snapshot({ checkpointId, isSavepoint: false, store });
        const kindsNow = kindsOf(await handles);
        kinds.push(kindsNow.at(-1) ?? '');
        assert.equal(kindsNow.filter((segment) => segment === 'base').length, 1);
        backend.notifyCheckpointComplete(checkpointId);
      }
      assert.ok(kinds.filter((segment) => segment === 'base').length >= 2);
      assert.ok(kinds.filter((segment) => segment === 'changes').length >= 8);
      await backend.close();
    });

    it('when keys change while a snapshot is written, then it holds what they were', async () => {
      const store = new MemorySnapshotStore();
      const backend = await open(kind, { segmentBytes: 4096 });
      set(backend, ALL, 1);
      const first = backend.snapshot({ checkpointId: 1, isSavepoint: false, store });
      // Between two turns of its writing.
      for (let from = 0; from < KEYS; from += 500) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        set(backend, { from: from + 250, to: from + 750 }, 2);
        backend.state.setCurrentKey(`key-${from}`);
        counts(backend).clear();
      }
      const held = await restored(kind, await first.handles, store);
      assert.equal(held.size, KEYS);
      assert.deepEqual(new Set(held.values()), new Set([1]));
      await backend.close();
    });

    it('when a stored value lacks fields, then they have their defaults', async () => {
      const store = new MemorySnapshotStore();
      const before = await open(kind);
      const name = 'sessions';
      const old = before.state.value<unknown>({ name });
      before.state.setCurrentKey('a');
      old.update({ clicks: 3, ofALaterVersion: true });
      const { handles } = before.snapshot({ checkpointId: 1, isSavepoint: false, store });
      const { [name]: handle } = await handles;
      await before.close();
      assert.ok(handle !== undefined);
      const after = await open(kind);
      await after.restore({ keyed: { [name]: [handle] }, loader: store });
      const defaults = { clicks: 0, pages: 1 };
      const grown = after.state.value({ name, upgrade: withDefaults(defaults) });
      after.state.setCurrentKey('a');
      assert.deepEqual(grown.value(), { clicks: 3, pages: 1, ofALaterVersion: true });
      await after.close();
    });

    it('when a byte of a segment has changed, then restoring says so', async () => {
      const store = new MemorySnapshotStore();
      const backend = await open(kind);
      set(backend, ALL, 1);
      const { handles } = backend.snapshot({ checkpointId: 1, isSavepoint: false, store });
      const taken = await handles;
      await backend.close();
      for (const bytes of store.objects.values()) bytes[1000] = (bytes[1000] ?? 0) ^ 1;
      await assert.rejects(restored(kind, taken, store), { code: 'STATE_CORRUPT' });
    });

    it('when a subtask restores, then it loads segments of its own key groups only', async () => {
      const store = new MemorySnapshotStore();
      const backend = await open(kind, { segmentBytes: 8192 });
      set(backend, ALL, 1);
      const { handles } = backend.snapshot({ checkpointId: 1, isSavepoint: false, store });
      const { counts: handle } = await handles;
      await backend.close();
      assert.ok(handle !== undefined && handle.segments.length > 10);
      const loaded: StateHandle[] = [];
      const loader = {
        load: (piece: StateHandle) => {
          loaded.push(piece);
          return store.load(piece);
        },
      };
      const part = await open(kind, { subtaskIndex: 1, parallelism: 4 });
      await part.restore({ keyed: { counts: [handle] }, loader });
      const held = new Map(counts(part).entries());
      await part.close();
      assert.ok(held.size > KEYS / 5 && held.size < KEYS / 3);
      assert.ok(loaded.length <= handle.segments.length / 4 + 2);
    });
  });
}

function urisOf(handles: KeyedHandles): string[] {
  return segmentsOf(handles).map(({ handle }) => (handle.kind === 'object' ? handle.uri : ''));
}
