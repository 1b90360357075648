import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FilesEnumerator } from '../../../jobmanager/sources/files-enumerator.ts';
import type { FileSplit } from '../../../shared/connectors/splits.ts';
import { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import { filesSourceSchema } from '../../../shared/pipeline/kinds/source-files.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

/** A folder of `memory://` and the enumerators that read it, one after the other. */
class Folder {
  static #count = 0;
  readonly clock = new FakeClock();
  readonly #root: string;
  readonly #fileSystems = new FileSystemRegistry({}, { clock: this.clock });

  constructor() {
    Folder.#count += 1;
    this.#root = `memory://restored-sources/${Folder.#count}`;
  }

  async put(...names: string[]): Promise<void> {
    for (const name of names) {
      const uri = `${this.#root}/${name}`;
      await this.#fileSystems.forUri(uri).put(uri, Buffer.from('x'));
    }
  }

  open(options: Record<string, unknown> = {}, state?: unknown) {
    const enumerator = new FilesEnumerator(
      filesSourceSchema.parse({ path: this.#root, ...options }),
      { fileSystems: this.#fileSystems, clock: this.clock },
    );
    const log: string[] = [];
    if (state !== undefined) enumerator.restoreState(structuredClone(state));
    enumerator.start({
      parallelism: 1,
      assignSplits: (_subtask, splits) =>
        log.push(...splits.map(({ uri }: FileSplit) => uri.slice(this.#root.length + 1))),
      signalNoMoreSplits: () => log.push('end'),
      fail: assert.fail,
    });
    return { enumerator, log };
  }
}

function named(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index).padStart(5, '0'));
}

test('when a bounded listing is restored, then it hands out what it had not, and nothing twice', async () => {
  const folder = new Folder();
  await folder.put('a', 'b', 'c', 'd');
  const first = folder.open();
  first.enumerator.handleSplitRequest(0, 3);
  await settle();
  assert.deepEqual(first.log, ['a', 'b', 'c']);
  const second = folder.open({}, first.enumerator.snapshotState());
  assert.deepEqual(second.enumerator.progress(), {
    discovered: 4,
    assigned: 3,
    discoveryComplete: true,
  });
  second.enumerator.handleSplitRequest(0, 3);
  await settle();
  assert.deepEqual(second.log, ['d', 'end']);
});

test('when a listing was in its middle, then it goes on where it was', async () => {
  const folder = new Folder();
  const names = named(6_500);
  await folder.put(...names);
  const first = folder.open();
  first.enumerator.handleSplitRequest(0, 100);
  await settle();
  const { discovered } = first.enumerator.progress();
  assert.ok(discovered < names.length, `${discovered} discovered: the listing has paused`);
  const state = first.enumerator.snapshotState();
  const second = folder.open({}, state);
  for (let turn = 0; turn < names.length; turn += 500) {
    second.enumerator.handleSplitRequest(0, 1_000);
    await settle();
  }
  assert.deepEqual([...first.log, ...second.log], [...names, 'end']);
});

test('when a watch is restored, then only new files are found, and those that waited', async () => {
  const folder = new Folder();
  await folder.put('a', 'b', 'c');
  const first = folder.open({ watch: '1s' });
  first.enumerator.handleSplitRequest(0, 1);
  await folder.clock.advance(3_000);
  const state = first.enumerator.snapshotState();
  await folder.put('aa');
  const second = folder.open({ watch: '1s' }, state);
  second.enumerator.handleSplitRequest(0, 10);
  await folder.clock.advance(3_000);
  assert.deepEqual([...first.log, ...second.log], ['a', 'b', 'c', 'aa']);
});

test('when a bounded source becomes a watch, then what it had found is not found again', async () => {
  const folder = new Folder();
  await folder.put('a', 'c');
  const first = folder.open();
  first.enumerator.handleSplitRequest(0, 1);
  await settle();
  await folder.put('b', 'd');
  const second = folder.open({ watch: '1s' }, first.enumerator.snapshotState());
  second.enumerator.handleSplitRequest(0, 10);
  await folder.clock.advance(2_000);
  await folder.put('bb');
  await folder.clock.advance(2_000);
  assert.deepEqual(second.log, ['c', 'd', 'bb']);
});

test('when a watch becomes bounded, then what it had found is not found again', async () => {
  const folder = new Folder();
  await folder.put('a', 'b');
  const first = folder.open({ watch: '1s' });
  first.enumerator.handleSplitRequest(0, 1);
  await folder.clock.advance(2_000);
  await folder.put('c');
  const second = folder.open({}, first.enumerator.snapshotState());
  second.enumerator.handleSplitRequest(0, 10);
  await settle();
  assert.deepEqual(second.log, ['b', 'c', 'end']);
});

test('when the source was stopped, then it is still stopped after a restore', async () => {
  const folder = new Folder();
  await folder.put('a', 'b');
  const first = folder.open({ watch: '1s' });
  first.enumerator.handleSplitRequest(0, 1);
  await folder.clock.advance(2_000);
  first.enumerator.stop();
  const second = folder.open({ watch: '1s' }, first.enumerator.snapshotState());
  await folder.clock.advance(2_000);
  assert.deepEqual(second.log, ['end']);
  second.enumerator.addSplitsBack([], 0);
  assert.deepEqual(second.log, ['end', 'end']);
});
