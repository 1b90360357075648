/** Both halves of the files source on a real folder, put together without tasks and processes. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FilesEnumerator } from '../../../jobmanager/sources/files-enumerator.ts';
import type { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import { toUri } from '../../../shared/filesystem/uri.ts';
import { filesSourceSchema } from '../../../shared/pipeline/kinds/source-files.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { FilesReader } from '../../../taskmanager/connectors/files-source/files-reader.ts';
import { OperatorMetrics } from '../../../taskmanager/operators/operator-metrics.ts';
import type { SourceReaderContext } from '../../../taskmanager/operators/source-reader.ts';
import { TaskMailbox } from '../../../taskmanager/task/task-mailbox.ts';
import { eventually } from '../../support/eventually.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

interface RunningSource {
  readonly records: StreamRecord[];
  readonly rejected: string[];
  /** By reader. */
  readonly counts: number[];
  readonly enumerator: FilesEnumerator;
  ended(): boolean;
}

/** Reads what is found with so many readers, each polled whenever it says so. */
function startSource(
  context: TestContext,
  folder: string,
  options: { readonly readers: number } & Record<string, unknown>,
): RunningSource {
  const { readers: parallelism, ...more } = options;
  const root = toUri(folder, '/');
  const fileSystems = new FileSystemRegistry({}, { clock: systemClock });
  const parsed = filesSourceSchema.parse({ path: root, ...more });
  const enumerator = new FilesEnumerator(parsed, { fileSystems, clock: systemClock });
  const records: StreamRecord[] = [];
  const rejected: string[] = [];
  const counts = Array.from({ length: parallelism }, () => 0);
  const failures: unknown[] = [];
  const fail = (error: unknown): number => failures.push(error);
  let ended = 0;
  const readers = counts.map((_, subtask) => {
    const reader = new FilesReader(parsed);
    let isOver = false;
    let isScheduled = false;
    const turn = (): void => {
      isScheduled = false;
      if (isOver) return;
      mailbox.drain();
      const status = reader.pollNext((record) => {
        records.push(record);
        counts[subtask] = (counts[subtask] ?? 0) + 1;
      });
      if (status === 'more-available') wake();
      isOver = status === 'end-of-input';
      if (isOver) ended += 1;
    };
    const wake = (): void => {
      if (!isScheduled) setImmediate(turn);
      isScheduled = true;
    };
    const mailbox = new TaskMailbox(wake);
    const reading = {
      clock: systemClock,
      mailbox,
      metrics: new OperatorMetrics(),
      fileSystems,
      requestSplits: (count: number) => enumerator.handleSplitRequest(subtask, count),
      reject: (record: StreamRecord, error: SluiceError) =>
        rejected.push(`${record.value['uri']} ${error.code}`),
      fail,
    };
    reader.open(reading as unknown as SourceReaderContext, wake);
    return reader;
  });
  enumerator.start({
    parallelism,
    assignSplits: (subtask, splits) => readers[subtask]?.addSplits(splits),
    signalNoMoreSplits: (subtask) => readers[subtask]?.noMoreSplits(),
    fail,
  });
  context.after(async () => {
    enumerator.close();
    for (const reader of readers) reader.close();
    await fileSystems.close();
    assert.deepEqual(failures, []);
  });
  return { records, rejected, counts, enumerator, ended: () => ended === parallelism };
}

test('when a folder holds thousands of files, then each is read once by one of the readers', async (t) => {
  const folder = temporaryFolder(t);
  const files = 5_000;
  for (let n = 0; n < files; n += 1) {
    const below = join(folder, `day-${n % 7}`, `hour-${n % 24}`);
    mkdirSync(below, { recursive: true });
    writeFileSync(join(below, `${n}.txt`), `content ${n}`);
  }
  writeFileSync(join(folder, 'other.bin'), 'not asked for');
  const source = startSource(t, folder, { readers: 3, glob: '**/*.txt' });
  await eventually(() => source.ended(), { timeoutMs: 30_000 });
  const contents = source.records.map(({ bytes }) => Buffer.from(bytes ?? []).toString());
  assert.equal(new Set(contents).size, files);
  assert.equal(contents.length, files);
  assert.ok(
    source.counts.every((count) => count > files / 6),
    `${source.counts} files`,
  );
  assert.deepEqual(source.enumerator.progress(), {
    discovered: files,
    assigned: files,
    discoveryComplete: true,
  });
});

test('when a watched file is written bit by bit, then it is read once, whole', async (t) => {
  const folder = temporaryFolder(t);
  const source = startSource(t, folder, { readers: 1, watch: '200ms' });
  writeFileSync(join(folder, 'old'), 'old');
  utimesSync(join(folder, 'old'), 1_600_000_000, 1_600_000_000);
  writeFileSync(join(folder, 'slow'), '');
  const chunks = 8;
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    await delay(250);
    appendFileSync(join(folder, 'slow'), 'x'.repeat(1_000));
  }
  await eventually(() => source.records.length >= 2, { timeoutMs: 20_000 });
  assert.deepEqual(
    source.records.map(({ bytes }) => bytes?.length),
    [3, chunks * 1_000],
  );
  assert.equal(source.ended(), false);
  source.enumerator.stop();
  await eventually(() => source.ended());
  assert.equal(source.records.length, 2);
});

test('when files disappear between listing and reading, then they are rejected', async (t) => {
  const folder = temporaryFolder(t);
  for (let n = 0; n < 40; n += 1) writeFileSync(join(folder, `${n}`), 'x');
  const source = startSource(t, folder, { readers: 1, readAhead: 4, rateMax: 40 });
  await eventually(() => source.records.length >= 4);
  for (let n = 0; n < 40; n += 1) rmSync(join(folder, `${n}`));
  await eventually(() => source.ended(), { timeoutMs: 20_000 });
  assert.equal(source.records.length + source.rejected.length, 40);
  assert.ok(source.rejected.length >= 20, `${source.rejected.length} rejected`);
  assert.ok(source.rejected.every((text) => text.endsWith(' STORAGE_NOT_FOUND')));
});
