import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adoptedReaders } from '../../../jobmanager/job-master/adoption.ts';
import { DatagenEnumerator } from '../../../jobmanager/sources/datagen-enumerator.ts';
import { FilesEnumerator } from '../../../jobmanager/sources/files-enumerator.ts';
import { SourceCoordinator } from '../../../jobmanager/sources/source-coordinator.ts';
import type { FileSplit } from '../../../shared/connectors/splits.ts';
import { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import type { JobManagerMessage, ReportedAttempt } from '../../../shared/rpc/messages.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { eventually } from '../../support/eventually.ts';

function splitsIn(messages: readonly JobManagerMessage[]): unknown[] {
  return messages.flatMap((message) => (message.kind === 'assign-splits' ? message.splits : []));
}

test('when readers of numbers go on, then what they lack between is handed out, and nothing twice', () => {
  const messages: JobManagerMessage[] = [];
  const coordinator = new SourceCoordinator({
    operatorId: 'numbers',
    enumerator: new DatagenEnumerator({ keys: 1, count: 100, rateMax: 20 }) as never,
    attemptIds: ['a', 'b'],
    sendToAttempt: (_attemptId, message) => messages.push(message),
    onFailure: (error) => assert.fail(error.message),
    tracking: { onChanged: () => {} },
  });
  const state = { next: 20, returned: [{ from: 0, to: 10 }], assigned: 1, stopped: false };
  coordinator.start({ state }, [
    { attemptId: 'a', splits: [{ from: 30, to: 40 }], splitsWanted: 0 },
    { attemptId: 'b', splits: [{ from: 0, to: 10 }], splitsWanted: 2 },
    { attemptId: 'of another source', splits: [{ from: 90, to: 99 }], splitsWanted: 9 },
  ]);
  assert.deepEqual(splitsIn(messages), [
    { from: 20, to: 30 },
    { from: 40, to: 50 },
  ]);
  // What an adopted reader was assigned comes back when it ends after all.
  coordinator.attemptEnded('a');
  coordinator.subtaskReset(0, 'a-2');
  coordinator.handleSplitRequest('a-2', 1);
  assert.deepEqual(splitsIn(messages).at(-1), { from: 30, to: 40 });
});

for (const watch of [undefined, 60_000]) {
  test(`when readers of ${watch === undefined ? 'a' : 'a watched'} folder go on, then no file is handed out twice`, async (t) => {
    const fileSystems = new FileSystemRegistry({}, { clock: systemClock });
    const root = `memory://adopted-${watch ?? 'bounded'}/images`;
    const storage = fileSystems.forUri(root);
    const splits: FileSplit[] = [];
    for (const name of ['1.jpg', '2.jpg', '3.jpg', '4.jpg']) {
      const { uri, etag, size, modifiedAtMs } = await storage.put(
        `${root}/${name}`,
        Buffer.from(name),
      );
      splits.push({ uri, etag, size, modifiedAtMs });
    }
    const options = { path: root, glob: '**', overwrites: 'ignore', seenMax: 100, watch } as never;
    const make = () => new FilesEnumerator(options, { fileSystems, clock: systemClock });
    const [first, second, third] = splits as [FileSplit, FileSplit, FileSplit];
    const before = make();
    before.markAssigned([]);
    const listedThrough = watch === undefined ? first.uri : null;
    const state = { ...(before.snapshotState() as object), pending: [first], listedThrough };
    const messages: JobManagerMessage[] = [];
    const enumerator = make();
    const coordinator = new SourceCoordinator({
      operatorId: 'images',
      enumerator: enumerator as never,
      attemptIds: ['a'],
      sendToAttempt: (_attemptId, message) => messages.push(message),
      onFailure: (error) => assert.fail(error.message),
    });
    t.after(() => coordinator.close());
    coordinator.start({ state }, [{ attemptId: 'a', splits: [first, third], splitsWanted: 9 }]);
    await eventually(() => splitsIn(messages).length >= 2);
    const uris = splitsIn(messages).map((split) => (split as FileSplit).uri);
    assert.deepEqual(uris, [second.uri, splits[3]?.uri]);
    assert.equal(enumerator.progress().assigned, 4);
  });
}

test('when splits came before the latest checkpoint, then its enumerator knows them already', () => {
  const report: ReportedAttempt = {
    attemptId: 'a',
    slotIndex: 0,
    state: 'RUNNING',
    error: null,
    checkpointIdSeen: 8,
    source: {
      drained: false,
      splitsWanted: 1,
      splits: [
        { beforeCheckpoint: 7, splits: ['old'] },
        { beforeCheckpoint: 8, splits: ['new'] },
        { beforeCheckpoint: null, splits: ['newest'] },
      ],
    },
  };
  const [reader] = adoptedReaders(new Map([['a', report]]), 7);
  assert.deepEqual(reader, { attemptId: 'a', splits: ['new', 'newest'], splitsWanted: 1 });
});
