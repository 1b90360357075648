import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { crc32 } from 'node:zlib';
import { silentLogger } from '../../../shared/observability/logger.ts';
import {
  localName,
  localStateFolder,
  readLocalPiece,
} from '../../../taskmanager/snapshots/local-state.ts';
import { LocalStateKeeper } from '../../../taskmanager/snapshots/local-state-keeper.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const IDLE_MS = 10 * 60_000;
const bytes = (length: number, value = 1): Uint8Array<ArrayBuffer> =>
  new Uint8Array(length).fill(value);

class Bench {
  readonly clock = new FakeClock();
  readonly parent: string;
  readonly folder: string;
  readonly keeper: LocalStateKeeper;

  constructor(context: TestContext, { bytesMax = 1_000, id = 'tm', parent = '' } = {}) {
    this.parent = parent === '' ? temporaryFolder(context) : parent;
    this.folder = localStateFolder(this.parent, id);
    const { folder, clock } = this;
    this.keeper = new LocalStateKeeper({ folder, bytesMax, clock, logger: silentLogger });
    this.keeper.start(this.parent);
  }

  keep(checkpointId: number, uri: string, ...pieces: Uint8Array[]): void {
    this.keeper.keep({ jobId: 'job', checkpointId, uri }, pieces);
  }

  /** The URIs among these that have a copy. */
  async kept(...uris: string[]): Promise<string[]> {
    await this.keeper.settled();
    return uris.filter((uri) => existsSync(join(this.folder, localName(uri))));
  }
}

describe('local copies of state', () => {
  it('when an object was stored, then its pieces come from the copy, whole and right', async (t) => {
    const bench = new Bench(t);
    bench.keep(1, 's3://b/1', bytes(100, 1), bytes(50, 2));
    await bench.keeper.settled();
    const handle = { kind: 'object', uri: 's3://b/1', offset: 100, length: 50 } as const;
    const right = { ...handle, crc32: crc32(bytes(50, 2)) };
    assert.deepEqual(await readLocalPiece(bench.folder, right), bytes(50, 2));
    for (const [what, wrong] of [
      ['other bytes', { ...right, crc32: 7 }],
      ['too few', { ...right, length: 51, crc32: crc32(bytes(51, 2)) }],
      ['another object', { ...right, uri: 's3://b/2' }],
    ] as const) {
      assert.equal(await readLocalPiece(bench.folder, wrong), null, what);
    }
  });

  it('when a checkpoint completes, then what it does not refer to goes', async (t) => {
    const bench = new Bench(t);
    bench.keep(1, 'base', bytes(10));
    bench.keep(1, 'old', bytes(10));
    bench.keeper.acknowledged('job', 1, ['base', 'old']);
    bench.keeper.completed('job', 1);
    bench.keep(2, 'new', bytes(10));
    bench.keep(3, 'next', bytes(10));
    bench.keeper.acknowledged('job', 2, ['base']);
    bench.keeper.acknowledged('job', 2, ['new']);
    assert.equal((await bench.kept('base', 'old', 'new', 'next')).length, 4);
    bench.keeper.completed('job', 2);
    bench.keeper.completed('job', 2);
    assert.deepEqual(await bench.kept('base', 'old', 'new', 'next'), ['base', 'new', 'next']);
    bench.keeper.aborted('job', 3);
    assert.deepEqual(await bench.kept('base', 'new', 'next'), ['base', 'new']);
  });

  it('when the bound is reached, then what comes is not kept, until something goes', async (t) => {
    const bench = new Bench(t, { bytesMax: 25 });
    bench.keep(1, 'a', bytes(20));
    bench.keep(1, 'b', bytes(10));
    bench.keeper.acknowledged('job', 2, []);
    assert.deepEqual(await bench.kept('a', 'b'), ['a']);
    bench.keeper.completed('job', 2);
    bench.keep(3, 'c', bytes(25));
    assert.deepEqual(await bench.kept('a', 'b', 'c'), ['c']);
  });

  it('when a job has had no tasks here for long, then its copies go; when it restarts, they stay', async (t) => {
    const bench = new Bench(t);
    bench.keep(1, 'a', bytes(20));
    bench.keeper.idle('job');
    bench.keeper.active('job');
    await bench.clock.advance(IDLE_MS);
    assert.deepEqual(await bench.kept('a'), ['a']);
    bench.keeper.idle('job');
    await bench.clock.advance(IDLE_MS);
    assert.deepEqual(await bench.kept('a'), []);
  });

  it('when the process was killed and starts again, then it goes on with the copies that are used', async (t) => {
    const killed = new Bench(t);
    killed.keep(1, 'used', bytes(20));
    killed.keep(1, 'unused', bytes(20));
    await killed.keeper.settled();
    const bench = new Bench(t, { parent: killed.parent });
    await bench.keeper.settled();
    bench.keeper.acknowledged('job', 2, ['used']);
    await bench.clock.advance(IDLE_MS);
    assert.deepEqual(await bench.kept('used', 'unused'), ['used']);
    await bench.keeper.close();
    assert.deepEqual(readdirSync(bench.parent), []);
  });

  it('when others died long ago, then their folders go; those of the living stay', async (t) => {
    const parent = temporaryFolder(t);
    const folders = {
      dead: 2 ** 22 + 1,
      'just-killed': 2 ** 22 + 1,
      living: process.pid,
      other: 0,
    };
    const bench = new Bench(t, { parent, id: 'me' });
    for (const [name, owner] of Object.entries(folders)) {
      mkdirSync(join(parent, name));
      if (owner === 0) continue;
      const path = join(parent, name, 'owner');
      writeFileSync(path, `${owner}\n`);
      const ageMs = name === 'just-killed' ? 1_000 : IDLE_MS + 1_000;
      const at = (bench.clock.nowMs() - ageMs) / 1000;
      utimesSync(path, at, at);
    }
    bench.keeper.start(parent);
    await bench.keeper.settled();
    assert.deepEqual(readdirSync(parent).toSorted(), ['just-killed', 'living', 'other']);
  });

  it('when nothing can be written there, then nothing is kept, and nobody is disturbed', async (t) => {
    const parent = temporaryFolder(t);
    writeFileSync(localStateFolder(parent, 'tm'), 'a file');
    const bench = new Bench(t, { parent });
    bench.keep(1, 'a', bytes(20));
    bench.keeper.acknowledged('job', 1, ['a']);
    bench.keeper.completed('job', 1);
    assert.deepEqual(await bench.kept('a'), []);
  });
});
