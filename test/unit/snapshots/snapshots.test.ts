import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import {
  INLINE_STATE_BYTES_MAX,
  type StateHandle,
} from '../../../shared/checkpoint/state-handle.ts';
import type { FileSystem } from '../../../shared/filesystem/filesystem.ts';
import { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import type { SlotReport } from '../../../taskmanager/slots/slot-messages.ts';
import { SlotSnapshotStores } from '../../../taskmanager/snapshots/slot-snapshot-stores.ts';
import { SnapshotUploader } from '../../../taskmanager/snapshots/snapshot-uploader.ts';
import type { CheckpointTarget } from '../../../taskmanager/task/snapshot-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { listAll, pattern, rejectsWith } from '../../support/filesystem-helpers.ts';

const LARGE = INLINE_STATE_BYTES_MAX + 1;
let folders = 0;

/** Slots and the main thread of one task manager, their messages delivered at once. */
class Stage {
  readonly clock = new FakeClock();
  readonly fileSystems = new FileSystemRegistry({}, { clock: this.clock });
  readonly directory: string;
  attempts = ['a', 'b'];
  readonly sent: SlotReport[] = [];
  readonly uploader: SnapshotUploader;
  readonly stores: SlotSnapshotStores;

  constructor() {
    folders += 1;
    this.directory = `memory://snapshots/${folders}`;
    this.uploader = new SnapshotUploader({
      taskManagerId: 'tm 1',
      fileSystems: this.fileSystems,
      clock: this.clock,
      attemptsOf: () => this.attempts,
    });
    this.stores = new SlotSnapshotStores({
      fileSystems: this.fileSystems,
      send: (report) => this.#deliver(report),
    });
  }

  store(attemptId: string, checkpointId = 1) {
    return this.stores.forCheckpoint(this.target(attemptId, checkpointId));
  }

  target(attemptId: string, checkpointId: number): CheckpointTarget {
    return { jobId: 'job', attemptId, checkpointId, directory: this.directory };
  }

  /** Relative to the directory of the checkpoints. */
  async objects(): Promise<string[]> {
    const files = await listAll(this.fileSystem, this.directory);
    return files.map(({ uri }) => uri.slice(this.directory.length + 1));
  }

  get fileSystem(): FileSystem {
    return this.fileSystems.forUri(this.directory);
  }

  #deliver(report: SlotReport): void {
    this.sent.push(report);
    if (report.kind === 'pieces-handed-over') this.uploader.handedOver(report.target);
    if (report.kind !== 'store-piece') return;
    const { requestId, piece } = report;
    this.uploader.store(piece, (result) => this.stores.stored(requestId, result));
  }
}

describe('state on its way to storage', () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
  });

  it('when a piece is small, then it lies in its handle', async () => {
    const store = stage.store('a');
    const bytes = pattern(INLINE_STATE_BYTES_MAX) as Uint8Array<ArrayBuffer>;
    const handle = await store.store(bytes, 'checkpoint');
    assert.equal(handle.kind, 'inline');
    assert.deepEqual(stage.sent, []);
    assert.deepEqual(new Uint8Array(await stage.stores.load(handle)), bytes);
    assert.equal(store.bytes, bytes.length);
  });

  it('when everybody has handed over, then all pieces lie in one object', async () => {
    const [a, b] = [stage.store('a'), stage.store('b')];
    const handles = Promise.all([
      a.store(new Uint8Array(LARGE).fill(1), 'checkpoint'),
      a.store(new Uint8Array(LARGE + 5).fill(2), 'checkpoint'),
      b.store(new Uint8Array(LARGE).fill(3), 'checkpoint'),
    ]);
    a.handedOver();
    assert.deepEqual(await stage.objects(), []);
    b.handedOver();
    for (const [index, handle] of (await handles).entries()) {
      const bytes = await stage.stores.load(handle);
      assert.equal(bytes.length, index === 1 ? LARGE + 5 : LARGE);
      assert.ok(bytes.every((byte) => byte === index + 1));
    }
    assert.deepEqual(await stage.objects(), ['chk-1/tm_1-1']);
  });

  it('when someone is late, then the others do not wait, and there are three objects at most', async () => {
    const [a, b] = [stage.store('a'), stage.store('b')];
    const stored: Promise<StateHandle>[] = [];
    for (let round = 0; round < 6; round += 1) {
      stored.push(a.store(new Uint8Array(LARGE), 'checkpoint'));
      await stage.clock.advance(50);
    }
    assert.deepEqual(await stage.objects(), ['chk-1/tm_1-1', 'chk-1/tm_1-2']);
    a.handedOver();
    stored.push(b.store(new Uint8Array(LARGE), 'checkpoint'));
    b.handedOver();
    await Promise.all(stored);
    assert.deepEqual(await stage.objects(), ['chk-1/tm_1-1', 'chk-1/tm_1-2', 'chk-1/tm_1-3']);
  });

  it('when somebody waits for the last object before he goes on, then it does not wait for him', async () => {
    const a = stage.store('a');
    for (let round = 0; round < 3; round += 1) {
      const stored = a.store(new Uint8Array(LARGE), 'checkpoint');
      await stage.clock.advance(5_000);
      await stored;
    }
  });

  it('when state is shared, then it lies beside the checkpoints', async () => {
    const a = stage.store('a');
    stage.attempts = ['a'];
    const stored = [
      a.store(new Uint8Array(LARGE), 'shared'),
      a.store(new Uint8Array(LARGE), 'checkpoint'),
    ];
    a.handedOver();
    await Promise.all(stored);
    assert.deepEqual(await stage.objects(), ['chk-1/tm_1-1', 'shared/1-tm_1-2']);
  });

  it('when a task ends, then its pieces are no longer waited for', async () => {
    const a = stage.store('a');
    const stored = a.store(new Uint8Array(LARGE), 'checkpoint');
    a.handedOver();
    stage.attempts = ['a'];
    stage.uploader.attemptEnded('job');
    await stored;
  });

  it('when the checkpoint is aborted, then what waits and what comes later is refused', async () => {
    const a = stage.store('a');
    const stored = a.store(new Uint8Array(LARGE), 'checkpoint');
    stage.uploader.ended('job', 1);
    await rejectsWith('CANCELLED', stored);
    await rejectsWith('CANCELLED', a.store(new Uint8Array(LARGE), 'checkpoint'));
    await stage.clock.advance(10_000);
    assert.deepEqual(await stage.objects(), []);
  });

  it('when a large object is written, then it is whole', async () => {
    const a = stage.store('a');
    stage.attempts = ['a'];
    const bytes = pattern(5_000_000) as Uint8Array<ArrayBuffer>;
    const stored = [a.store(bytes.slice(), 'checkpoint'), a.store(bytes.slice(), 'checkpoint')];
    a.handedOver();
    for (const handle of await Promise.all(stored)) {
      assert.equal(Buffer.compare(await stage.stores.load(handle), bytes), 0);
    }
    assert.deepEqual(await stage.objects(), ['chk-1/tm_1-1']);
  });

  it('when stored bytes have changed, then they are not restored', async () => {
    const a = stage.store('a');
    stage.attempts = ['a'];
    const stored = a.store(new Uint8Array(LARGE), 'checkpoint');
    a.handedOver();
    const handle = await stored;
    assert.ok(handle.kind === 'object');
    await stage.fileSystem.put(handle.uri, new Uint8Array(LARGE).fill(1));
    await rejectsWith('STATE_CORRUPT', stage.stores.load(handle));
    await stage.fileSystem.put(handle.uri, new Uint8Array(LARGE - 1));
    await rejectsWith('STATE_CORRUPT', stage.stores.load(handle));
    await stage.fileSystem.delete(handle.uri);
    await rejectsWith('STORAGE_NOT_FOUND', stage.stores.load(handle));
  });
});
