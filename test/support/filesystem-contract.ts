import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { FileSystem } from '../../shared/filesystem/filesystem.ts';
import { compareUris, joinUri } from '../../shared/filesystem/uri.ts';
import {
  assertCode,
  type ContractContext,
  inParallel,
  listAll,
  pattern,
  rejectsWith,
  type StorageUnderTest,
  text,
} from './filesystem-helpers.ts';
import { describePendingFiles, describeWriters } from './filesystem-writers-contract.ts';

const ODD_NAMES = [
  'plain.jpg',
  'with space.jpg',
  '  two  leading.jpg',
  'trailing .jpg',
  'percent%20encoded%.jpg',
  'plus+and&=;.jpg',
  'question?mark#hash.jpg',
  'quote\'"`.jpg',
  '<angle>&amp;.jpg',
  'bücher/straße/ü.jpg',
  'u\u0308-decomposed.jpg',
  '日本語/写真.jpg',
  'emoji/😀.jpg',
  'fullwidth/￮.jpg',
  'back\\slash.jpg',
  'colon:at@comma,(brackets)[]{}.jpg',
  'a.b/c',
  'a/b',
  'a-b/c',
  'a0',
  'UPPER/lower',
  `${'long-'.repeat(40)}name`,
];

/** Every adapter of the port must pass this. */
export function describeFileSystemContract(
  name: string,
  setUp: () => Promise<StorageUnderTest>,
): void {
  describe(`file system contract: ${name}`, () => {
    let storage: StorageUnderTest;
    let fileSystem: FileSystem;
    let folder: string;
    before(async () => {
      storage = await setUp();
      fileSystem = storage.open();
    });
    after(async () => {
      await fileSystem?.close();
      await storage?.close();
    });

    const uriOf = (path: string): string => joinUri(folder, path);
    const test = (title: string, body: () => Promise<void>): void => {
      it(title, async () => {
        folder = storage.newFolder();
        await body();
      });
    };
    const context: ContractContext = {
      test,
      uriOf,
      folder: () => folder,
      fileSystem: () => fileSystem,
      storage: () => storage,
    };
    describeReadsAndPuts(context);
    describeConditionalPuts(context);
    describeListings(context);
    describeWriters(context);
    describePendingFiles(context);
  });
}

function describeReadsAndPuts({ test, uriOf, fileSystem, storage, folder }: ContractContext): void {
  test('when a file is put, then it reads back with the status that the put told', async () => {
    const bytes = pattern(70_000);
    const put = await fileSystem().put(uriOf('a/b.bin'), bytes);
    const { bytes: read, status } = await fileSystem().read(uriOf('a/b.bin'));
    assert.deepEqual(Buffer.from(read), Buffer.from(bytes));
    assert.deepEqual([put.uri, put.size, put.etag], [uriOf('a/b.bin'), 70_000, status.etag]);
    const stat = await fileSystem().stat(uriOf('a/b.bin'));
    assert.deepEqual([stat?.uri, stat?.size, stat?.etag], [put.uri, put.size, put.etag]);
    assert.ok(Math.abs((stat?.modifiedAtMs ?? 0) - Date.now()) < 60_000);
  });

  test('when bytes are read, then they are alone in their buffer', async () => {
    await fileSystem().put(uriOf('x'), pattern(10));
    const { bytes } = await fileSystem().read(uriOf('x'));
    assert.equal(bytes.buffer.byteLength, 10);
  });

  test('when a range is asked for, then just its bytes come, with the size of the whole', async () => {
    const bytes = pattern(1000);
    await fileSystem().put(uriOf('x'), bytes);
    const cases: readonly [number | undefined, number | undefined, number, number][] = [
      [0, 10, 0, 10],
      [990, 10, 990, 1000],
      [990, 100, 990, 1000],
      [500, undefined, 500, 1000],
      [undefined, 7, 0, 7],
      [0, undefined, 0, 1000],
      [1000, 5, 1000, 1000],
      [5000, undefined, 1000, 1000],
      [10, 0, 10, 10],
    ];
    for (const [offset, length, start, end] of cases) {
      const range = {
        ...(offset !== undefined && { offset }),
        ...(length !== undefined && { length }),
      };
      const content = await fileSystem().read(uriOf('x'), range);
      assert.deepEqual(Buffer.from(content.bytes), Buffer.from(bytes.subarray(start, end)));
      assert.equal(content.status.size, 1000);
    }
  });

  test('when an empty file is put, then it is there, and empty', async () => {
    await fileSystem().put(uriOf('empty'), new Uint8Array(0));
    assert.equal((await fileSystem().stat(uriOf('empty')))?.size, 0);
    assert.equal((await fileSystem().read(uriOf('empty'))).bytes.length, 0);
    assert.equal(
      (await fileSystem().read(uriOf('empty'), { offset: 0, length: 9 })).bytes.length,
      0,
    );
  });

  test('when a file does not exist, then stat says null, read rejects and delete resolves', async () => {
    assert.equal(await fileSystem().stat(uriOf('none')), null);
    await rejectsWith('STORAGE_NOT_FOUND', fileSystem().read(uriOf('none')));
    await rejectsWith('STORAGE_NOT_FOUND', fileSystem().read(uriOf('none'), { length: 0 }));
    await fileSystem().delete(uriOf('none'));
    await fileSystem().delete(uriOf('no/folder/either'));
  });

  test('when a file is deleted, then it is gone', async () => {
    await fileSystem().put(uriOf('x'), pattern(1));
    await fileSystem().delete(uriOf('x'));
    assert.equal(await fileSystem().stat(uriOf('x')), null);
    assert.deepEqual((await fileSystem().list(folder())).files, []);
  });

  test('when a folder is asked for as a file, then there is none', async () => {
    await fileSystem().put(uriOf('a/b'), pattern(1));
    assert.equal(await fileSystem().stat(uriOf('a')), null);
    await rejectsWith('STORAGE_NOT_FOUND', fileSystem().read(uriOf('a')));
  });

  test('when content changes, then the etag does, and an old ifMatch is refused', async () => {
    const etags = new Set<string>();
    for (let version = 0; version < 20; version++) {
      const { etag } = await fileSystem().put(uriOf('x'), Buffer.from(`version ${version + 10}`));
      assert.equal((await fileSystem().stat(uriOf('x')))?.etag, etag);
      etags.add(etag);
    }
    assert.equal(etags.size, 20);
    const [first = ''] = etags;
    await rejectsWith('OBJECT_CHANGED', fileSystem().read(uriOf('x'), { ifMatch: first }));
    const current = [...etags].at(-1) ?? '';
    const { bytes } = await fileSystem().read(uriOf('x'), { ifMatch: current, offset: 8 });
    assert.equal(Buffer.from(bytes).toString(), '29');
  });

  test('when a file is longer than sizeMax, then it is refused; a range counts by itself', async () => {
    await fileSystem().put(uriOf('x'), pattern(1000));
    const error = await rejectsWith(
      'OBJECT_TOO_LARGE',
      fileSystem().read(uriOf('x'), { sizeMax: 999 }),
    );
    assert.match(error.message, /1000 bytes.*999/);
    assert.equal((await fileSystem().read(uriOf('x'), { sizeMax: 1000 })).bytes.length, 1000);
    const range = { offset: 10, length: 20, sizeMax: 20 };
    assert.equal((await fileSystem().read(uriOf('x'), range)).bytes.length, 20);
  });

  test('when many files are read and written at once, then none is confused', async () => {
    const numbers = Array.from({ length: 200 }, (_, index) => index);
    await Promise.all(numbers.map((n) => fileSystem().put(uriOf(`f/${n}`), pattern(n * 100))));
    await Promise.all(
      numbers.map(async (n) => {
        const { bytes } = await fileSystem().read(uriOf(`f/${n}`));
        assert.deepEqual(Buffer.from(bytes), Buffer.from(pattern(n * 100)));
      }),
    );
  });

  test('when the signal is aborted, then the call rejects with CANCELLED', async () => {
    const signal = AbortSignal.abort();
    await rejectsWith('CANCELLED', fileSystem().read(uriOf('x'), { signal }));
    await rejectsWith('CANCELLED', fileSystem().list(folder(), { signal }));
    await rejectsWith('CANCELLED', fileSystem().put(uriOf('x'), pattern(1), { signal }));
  });

  test('when names are odd, then they come back as they were given, in order', async () => {
    const names = storage().plainKeys
      ? [...ODD_NAMES, 'a', 'double//slash', '/leading', 'dots/.hidden/..x']
      : ODD_NAMES;
    for (const name of names) await fileSystem().put(uriOf(name), Buffer.from(name));
    for (const name of names) {
      const { bytes, status } = await fileSystem().read(uriOf(name));
      assert.equal(Buffer.from(bytes).toString(), name);
      assert.equal(status.uri, uriOf(name));
    }
    const expected = names.map(uriOf).sort(compareUris);
    assert.deepEqual(
      (await listAll(fileSystem(), folder())).map(({ uri }) => uri),
      expected,
    );
    // The same in pages of any size: an order that does not fit the start would lose some.
    for (const limit of [1, 2, 3, 7]) {
      const paged = await listAll(fileSystem(), folder(), limit);
      assert.deepEqual(
        paged.map(({ uri }) => uri),
        expected,
      );
    }
    for (const [index, uri] of expected.entries()) {
      const page = await fileSystem().list(folder(), { startAfter: uri });
      assert.deepEqual(
        page.files.map((file) => file.uri),
        expected.slice(index + 1),
      );
    }
  });
}

function describeConditionalPuts({ test, uriOf, fileSystem, storage }: ContractContext): void {
  test('when ifAbsent meets a file, then it rejects and the file stays', async () => {
    await fileSystem().put(uriOf('x'), Buffer.from('first'), { ifAbsent: true });
    await rejectsWith(
      'PRECONDITION_FAILED',
      fileSystem().put(uriOf('x'), Buffer.from('second'), { ifAbsent: true }),
    );
    assert.equal(await text(fileSystem(), uriOf('x')), 'first');
    await fileSystem().delete(uriOf('x'));
    await fileSystem().put(uriOf('x'), Buffer.from('third'), { ifAbsent: true });
    assert.equal(await text(fileSystem(), uriOf('x')), 'third');
  });

  test('when many create the same file at once, then exactly one wins', async () => {
    const others = Array.from({ length: 4 }, () => storage().open());
    for (let round = 0; round < 5; round++) {
      const uri = uriOf(`lease-${round}`);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 16 }, async (_, index) => {
          const other = others[index % others.length] ?? fileSystem();
          await other.put(uri, Buffer.from(`by ${index}`), { ifAbsent: true });
          return index;
        }),
      );
      const winners = outcomes.flatMap((outcome) =>
        outcome.status === 'fulfilled' ? [outcome.value] : [],
      );
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') assertCode('PRECONDITION_FAILED', outcome.reason);
      }
      assert.equal(winners.length, 1);
      assert.equal(await text(fileSystem(), uri), `by ${winners[0]}`);
    }
    await Promise.all(others.map((other) => other.close()));
  });

  test('when ifMatch fits, then the file is replaced; when not, it stays', async () => {
    const first = await fileSystem().put(uriOf('x'), Buffer.from('one'));
    const second = await fileSystem().put(uriOf('x'), Buffer.from('two'), { ifMatch: first.etag });
    assert.notEqual(second.etag, first.etag);
    const stale = fileSystem().put(uriOf('x'), Buffer.from('late'), { ifMatch: first.etag });
    await rejectsWith('PRECONDITION_FAILED', stale);
    assert.equal(await text(fileSystem(), uriOf('x')), 'two');
    const absent = fileSystem().put(uriOf('none'), Buffer.from('x'), { ifMatch: first.etag });
    await rejectsWith('PRECONDITION_FAILED', absent);
    assert.equal(await fileSystem().stat(uriOf('none')), null);
  });

  test('when many add to a counter by compare-and-swap, then no addition is lost', async () => {
    await fileSystem().put(uriOf('counter'), Buffer.from('0'));
    const add = async (other: FileSystem, times: number): Promise<void> => {
      for (let done = 0; done < times; ) {
        const { bytes, status } = await other.read(uriOf('counter'));
        const next = Buffer.from(String(Number(Buffer.from(bytes).toString()) + 1));
        try {
          await other.put(uriOf('counter'), next, { ifMatch: status.etag });
          done += 1;
        } catch (error) {
          assertCode('PRECONDITION_FAILED', error);
        }
      }
    };
    const others = Array.from({ length: 4 }, () => storage().open());
    await Promise.all(others.map((other) => add(other, 10)));
    await Promise.all(others.map((other) => other.close()));
    assert.equal(await text(fileSystem(), uriOf('counter')), '40');
  });
}

function describeListings({ test, uriOf, fileSystem, storage, folder }: ContractContext): void {
  test('when there is nothing, then the listing is empty', async () => {
    assert.deepEqual(await fileSystem().list(folder()), { files: [], next: null });
    assert.deepEqual(await fileSystem().list(uriOf('no/such/')), { files: [], next: null });
  });

  test('when a folder is listed, then its neighbours with the same start are not', async () => {
    for (const path of ['in/a', 'in/b/c', 'in-processed/d', 'in.txt', 'inner/e']) {
      await fileSystem().put(uriOf(path), pattern(3));
    }
    const expected = [uriOf('in/a'), uriOf('in/b/c')];
    for (const prefix of ['in', 'in/']) {
      const page = await fileSystem().list(uriOf(prefix));
      assert.deepEqual(
        page.files.map(({ uri }) => uri),
        expected,
      );
    }
    const file = await fileSystem().list(uriOf('in/a'));
    assert.deepEqual(
      file.files.map(({ uri }) => uri),
      [uriOf('in/a')],
    );
    assert.deepEqual(
      (await fileSystem().list(uriOf('in/'), { startAfter: uriOf('zz') })).files,
      [],
    );
    const all = await fileSystem().list(uriOf('in/'), { startAfter: uriOf('aa') });
    assert.equal(all.files.length, 2);
  });

  test('when there are more than two thousand files, then pages bring each once, in order', async () => {
    const paths = Array.from({ length: 2_345 }, (_, index) => `d${index % 7}/x${index * 7919}.jpg`);
    await inParallel(paths, 32, async (path) => {
      await fileSystem().put(uriOf(path), Buffer.from(path));
    });
    const expected = paths.map(uriOf).sort(compareUris);
    const listed = await listAll(fileSystem(), folder());
    assert.deepEqual(
      listed.map(({ uri }) => uri),
      expected,
    );
    assert.ok(listed.every(({ uri, size }) => uri.endsWith('.jpg') && size > 5 && size < 30));
    const small = await listAll(fileSystem(), folder(), 100);
    assert.deepEqual(small, listed);
    const page = await fileSystem().list(folder(), { limit: 5000 });
    assert.equal(page.files.length, 1000);
    assert.equal(page.next, expected[999]);
    // Another process goes on from there.
    const other = storage().open();
    const rest = await other.list(folder(), { startAfter: page.next ?? '' });
    assert.deepEqual(
      rest.files.map(({ uri }) => uri),
      expected.slice(1000, 2000),
    );
    await other.close();
  });

  test('when a listing tells a status, then it is the one that stat tells', async () => {
    await fileSystem().put(uriOf('x'), pattern(5));
    const [listed] = (await fileSystem().list(folder())).files;
    const stat = await fileSystem().stat(uriOf('x'));
    assert.equal(listed?.etag, stat?.etag);
    assert.equal(listed?.size, stat?.size);
    assert.ok(Math.abs((listed?.modifiedAtMs ?? 0) - (stat?.modifiedAtMs ?? 0)) < 1000);
  });
}
