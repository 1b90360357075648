/** Discovery where it goes wrong, takes long or is ended: the enumerator on storage with faults. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FilesEnumerator } from '../../../jobmanager/sources/files-enumerator.ts';
import type { FileSplit } from '../../../shared/connectors/splits.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { ListOptions, ListPage } from '../../../shared/filesystem/filesystem.ts';
import type { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import { MemoryFileSystem, MemoryStore } from '../../../shared/filesystem/memory-filesystem.ts';
import { filesSourceSchema } from '../../../shared/pipeline/kinds/source-files.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

class FaultyFileSystem extends MemoryFileSystem {
  /** What the next listings end with; null: nothing is wrong. */
  readonly errors: (SluiceError | null)[] = [];
  readonly store: MemoryStore;
  folderExists = true;
  pages = 0;

  constructor(clock: FakeClock) {
    const store = new MemoryStore();
    super(store, clock);
    this.store = store;
  }

  override async isFolder(): Promise<boolean> {
    return this.folderExists;
  }

  override async list(prefix: string, options?: ListOptions): Promise<ListPage> {
    this.pages += 1;
    const error = this.errors.shift();
    if (error != null) throw error;
    return super.list(prefix, options);
  }
}

class Bench {
  readonly clock = new FakeClock();
  readonly files = new FaultyFileSystem(this.clock);
  readonly warnings: string[] = [];
  readonly failures: unknown[] = [];
  readonly informed: number[] = [];
  readonly assigned: FileSplit[] = [];
  readonly root: string;
  enumerator: FilesEnumerator | null = null;

  constructor(root = 'memory://faults/in') {
    this.root = root;
  }

  async put(...names: string[]): Promise<void> {
    for (const name of names) await this.files.put(`${this.root}/${name}`, Buffer.from(name));
  }

  start(options: Record<string, unknown> = {}): FilesEnumerator {
    const enumerator = new FilesEnumerator(
      filesSourceSchema.parse({ path: this.root, ...options }),
      {
        clock: this.clock,
        fileSystems: { forUri: () => this.files } as unknown as FileSystemRegistry,
        onWarning: (message) => this.warnings.push(message),
      },
    );
    this.enumerator = enumerator;
    enumerator.start({
      parallelism: 1,
      assignSplits: (_subtask, splits) => this.assigned.push(...splits),
      signalNoMoreSplits: (subtask) => this.informed.push(subtask),
      fail: (error) => this.failures.push(error),
    });
    return enumerator;
  }

  get names(): string[] {
    return this.assigned.map(({ uri }) => uri.slice(this.root.length + 1));
  }
}

const passing = () =>
  new SluiceError('STORAGE_UNAVAILABLE', 'not now', { domain: 'external', retry: 'backoff' });
const denied = () => new SluiceError('STORAGE_DENIED', 'not you', { domain: 'user' });

describe('FilesEnumerator, on storage with faults', () => {
  it('when a later listing fails in passing, then it is tried again in the next interval', async () => {
    const bench = new Bench();
    bench.files.errors.push(null, passing(), passing(), null);
    await bench.put('a');
    bench.start({ watch: '10s' }).handleSplitRequest(0, 10);
    await bench.clock.advance(5_000);
    await bench.put('b');
    await bench.clock.advance(20_000);
    assert.deepEqual(bench.names, ['a']);
    assert.equal(bench.warnings.length, 2);
    assert.match(bench.warnings[0] ?? '', /listing memory:\/\/faults\/in failed.*not now/);
    await bench.clock.advance(10_000);
    assert.deepEqual(bench.names, ['a', 'b']);
    assert.deepEqual(bench.failures, []);
  });

  for (const [when, errors] of [
    ['the first listing', [passing()]],
    ['a later listing, for good,', [null, denied()]],
  ] as const) {
    it(`when ${when} fails, then the job fails with that error`, async () => {
      const bench = new Bench();
      bench.files.errors.push(...errors);
      bench.start({ watch: '10s' });
      await bench.clock.advance(60_000);
      assert.deepEqual(bench.failures, [errors.at(-1)]);
      assert.equal(bench.files.pages, errors.length, 'nothing is listed after that');
    });
  }

  it('when there is no such folder, then the job fails and names it', async () => {
    const bench = new Bench();
    bench.files.folderExists = false;
    bench.start({ watch: '10s' });
    await settle();
    const [failure] = bench.failures;
    assert.ok(failure instanceof SluiceError);
    assert.equal(failure.code, 'FILE_NOT_FOUND');
    assert.match(failure.message, /memory:\/\/faults\/in/);
    assert.deepEqual(bench.informed, [], 'nobody takes it for the end of the input');
  });

  it('when the path is one file, then that file is the input', async () => {
    const bench = new Bench();
    await bench.put('only.jpg');
    bench.files.folderExists = false;
    bench.start({ path: `${bench.root}/only.jpg` }).handleSplitRequest(0, 5);
    await settle();
    assert.deepEqual(bench.names, ['only.jpg']);
    assert.deepEqual(bench.informed, [0]);
  });

  it('when nobody reads 20 000 files, then listing pauses; as they are read, all are found once', async () => {
    const bench = new Bench();
    const names = Array.from({ length: 20_000 }, (_, n) => `${String(n).padStart(5, '0')}.jpg`);
    await bench.put(...names);
    const enumerator = bench.start();
    const waiting = (): number => {
      const { discovered, assigned } = enumerator.progress();
      return discovered - assigned;
    };
    for (let turn = 0; turn < 20; turn += 1) await settle();
    assert.equal(waiting(), 5_000, 'the page that crosses the bound of 4096 is the last one');
    assert.equal(bench.files.pages, 5);
    assert.equal(enumerator.progress().discoveryComplete, false);
    while (bench.assigned.length < names.length) {
      const before = bench.assigned.length;
      enumerator.handleSplitRequest(0, 500);
      for (let turn = 0; turn < 6; turn += 1) await settle();
      assert.equal(bench.assigned.length, Math.min(names.length, before + 500));
      assert.ok(waiting() <= 5_095, `${waiting()} wait`);
    }
    assert.deepEqual(bench.names, names);
    assert.deepEqual(bench.informed, [0]);
    assert.equal(enumerator.progress().discoveryComplete, true);
  });

  for (const how of ['stop', 'close'] as const) {
    it(`when listing waits for readers and the source is told to ${how}, then it ends`, async () => {
      const bench = new Bench();
      await bench.put(...Array.from({ length: 6_000 }, (_, n) => `${n}`));
      const enumerator = bench.start({ watch: '10s', rateMax: 2 });
      enumerator.handleSplitRequest(0, 8);
      for (let turn = 0; turn < 20; turn += 1) await settle();
      const { pages } = bench.files;
      const handedOut = bench.assigned.length;
      enumerator[how]();
      await bench.clock.advance(60_000);
      assert.equal(bench.files.pages, pages);
      assert.equal(bench.assigned.length, handedOut);
      assert.deepEqual(bench.informed, how === 'stop' ? [0] : []);
      assert.equal(bench.clock.pendingTimers, 0);
      assert.deepEqual(bench.failures, []);
    });

    it(`when it pauses between two listings and is told to ${how}, then no timer is left`, async () => {
      const bench = new Bench();
      const enumerator = bench.start({ watch: '1h' });
      await settle();
      assert.equal(bench.clock.pendingTimers, 1);
      enumerator[how]();
      await settle();
      assert.equal(bench.clock.pendingTimers, 0);
      assert.deepEqual(bench.informed, how === 'stop' ? [0] : []);
    });
  }
});

describe('FilesEnumerator, on a watched local folder', () => {
  const folder = (): Bench => new Bench('file:///watched/in');

  it('when a file is young, then it is handed out once it has kept its size for a second', async () => {
    const bench = folder();
    await bench.put('a');
    bench.start({ watch: '10s' }).handleSplitRequest(0, 10);
    await bench.clock.advance(700);
    await bench.files.put(`${bench.root}/a`, Buffer.from('and more'));
    await bench.clock.advance(700);
    assert.deepEqual(bench.names, [], 'it was written again');
    await bench.clock.advance(20_000);
    assert.deepEqual(bench.names, ['a']);
  });

  it('when a file is not written again, then it waits little more than a second', async () => {
    const bench = folder();
    await bench.put('a');
    bench.start({ watch: '10s' }).handleSplitRequest(0, 10);
    await bench.clock.advance(1_300);
    assert.deepEqual(bench.names, ['a']);
  });

  it('when one file grows for ever, then the others are found all the same', async () => {
    const bench = folder();
    await bench.put('growing.log');
    bench.start({ watch: '5s' }).handleSplitRequest(0, 100);
    for (let turn = 0; turn < 75; turn += 1) {
      if (turn % 25 === 0) await bench.put(`image-${turn}.jpg`);
      await bench.files.put(`${bench.root}/growing.log`, Buffer.from('x'.repeat(turn)));
      await bench.clock.advance(400);
    }
    assert.deepEqual(bench.names, ['image-0.jpg', 'image-25.jpg', 'image-50.jpg']);
    await bench.clock.advance(10_000);
    assert.equal(bench.names.at(-1), 'growing.log');
  });

  it("when a file's time lies in the future, then it is handed out when it has kept it", async () => {
    const bench = folder();
    await bench.put('a');
    const uri = `${bench.root}/a`;
    const stored = bench.files.store.files.get(uri);
    assert.ok(stored !== undefined);
    const modifiedAtMs = bench.clock.nowMs() + 86_400_000;
    bench.files.store.files.set(uri, { ...stored, status: { ...stored.status, modifiedAtMs } });
    bench.start({ watch: '10s' }).handleSplitRequest(0, 10);
    await bench.clock.advance(1_300);
    assert.deepEqual(bench.names, ['a']);
  });

  it('when a file disappears before it has settled, then nothing is handed out', async () => {
    const bench = folder();
    await bench.put('a');
    bench.start({ watch: '10s' }).handleSplitRequest(0, 10);
    await bench.clock.advance(300);
    await bench.files.delete(`${bench.root}/a`);
    await bench.clock.advance(30_000);
    assert.deepEqual([bench.names, bench.failures], [[], []]);
  });
});
