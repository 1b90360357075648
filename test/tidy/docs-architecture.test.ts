import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
}).split('\n');

/** `jobmanager/dispatcher` and the like, as the tree of the page draws them. */
function roomsOnPage(): string[] {
  const tree = /## The house\n\n```text\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  let house = '';
  return tree.split('\n').flatMap((line) => {
    const isRoom = line.startsWith('  ');
    const [names = ''] = line.trim().split(/ {2,}(?=[^ /]+ )/);
    const folders = [...names.matchAll(/([a-z-]+)\/(?= |$)/g)].map((match) => match[1] ?? '');
    if (!isRoom) house = folders[0] ?? '';
    return isRoom ? folders.map((folder) => `${house}/${folder}`) : [];
  });
}

test('when a folder appears or goes, then the house on the architecture page has its room', () => {
  const rooms = files
    .filter((file) => /^(shared|jobmanager|taskmanager|cli)\/[^/]+\//.test(file))
    .map((file) => file.split('/').slice(0, 2).join('/'));
  assert.deepEqual(roomsOnPage().toSorted(), [...new Set(rooms)].toSorted());
});

test('when the architecture page names a file, then the file is there', () => {
  const named = [...page.matchAll(/`([a-z0-9./-]+\.ts)`/g)].map((match) => match[1] ?? '');
  const missing = named.filter(
    (name) => !files.some((file) => file === name || file.endsWith(`/${name}`)),
  );
  assert.ok(named.length > 0);
  assert.deepEqual(missing, []);
});
