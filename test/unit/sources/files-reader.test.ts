import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { objectChanged } from '../../../shared/filesystem/storage-errors.ts';
import { ReaderBench, ROOT } from './reader-bench.ts';

const MIB = 1024 ** 2;

function unavailable(): SluiceError {
  return new SluiceError('STORAGE_UNAVAILABLE', 'not now', {
    domain: 'external',
    retry: 'backoff',
  });
}

describe('FilesReader', () => {
  it('when files are assigned, then each becomes a record with its content and provenance', async () => {
    const bench = new ReaderBench();
    const split = await bench.file('a.jpg', 'the bytes');
    bench.reader.addSplits([split]);
    bench.reader.noMoreSplits();
    await bench.clock.advance(70);
    assert.equal(await bench.turns(), 'end-of-input');
    const [record] = bench.records;
    assert.deepEqual(record?.value, { uri: split.uri, etag: split.etag, bytes: 9 });
    assert.deepEqual(record?.source, { uri: split.uri, etag: split.etag });
    assert.equal(Buffer.from(record?.bytes ?? []).toString(), 'the bytes');
    assert.equal(record?.eventTimeMs, split.modifiedAtMs);
    assert.equal(bench.metrics.bytesIn, 9);
  });

  it('when a read takes longer than the next ones, then these do not wait for it', async () => {
    const bench = new ReaderBench();
    const splits = await bench.filesNamed(['a', 'b', 'c']);
    bench.files.hold();
    bench.reader.addSplits(splits);
    for (const name of ['b', 'c', 'a']) {
      bench.files.release(name);
      await bench.turns();
    }
    assert.deepEqual(bench.names(), ['b', 'c', 'a']);
  });

  it('when many files are ready, then one poll gives only a few', async () => {
    const bench = new ReaderBench({ readAhead: 16 });
    bench.reader.addSplits(await bench.filesNamed([...'abcdefghi']));
    await bench.clock.advance(0);
    bench.mailbox.drain();
    assert.equal(bench.poll(), 'more-available');
    assert.equal(bench.records.length, 4);
    assert.equal(bench.poll(), 'more-available');
    assert.equal(bench.poll(), 'nothing-available');
    assert.equal(bench.records.length, 9);
  });

  it('when files are large, then only as many are held as fit', async () => {
    const bench = new ReaderBench({ readAhead: 16 });
    const names = Array.from({ length: 12 }, (_, n) => `large-${n}`);
    bench.reader.addSplits(await bench.filesNamed(names, new Uint8Array(10 * MIB)));
    await bench.clock.advance(0);
    bench.mailbox.drain();
    assert.equal(bench.files.started.length, 6, 'six of them are below 64 MiB');
    await bench.clock.advance(10_000);
    assert.equal(bench.files.started.length, 6, 'until some have left');
    bench.poll();
    assert.equal(bench.files.started.length, 10);
    await bench.turns();
    assert.deepEqual(bench.names().toSorted(), names.toSorted());
  });

  it('when one file alone is longer than what may be held, then it is read all the same', async () => {
    const bench = new ReaderBench({ bytesMax: '100 MiB' });
    const large = await bench.file('large', new Uint8Array(65 * MIB));
    bench.reader.addSplits([await bench.file('small'), large, await bench.file('last')]);
    await bench.turns();
    assert.deepEqual(bench.names(), ['small', 'large', 'last']);
  });

  it('when half of what it may hold is free, then it asks for that, and not before', async () => {
    const bench = new ReaderBench({ readAhead: 8 });
    assert.deepEqual(bench.requests, [8]);
    bench.reader.addSplits(await bench.filesNamed([...'abcdefgh']));
    await bench.clock.advance(0);
    bench.mailbox.drain();
    bench.poll();
    assert.deepEqual(bench.requests, [8, 4]);
    bench.poll();
    assert.deepEqual(bench.requests, [8, 4, 4]);
    bench.reader.addSplits(await bench.filesNamed([...'ij']));
    await bench.turns();
    assert.deepEqual(bench.requests, [8, 4, 4], 'six are still to come');
    bench.reader.noMoreSplits();
    await bench.turns();
    assert.deepEqual(bench.requests, [8, 4, 4], 'nothing would come');
  });

  it('when the storage fails in passing, then it is asked again after growing pauses', async () => {
    const bench = new ReaderBench();
    bench.files.errors.set('a', [unavailable(), unavailable(), unavailable()]);
    bench.reader.addSplits([await bench.file('a')]);
    const attempts: number[] = [];
    for (const elapsedMs of [0, 499, 1, 999, 1, 1_999, 1]) {
      await bench.clock.advance(elapsedMs);
      attempts.push(bench.files.started.length);
    }
    assert.deepEqual(attempts, [1, 1, 2, 2, 3, 3, 4]);
    await bench.turns();
    assert.deepEqual(bench.names(), ['a']);
    assert.deepEqual([bench.failures, bench.rejected], [[], []]);
  });

  it('when the storage goes on failing, then the task fails with its last error', async () => {
    const bench = new ReaderBench();
    const errors = Array.from({ length: 5 }, unavailable);
    bench.files.errors.set('a', [...errors]);
    const split = await bench.file('a');
    bench.reader.addSplits([split]);
    bench.reader.noMoreSplits();
    await bench.clock.advance(60_000);
    assert.equal(bench.files.started.length, 5);
    assert.deepEqual(bench.failures, [errors[4]]);
    assert.equal(await bench.turns(), 'nothing-available', 'its split was not read');
    assert.deepEqual(bench.snapshot(), ['a']);
  });

  for (const [what, code, prepare] of [
    [
      'longer than allowed',
      'OBJECT_TOO_LARGE',
      async (bench: ReaderBench) => bench.file('bad', 'x'.repeat(101)),
    ],
    [
      'deleted after it was listed',
      'STORAGE_NOT_FOUND',
      async (bench: ReaderBench) => {
        const split = await bench.file('bad');
        await bench.files.delete(`${ROOT}/bad`);
        return split;
      },
    ],
    [
      'not ours to read',
      'STORAGE_DENIED',
      async (bench: ReaderBench) => {
        const denied = new SluiceError('STORAGE_DENIED', 'no permission', { domain: 'user' });
        bench.files.errors.set('bad', [denied]);
        return bench.file('bad');
      },
    ],
    [
      'rewritten again and again',
      'OBJECT_CHANGED',
      async (bench: ReaderBench) => {
        bench.files.errors.set(
          'bad',
          Array.from({ length: 5 }, () => objectChanged(`${ROOT}/bad`)),
        );
        return bench.file('bad');
      },
    ],
  ] as const) {
    it(`when a file is ${what}, then it is rejected and the others are read`, async () => {
      const bench = new ReaderBench({ bytesMax: '100 B' });
      const split = await prepare(bench);
      bench.reader.addSplits([await bench.file('a'), split, await bench.file('b')]);
      bench.reader.noMoreSplits();
      await bench.clock.advance(60_000);
      assert.equal(await bench.turns(), 'end-of-input');
      assert.deepEqual(bench.names(), ['a', 'b']);
      assert.deepEqual(
        bench.rejected.map(({ error }) => error.code),
        [code],
      );
      const { uri, etag } = split;
      assert.deepEqual(bench.rejected[0]?.record.value, { uri, etag, bytes: split.size });
      assert.deepEqual(bench.rejected[0]?.record.source, { uri, etag });
      assert.deepEqual(bench.failures, []);
    });
  }

  it('when a bucket denies the right to read, then the task fails: it holds for all objects', async () => {
    const bench = new ReaderBench();
    const denied = new SluiceError('STORAGE_DENIED', 'no GetObject', { domain: 'user' });
    bench.files.errors.set('bad', [denied]);
    const split = await bench.file('bad');
    bench.reader.addSplits([{ ...split, uri: 's3://bucket/bad' }]);
    await bench.turns();
    assert.deepEqual(bench.failures, [denied]);
    assert.deepEqual(bench.rejected, []);
  });

  it('when a file changes after it was listed, then its new content counts once', async () => {
    const bench = new ReaderBench();
    const split = await bench.file('a', 'old');
    await bench.file('a', 'new content');
    bench.reader.addSplits([split]);
    await bench.turns();
    assert.equal(bench.records[0]?.value['bytes'], 11);
    assert.notEqual(bench.records[0]?.value['etag'], split.etag);
  });

  it('when every version counts, then one that was replaced is left to its successor', async () => {
    const bench = new ReaderBench({ watch: '1s', overwrites: 'process' });
    const old = await bench.file('a', 'old');
    const successor = await bench.file('a', 'new');
    bench.reader.addSplits([old, successor]);
    await bench.turns();
    assert.equal(bench.records.length, 1);
    assert.equal(bench.records[0]?.value['etag'], successor.etag);
    assert.deepEqual(bench.rejected, []);
    assert.deepEqual(bench.snapshot(), []);
  });

  it('when a snapshot is taken, then it has exactly the splits that were not emitted', async () => {
    const bench = new ReaderBench({ bytesMax: '100 B' });
    const names = [...'abcdefg'];
    const splits = await bench.filesNamed(names);
    const bad = await bench.file('too-long', 'x'.repeat(101));
    const gone = (): string[] => [
      ...bench.names(),
      ...bench.rejected.map(({ record }) => String(record.value['uri']).slice(ROOT.length + 1)),
    ];
    const all = [...names, 'too-long'].toSorted();
    const check = (): void => {
      assert.deepEqual([...bench.snapshot(), ...gone()].toSorted(), all);
    };
    bench.files.hold();
    bench.reader.addSplits([...splits.slice(0, 3), bad, ...splits.slice(3)]);
    check();
    for (const name of ['b', 'too-long', 'g', 'a']) {
      bench.files.release(name);
      await bench.clock.advance(0);
      // The read is over; its mail has not run.
      check();
      bench.mailbox.drain();
      check();
    }
    bench.poll();
    check();
    assert.deepEqual(bench.snapshot().toSorted(), ['c', 'd', 'e', 'f']);
  });

  it('when the last file is rejected, then the input ends after its dead letter only', async () => {
    const bench = new ReaderBench({ bytesMax: '3 B' });
    bench.reader.addSplits([await bench.file('long', 'too long')]);
    bench.reader.noMoreSplits();
    await bench.clock.advance(0);
    assert.equal(bench.poll(), 'nothing-available', 'the mail has not run');
    assert.equal(bench.rejected.length, 0);
    bench.mailbox.drain();
    assert.equal(bench.rejected.length, 1);
    assert.equal(bench.poll(), 'end-of-input');
  });

  it('when reads are over, then the task is told to poll', async () => {
    const bench = new ReaderBench();
    const splits = [await bench.file('a')];
    bench.reader.addSplits(splits);
    const before = bench.wakes;
    await bench.clock.advance(0);
    bench.mailbox.drain();
    assert.ok(bench.wakes > before);
  });

  it('when it is closed, then reads and pauses end at once and nothing fails', async () => {
    const bench = new ReaderBench();
    bench.files.errors.set('b', [unavailable()]);
    const splits = [await bench.file('a'), await bench.file('b')];
    bench.reader.addSplits(splits.slice(1));
    await bench.clock.advance(0);
    assert.equal(bench.clock.pendingTimers, 1, 'b is to be read again');
    bench.files.hold();
    bench.reader.addSplits(splits.slice(0, 1));
    bench.reader.close();
    assert.equal(bench.clock.pendingTimers, 0);
    await bench.turns();
    assert.deepEqual([bench.failures, bench.rejected, bench.records], [[], [], []]);
    assert.equal(bench.files.started.length, 2, 'b is not read again');
  });
});
