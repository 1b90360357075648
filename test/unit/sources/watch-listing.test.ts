import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { WatchListing } from '../../../jobmanager/sources/watch-listing.ts';
import type { FileStatus, ListOptions } from '../../../shared/filesystem/filesystem.ts';
import { MemoryFileSystem, MemoryStore } from '../../../shared/filesystem/memory-filesystem.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const ROOT = 'memory://listed/in';

class Folder extends MemoryFileSystem {
  readonly requests: (string | undefined)[] = [];
  atOnceMax = 0;
  failAfter: string | null = null;
  #atOnce = 0;

  constructor() {
    super(new MemoryStore(), new FakeClock());
  }

  override async list(prefix: string, options: ListOptions = {}) {
    this.requests.push(options.startAfter);
    this.#atOnce += 1;
    this.atOnceMax = Math.max(this.atOnceMax, this.#atOnce);
    await turn();
    this.#atOnce -= 1;
    if (options.signal?.aborted === true) throw new Error('aborted');
    if (options.startAfter === this.failAfter) throw new Error('not now');
    return super.list(prefix, { ...options, limit: 10 });
  }
}

async function pass(folder: Folder, listing: WatchListing): Promise<string[]> {
  const found: string[] = [];
  folder.requests.length = 0;
  await listing.pass({
    fileSystem: folder,
    rootUri: ROOT,
    signal: new AbortController().signal,
    onPage: async (files: readonly FileStatus[]) => {
      found.push(...files.map(({ uri }) => uri.slice(ROOT.length + 1)));
    },
  });
  return found;
}

async function filled(count: number): Promise<{ folder: Folder; names: string[] }> {
  const folder = new Folder();
  const names = Array.from({ length: count }, (_, n) => String(n).padStart(5, '0'));
  for (const name of names) await folder.put(`${ROOT}/${name}`, Buffer.from(''));
  return { folder, names };
}

describe('WatchListing', () => {
  for (const count of [0, 1, 10, 30, 40, 45, 805, 3_000]) {
    it(`when ${count} files are listed again and again, then each pass finds each once`, async () => {
      const { folder, names } = await filled(count);
      const listing = new WatchListing();
      assert.deepEqual(await pass(folder, listing), names, 'at first in order');
      for (let again = 0; again < 3; again += 1) {
        assert.deepEqual((await pass(folder, listing)).toSorted(), names);
        assert.ok(folder.atOnceMax <= 16);
      }
      assert.equal(folder.atOnceMax > 1, count >= 40, `${folder.atOnceMax} at a time`);
    });
  }

  it('when files come and go anywhere, then a pass finds what is there', async () => {
    const { folder, names } = await filled(1_000);
    const listing = new WatchListing();
    await pass(folder, listing);
    const restored = new WatchListing(listing.bounds);
    const [bound = ''] = listing.bounds;
    await folder.delete(bound);
    const gone = bound.slice(ROOT.length + 1);
    const fresh = ['!', `${gone}!`, '00500-x', '99999'];
    for (const name of fresh) await folder.put(`${ROOT}/${name}`, Buffer.from(''));
    const expected = [...names.filter((name) => name !== gone), ...fresh].toSorted();
    assert.deepEqual((await pass(folder, restored)).toSorted(), expected);
  });

  it('when names ascend, then what is behind the last one is asked for at once', async () => {
    const { folder, names } = await filled(1_000);
    const listing = new WatchListing();
    await pass(folder, listing);
    await pass(folder, listing);
    assert.ok(folder.requests.slice(0, 16).includes(`${ROOT}/${names.at(-1)}`));
  });

  it('when everything goes, then later passes are not lost', async () => {
    const { folder, names } = await filled(500);
    const listing = new WatchListing();
    await pass(folder, listing);
    for (const name of names) await folder.delete(`${ROOT}/${name}`);
    assert.deepEqual(await pass(folder, listing), []);
    assert.deepEqual(listing.bounds, []);
    await folder.put(`${ROOT}/a`, Buffer.from(''));
    assert.deepEqual(await pass(folder, listing), ['a']);
  });

  it('when one range fails, then the pass fails with its error, and the next one is whole', async () => {
    const { folder, names } = await filled(1_000);
    const listing = new WatchListing();
    await pass(folder, listing);
    folder.failAfter = listing.bounds[5] ?? null;
    await assert.rejects(pass(folder, listing), { message: 'not now' });
    folder.failAfter = null;
    assert.deepEqual((await pass(folder, listing)).toSorted(), names);
  });
});
