import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FilesEnumerator } from '../../../jobmanager/sources/files-enumerator.ts';
import type { FileSplit } from '../../../shared/connectors/splits.ts';
import { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import { filesSourceSchema } from '../../../shared/pipeline/kinds/source-files.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

interface Bench {
  readonly clock: FakeClock;
  readonly enumerator: FilesEnumerator;
  readonly assigned: Map<number, FileSplit[]>;
  readonly informed: number[];
  readonly failures: unknown[];
  put(name: string, text?: string): Promise<void>;
  names(): string[];
}

let nextFolder = 0;

function open(options: Record<string, unknown> = {}, parallelism = 1): Bench {
  const root = `memory://sources/${nextFolder}`;
  nextFolder += 1;
  const clock = new FakeClock();
  const fileSystems = new FileSystemRegistry({}, { clock });
  const enumerator = new FilesEnumerator(filesSourceSchema.parse({ path: root, ...options }), {
    fileSystems,
    clock,
  });
  const assigned = new Map<number, FileSplit[]>();
  const informed: number[] = [];
  const failures: unknown[] = [];
  enumerator.start({
    parallelism,
    assignSplits: (subtask, splits) =>
      assigned.set(subtask, [...(assigned.get(subtask) ?? []), ...splits]),
    signalNoMoreSplits: (subtask) => informed.push(subtask),
    fail: (error) => failures.push(error),
  });
  return {
    clock,
    enumerator,
    assigned,
    informed,
    failures,
    async put(name, text = 'x') {
      const uri = `${root}/${name}`;
      await fileSystems.forUri(uri).put(uri, Buffer.from(text));
    },
    names: () =>
      [...assigned.values()].flatMap((splits) =>
        splits.map((split) => split.uri.slice(root.length + 1)),
      ),
  };
}

/** `open` starts listing at once; files are put first by opening on a filled folder. */
async function openFilled(
  names: readonly string[],
  options: Record<string, unknown> = {},
  parallelism = 1,
): Promise<Bench> {
  const folder = nextFolder;
  const root = `memory://sources/${folder}`;
  const fileSystems = new FileSystemRegistry({}, { clock: new FakeClock() });
  for (const name of names) {
    await fileSystems.forUri(root).put(`${root}/${name}`, Buffer.from('x'));
  }
  return open(options, parallelism);
}

test('when a bounded folder is listed, then every matching file is handed out once', async () => {
  const bench = await openFilled(['a.jpg', 'b.txt', 'sub/c.jpg', '.hidden.jpg', 'sub/.d/e.jpg'], {
    glob: '**/*.jpg',
  });
  bench.enumerator.handleSplitRequest(0, 10);
  await settle();
  assert.deepEqual(bench.names(), ['a.jpg', 'sub/c.jpg']);
  assert.deepEqual(bench.informed, [0]);
  assert.deepEqual(bench.enumerator.progress(), {
    discovered: 2,
    assigned: 2,
    discoveryComplete: true,
  });
});

test('when two readers ask, then they take turns, and both hear of the end', async () => {
  const names = Array.from({ length: 16 }, (_, n) => `${String(n).padStart(2, '0')}.jpg`);
  const bench = await openFilled(names, {}, 2);
  bench.enumerator.handleSplitRequest(0, 16);
  bench.enumerator.handleSplitRequest(1, 16);
  await settle();
  assert.equal(bench.assigned.get(0)?.length, 8);
  assert.equal(bench.assigned.get(1)?.length, 8);
  assert.deepEqual(bench.names().toSorted(), names);
  assert.deepEqual(bench.informed, [0, 1]);
});

test('when a watched prefix gains a file, then the next interval finds it, once', async () => {
  const bench = open({ watch: '10s' });
  await bench.put('a.jpg');
  bench.enumerator.handleSplitRequest(0, 10);
  await bench.clock.advance(10_000);
  await bench.put('b.jpg');
  await bench.clock.advance(30_000);
  assert.deepEqual(bench.names(), ['a.jpg', 'b.jpg']);
  assert.deepEqual(bench.informed, []);
});

for (const [overwrites, times] of [
  ['ignore', 1],
  ['process', 2],
] as const) {
  test(`when a file is overwritten and overwrites is ${overwrites}, then it is read ${times} times`, async () => {
    const bench = open({ watch: '1s', overwrites });
    await bench.put('a.jpg', 'one');
    bench.enumerator.handleSplitRequest(0, 10);
    await bench.clock.advance(2000);
    await bench.put('a.jpg', 'another');
    await bench.clock.advance(2000);
    assert.equal(bench.names().length, times);
  });
}

test('when a rate is set, then files are handed out no faster', async () => {
  const names = Array.from({ length: 100 }, (_, n) => `${n}.jpg`);
  const bench = await openFilled(names, { rateMax: 10 });
  bench.enumerator.handleSplitRequest(0, 100);
  await bench.clock.advance(5000);
  const { assigned } = bench.enumerator.progress();
  assert.ok(assigned >= 45 && assigned <= 52, `${assigned} files in 5 s at 10 a second`);
});

test('when the source is stopped, then nothing more is handed out and readers are told', async () => {
  const bench = await openFilled(['a.jpg', 'b.jpg', 'c.jpg'], { watch: '1s' });
  bench.enumerator.handleSplitRequest(0, 1);
  await settle();
  bench.enumerator.stop();
  bench.enumerator.handleSplitRequest(0, 5);
  await bench.clock.advance(5000);
  assert.deepEqual(bench.names(), ['a.jpg']);
  assert.deepEqual(bench.informed, [0]);
});

test('when a reader is lost, then its splits are handed out again before the others', async () => {
  const bench = await openFilled(['a.jpg', 'b.jpg', 'c.jpg']);
  bench.enumerator.handleSplitRequest(0, 2);
  await settle();
  bench.enumerator.addSplitsBack(bench.assigned.get(0) ?? [], 0);
  bench.assigned.clear();
  bench.enumerator.handleSplitRequest(0, 3);
  await settle();
  assert.deepEqual(bench.names(), ['a.jpg', 'b.jpg', 'c.jpg']);
});

test('when more files are seen than may be remembered, then the job fails and says so', async () => {
  const names = Array.from({ length: 1001 }, (_, n) => `${n}.jpg`);
  const bench = await openFilled(names, { watch: '1s', seenMax: 1000 });
  await settle();
  assert.match(String(bench.failures[0]), /more than 1000 files/);
});
