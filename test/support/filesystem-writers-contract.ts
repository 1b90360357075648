import assert from 'node:assert/strict';
import type { AbortableFile, PendingFile } from '../../shared/filesystem/filesystem.ts';
import { type ContractContext, pattern, rejectsWith, text } from './filesystem-helpers.ts';

const MIB = 1024 * 1024;

/** Writers and commits, part of the contract that every adapter must pass. */
export function describeWriters({
  test,
  uriOf,
  fileSystem,
  storage,
  folder,
}: ContractContext): void {
  const write = async (path: string, ...chunks: readonly Uint8Array[]): Promise<PendingFile> => {
    const writer = await fileSystem().openWriter(uriOf(path), { contentType: 'text/plain' });
    for (const chunk of chunks) await writer.write(chunk);
    return writer.closeForCommit();
  };
  const assertInvisible = async (path: string): Promise<void> => {
    assert.equal(await fileSystem().stat(uriOf(path)), null);
    assert.deepEqual((await fileSystem().list(folder())).files, []);
  };

  test('when a file is written, then it is invisible until it is committed', async () => {
    const writer = await fileSystem().openWriter(uriOf('out/part-0'));
    await writer.write(Buffer.from('hello '));
    await writer.write(Buffer.from('world'));
    assert.equal(writer.position, 11);
    await assertInvisible('out/part-0');
    const pending = await writer.closeForCommit();
    assert.deepEqual([pending.uri, pending.size], [uriOf('out/part-0'), 11]);
    await assertInvisible('out/part-0');
    await fileSystem().commit(pending);
    assert.equal(await text(fileSystem(), uriOf('out/part-0')), 'hello world');
    assert.equal((await fileSystem().list(folder())).files.length, 1);
  });

  test('when the writer’s caller reuses its buffer, then what was written stays', async () => {
    const buffer = Buffer.from('first');
    const writer = await fileSystem().openWriter(uriOf('x'));
    await writer.write(buffer);
    buffer.fill('X');
    await fileSystem().commit(await writer.closeForCommit());
    assert.equal(await text(fileSystem(), uriOf('x')), 'first');
  });

  test('when a file is longer than a part, then it is whole', async () => {
    const bytes = pattern(19 * MIB + 5);
    const chunks = [bytes.subarray(0, 5), bytes.subarray(5, 17 * MIB), bytes.subarray(17 * MIB)];
    const pending = await write('big', ...chunks);
    assert.equal(pending.size, bytes.length);
    await fileSystem().commit(pending);
    const read = await fileSystem().read(uriOf('big'));
    assert.ok(Buffer.from(read.bytes.buffer).equals(bytes));
    const exact = await write('exact', pattern(8 * MIB), pattern(8 * MIB));
    await fileSystem().commit(exact);
    assert.equal((await fileSystem().stat(uriOf('exact')))?.size, 16 * MIB);
  });

  test('when nothing was written, then the commit makes an empty file', async () => {
    await fileSystem().commit(await write('empty'));
    assert.equal((await fileSystem().stat(uriOf('empty')))?.size, 0);
  });

  test('when another process commits, also again and again, then the file is there once', async () => {
    // As it lies in a checkpoint.
    const stored = JSON.stringify(await write('x', Buffer.from('once')));
    const pending = JSON.parse(stored) as PendingFile;
    for (let restart = 0; restart < 3; restart++) {
      const other = storage().open();
      await other.commit(pending);
      await other.commit(pending);
      await other.close();
      assert.equal(await text(fileSystem(), uriOf('x')), 'once');
    }
    await Promise.all([fileSystem().commit(pending), fileSystem().commit(pending)]);
    assert.equal((await fileSystem().list(folder())).files.length, 1);
  });

  test('when many commit the same file at once, then all succeed', async () => {
    const pending = await write('x', Buffer.from('together'));
    await Promise.all(Array.from({ length: 5 }, () => fileSystem().commit(pending)));
    assert.equal(await text(fileSystem(), uriOf('x')), 'together');
  });

  test('when a file of that name is there, then the commit replaces it', async () => {
    await fileSystem().put(uriOf('x'), Buffer.from('old and longer'));
    await fileSystem().commit(await write('x', Buffer.from('new')));
    assert.equal(await text(fileSystem(), uriOf('x')), 'new');
  });

  test('when a pending file is aborted, then nothing stays and a commit rejects', async () => {
    const pending = await write('x', Buffer.from('never'));
    await fileSystem().abort(pending);
    await fileSystem().abort(pending);
    await assertInvisible('x');
    await rejectsWith('STORAGE_NOT_FOUND', fileSystem().commit(pending));
  });

  test('when a pending file is gone and another has its name and size, then the commit rejects', async () => {
    const aborted = await write('x', Buffer.from('never'));
    await fileSystem().abort(aborted);
    await fileSystem().put(uriOf('x'), Buffer.from('older'));
    await rejectsWith('STORAGE_NOT_FOUND', fileSystem().commit(aborted));
    await fileSystem().commit(await write('x', Buffer.from('newer')));
    await rejectsWith('STORAGE_NOT_FOUND', fileSystem().commit(aborted));
    assert.equal(await text(fileSystem(), uriOf('x')), 'newer');
  });

  test('when a file may be held, then it is invisible, and committed once, small or large', async () => {
    for (const size of [0, 1, 1000, 1001, 9 * MIB]) {
      const path = `held/${size}`;
      const options = { contentType: 'text/plain', heldBytesMax: 1000 };
      const writer = await fileSystem().openWriter(uriOf(path), options);
      await writer.write(pattern(size));
      const pending = JSON.parse(JSON.stringify(await writer.closeForCommit())) as PendingFile;
      assert.equal(await fileSystem().stat(uriOf(path)), null);
      await Promise.all([fileSystem().commit(pending), fileSystem().commit(pending)]);
      const other = storage().open();
      await other.commit(pending);
      await other.close();
      const { bytes } = await fileSystem().read(uriOf(path));
      assert.deepEqual(Buffer.from(bytes), Buffer.from(pattern(size)));
      await fileSystem().abort(pending);
      assert.equal((await fileSystem().stat(uriOf(path)))?.size, size);
    }
  });

  test('when a file that may be held is given up, then nothing stays', async () => {
    const writer = await fileSystem().openWriter(uriOf('x'), { heldBytesMax: 1000 });
    await writer.write(Buffer.from('never'));
    await writer.abort();
    const closed = await fileSystem().openWriter(uriOf('y'), { heldBytesMax: 1000 });
    await fileSystem().abort(await closed.closeForCommit());
    await assertInvisible('x');
    assert.deepEqual((await fileSystem().listPending(folder())).files, []);
  });

  test('when a writer is aborted, then nothing stays', async () => {
    const writer = await fileSystem().openWriter(uriOf('x'));
    await writer.write(pattern(9 * MIB));
    await writer.abort();
    await assertInvisible('x');
  });

  test('when a committed file is aborted late, then it stays', async () => {
    const pending = await write('x', Buffer.from('kept'));
    await fileSystem().commit(pending);
    await fileSystem().abort(pending);
    assert.equal(await text(fileSystem(), uriOf('x')), 'kept');
  });
}

/** Finding what earlier processes left, part of the contract that every adapter must pass. */
export function describePendingFiles({ test, uriOf, fileSystem, storage }: ContractContext): void {
  const write = async (path: string, content = path): Promise<PendingFile> => {
    const writer = await fileSystem().openWriter(uriOf(path));
    await writer.write(Buffer.from(content));
    return writer.closeForCommit();
  };
  const listPending = async (
    path: string,
    options: { readonly limit?: number; readonly except?: readonly PendingFile[] } = {},
  ): Promise<AbortableFile[]> => {
    const files: AbortableFile[] = [];
    for (let next: string | null = ''; next !== null; ) {
      const after: { after?: string } = next === '' ? {} : { after: next };
      const page = await fileSystem().listPending(uriOf(path), { ...options, ...after });
      assert.ok(page.files.length <= (options.limit ?? 1000));
      files.push(...page.files);
      next = page.next;
    }
    return files;
  };
  const urisOf = (files: readonly AbortableFile[]): string[] => files.map(({ uri }) => uri).sort();

  test('when files are pending below a folder, then another process finds and aborts them', async () => {
    const committed = await write('out/a');
    await fileSystem().commit(committed);
    const closed = await write('out/deep er/ü.jsonl');
    const open = await fileSystem().openWriter(uriOf('out/open'));
    await open.write(Buffer.from('half'));
    await write('out-side/not-below');
    await fileSystem().put(uriOf('out/visible'), pattern(1));
    const other = storage().open();
    const { files, next } = await other.listPending(uriOf('out'));
    assert.equal(next, null);
    assert.deepEqual(urisOf(files), [closed.uri, uriOf('out/open')].sort());
    for (const file of files) await other.abort(file);
    await other.close();
    assert.deepEqual(await listPending('out'), []);
    await rejectsWith('STORAGE_NOT_FOUND', fileSystem().commit(closed));
    assert.equal(await text(fileSystem(), uriOf('out/a')), 'out/a');
    assert.equal((await listPending('out-side')).length, 1);
  });

  test('when a folder does not exist, then nothing is pending there', async () => {
    assert.deepEqual(await fileSystem().listPending(uriOf('no/such')), { files: [], next: null });
  });

  test('when there are several of one name, then only those excepted are left out', async () => {
    const kept = [await write('x', 'one'), await write('y', 'two')];
    const orphan = await write('x', 'three');
    const found = await listPending('', { except: kept });
    assert.deepEqual(urisOf(found), [orphan.uri]);
    for (const file of found) await fileSystem().abort(file);
    for (const file of kept) await fileSystem().commit(file);
    assert.equal(await text(fileSystem(), uriOf('x')), 'one');
    await rejectsWith('STORAGE_NOT_FOUND', fileSystem().commit(orphan));
  });

  test('when there are more than a page, then every one is found once', async () => {
    const paths = Array.from({ length: 23 }, (_, index) => `d${index % 3}/part-${index % 7}`);
    for (const path of paths) await write(path);
    for (const limit of [4, 10, 1000]) {
      const found = await listPending('', { limit });
      assert.deepEqual(urisOf(found), paths.map(uriOf).sort());
      assert.equal(new Set(found.map(({ handle }) => handle)).size, paths.length);
    }
  });

  test('when somebody aborts a file that is written, then its owner is told and it never shows', async () => {
    const writer = await fileSystem().openWriter(uriOf('x'));
    await writer.write(pattern(9 * MIB));
    for (const file of await listPending('')) await fileSystem().abort(file);
    const finish = async (): Promise<void> => {
      await writer.write(pattern(9 * MIB));
      await fileSystem().commit(await writer.closeForCommit());
    };
    await rejectsWith('STORAGE_NOT_FOUND', finish());
    await writer.abort();
    assert.equal(await fileSystem().stat(uriOf('x')), null);
    assert.deepEqual(await listPending(''), []);
  });
}
