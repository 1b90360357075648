import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { LocalFileSystem } from '../../../shared/filesystem/local-filesystem.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { describeFileSystemContract } from '../../support/filesystem-contract.ts';
import { listAll, pattern, rejectsWith } from '../../support/filesystem-helpers.ts';

for (const windowEntriesMax of [16_384, 10]) {
  describeFileSystemContract(`local, ${windowEntriesMax} names in memory`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-local-'));
    let folders = 0;
    return {
      open: () => new LocalFileSystem({ clock: systemClock, windowEntriesMax }),
      newFolder: () => `file://${directory}/folder-${folders++}`,
      plainKeys: false,
      close: () => rm(directory, { recursive: true }),
    };
  });
}

describe('local file system', () => {
  let directory: string;
  let fileSystem: LocalFileSystem;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-local-'));
    fileSystem = new LocalFileSystem({ clock: systemClock });
  });
  after(() => rm(directory, { recursive: true }));

  const uris = async (folder: string): Promise<string[]> => {
    const base = `file://${join(directory, folder)}/`;
    return (await listAll(fileSystem, base)).map(({ uri }) => uri.slice(base.length));
  };

  it('when links lead round in a circle or nowhere, then each file is listed once', async () => {
    const root = join(directory, 'links');
    await mkdir(join(root, 'a/b'), { recursive: true });
    await mkdir(join(directory, 'elsewhere'));
    await writeFile(join(directory, 'elsewhere/far'), 'x');
    await writeFile(join(root, 'a/file'), 'x');
    await symlink(root, join(root, 'a/up'));
    await symlink('..', join(root, 'a/b/parent'));
    await symlink('self', join(root, 'self'));
    await symlink('nowhere', join(root, 'dangling'));
    await symlink('a/file', join(root, 'to-file'));
    await symlink(join(directory, 'elsewhere'), join(root, 'to-folder'));
    assert.deepEqual(await uris('links'), ['a/file', 'to-file', 'to-folder/far']);
  });

  it('when names begin with a dot, then they are not listed', async () => {
    await mkdir(join(directory, 'hidden/.git'), { recursive: true });
    await writeFile(join(directory, 'hidden/.git/x'), 'x');
    await writeFile(join(directory, 'hidden/.env'), 'x');
    await writeFile(join(directory, 'hidden/seen'), 'x');
    assert.deepEqual(await uris('hidden'), ['seen']);
  });

  it('when puts, commits and aborts are done, then no hidden file stays', async () => {
    const uri = (name: string): string => `file://${directory}/clean/${name}`;
    const first = await fileSystem.put(uri('x'), pattern(10));
    await fileSystem.put(uri('x'), pattern(11), { ifMatch: first.etag });
    await rejectsWith(
      'PRECONDITION_FAILED',
      fileSystem.put(uri('x'), pattern(1), { ifAbsent: true }),
    );
    await rejectsWith(
      'PRECONDITION_FAILED',
      fileSystem.put(uri('x'), pattern(1), { ifMatch: 'z' }),
    );
    const writer = await fileSystem.openWriter(uri('y'));
    await fileSystem.commit(await writer.closeForCommit());
    const given = await fileSystem.openWriter(uri('z'));
    await given.abort();
    assert.deepEqual(await readdir(join(directory, 'clean')), ['x', 'y']);
  });

  it('when a process of this machine died with the lock, then it is taken over at once', async () => {
    const uri = `file://${directory}/lock-of-the-dead/x`;
    const { etag } = await fileSystem.put(uri, pattern(1));
    const { pid } = spawnSync(process.execPath, ['--version']);
    await writeFile(join(directory, 'lock-of-the-dead/.lock-x'), `${pid}@${hostname()}`);
    const startedAtMs = performance.now();
    await fileSystem.put(uri, pattern(2), { ifMatch: etag });
    assert.ok(performance.now() - startedAtMs < 5_000);
    assert.deepEqual(await readdir(join(directory, 'lock-of-the-dead')), ['x']);
  });

  it('when a process died with the lock, then it is taken over', async () => {
    const uri = `file://${directory}/lock/x`;
    const { etag } = await fileSystem.put(uri, pattern(1));
    const lock = join(directory, 'lock/.lock-x');
    await writeFile(lock, '');
    const longAgo = Date.now() / 1000 - 60;
    await utimes(lock, longAgo, longAgo);
    await fileSystem.put(uri, pattern(2), { ifMatch: etag });
    assert.deepEqual(await readdir(join(directory, 'lock')), ['x']);
  });

  it('when a file grows while it is read, then it is not delivered', async () => {
    const path = join(directory, 'growing');
    await writeFile(path, pattern(64 * 1024 * 1024));
    let settled = false;
    const read = fileSystem.read(`file://${path}`).finally(() => {
      settled = true;
    });
    const rejected = rejectsWith('OBJECT_CHANGED', read);
    while (!settled) await writeFile(path, 'more', { flag: 'a' });
    await rejected;
  });

  it('when something is no regular file, then it is not found', async () => {
    await rejectsWith('STORAGE_NOT_FOUND', fileSystem.read('file:///dev/null'));
    await rejectsWith('STORAGE_NOT_FOUND', fileSystem.read(`file://${directory}`));
  });

  it('when a handle points elsewhere, then nothing is moved', async () => {
    const victim = join(directory, 'victim');
    await writeFile(victim, 'x');
    for (const name of ['victim', victim, '.pending-/../victim', '../victim', 7]) {
      const handle = JSON.stringify({ name, sha256: '' });
      const pending = { uri: `file://${directory}/stolen`, handle, size: 1 };
      await rejectsWith('STORAGE_NOT_FOUND', fileSystem.commit(pending));
      await rejectsWith('STORAGE_NOT_FOUND', fileSystem.abort(pending));
    }
    assert.equal((await fileSystem.stat(`file://${victim}`))?.size, 1);
  });

  it('when a deleted file leaves folders empty, then those go that it is asked for', async () => {
    const top = `file://${directory}/prune`;
    const prune = (name: string) => fileSystem.delete(`${top}/${name}`, { pruneBelow: top });
    for (const name of ['a/b/c', 'a/d', 'e/f']) await fileSystem.put(`${top}/${name}`, pattern(1));
    await prune('a/b/c');
    assert.deepEqual(await readdir(join(directory, 'prune', 'a')), ['d']);
    await fileSystem.delete(`${top}/a/d`);
    assert.deepEqual((await readdir(join(directory, 'prune'))).toSorted(), ['a', 'e']);
    await prune('a/x/gone-before');
    await prune('e/f');
    assert.deepEqual(await readdir(join(directory, 'prune')), []);
  });

  it('when a folder is pruned while files are put into it, then every put succeeds', async () => {
    const top = `file://${directory}/busy`;
    for (let round = 0; round < 50; round += 1) {
      await fileSystem.put(`${top}/x/old`, pattern(1));
      await Promise.all([
        fileSystem.delete(`${top}/x/old`, { pruneBelow: top }),
        fileSystem.put(`${top}/x/new`, pattern(1)),
      ]);
      assert.deepEqual(await uris('busy'), ['x/new']);
      await fileSystem.delete(`${top}/x/new`, { pruneBelow: top });
    }
  });

  it('when files are put while a listing is under way, then the next pass sees them', async () => {
    const base = `file://${directory}/live/`;
    for (const name of ['a', 'b', 'd']) await fileSystem.put(base + name, pattern(1));
    const page = await fileSystem.list(base, { limit: 2 });
    assert.equal(page.next, `${base}b`);
    await fileSystem.put(`${base}c`, pattern(1));
    const rest = await fileSystem.list(base, { startAfter: page.next });
    assert.deepEqual(
      rest.files.map(({ uri }) => uri.slice(base.length)),
      ['c', 'd'],
    );
  });
});
