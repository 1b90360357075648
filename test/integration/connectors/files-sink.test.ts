import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { FileSystem, PendingFile } from '../../../shared/filesystem/filesystem.ts';
import type { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import type { FilesSinkOptions } from '../../../shared/pipeline/kinds/sink-files.ts';
import { FilesCommitter } from '../../../taskmanager/connectors/files-sink/files-committer.ts';
import {
  createDeadLetterSink,
  createFilesSink,
} from '../../../taskmanager/connectors/files-sink/files-sink.ts';
import { FilesSinkWriter } from '../../../taskmanager/connectors/files-sink/files-sink-writer.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { uncheckpointed } from '../../support/sink-operators.ts';
import {
  type FakeOperatorContext,
  fakeOperatorContext,
  recordOf,
} from '../../unit/connectors/fake-operator-context.ts';

const root = mkdtempSync(join(tmpdir(), 'sluice-files-sink-'));
after(() => rm(root, { recursive: true, force: true }));
let folders = 0;

function newFolder(): string {
  folders += 1;
  return join(root, `out-${folders}`);
}

interface Setup {
  readonly folder?: string;
  readonly options?: Partial<FilesSinkOptions>;
  readonly context?: Partial<FakeOperatorContext>;
  /** `by-hand`: the test flushes and commits, nobody else. */
  readonly drive?: 'by-hand';
}

/** The sink as the runtime drives it: committed whenever something is finished. */
async function sinkOf(setup: Setup = {}) {
  const { folder = newFolder() } = setup;
  const clock = new FakeClock();
  const context = fakeOperatorContext(clock, setup.context);
  const options: FilesSinkOptions = {
    path: `file://${folder}`,
    format: 'jsonl',
    roll: { size: 1_000_000, age: 60_000 },
    ...setup.options,
  };
  const sink = createFilesSink(options, context.fileSystems);
  const operator = uncheckpointed(sink, context);
  if (setup.drive === 'by-hand') await sink.writer.open(context, () => {});
  else await operator.open(null);
  return { folder, clock, context, sink, operator };
}

/** Files that a listing shows; what is under way begins with a dot. */
function visible(folder: string): string[] {
  return entries(folder).filter((name) => !name.startsWith('.'));
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function linesOf(folder: string): string[] {
  return visible(folder).flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== ''),
  );
}

test('when the input ends, then all rows are visible in one part file', async () => {
  const { folder, operator } = await sinkOf();
  for (let n = 0; n < 1000; n += 1)
    operator.processElement(recordOf({ n, text: 'ü'.repeat(n % 7) }));
  assert.deepEqual(visible(folder), []);
  await operator.finish();
  await operator.close();
  assert.deepEqual(entries(folder), ['part-results-0-job-1-0-0.jsonl']);
  assert.deepEqual(
    linesOf(folder).map((line) => (JSON.parse(line) as { n: number }).n),
    Array.from({ length: 1000 }, (_, n) => n),
  );
});

test('when there are no rows, then there is no file', async () => {
  const { folder, operator, clock } = await sinkOf();
  await clock.advance(120_000);
  await operator.finish();
  await operator.close();
  assert.deepEqual(entries(folder), []);
});

test('when a part is large enough, then it becomes visible while the next one is written', async () => {
  const { folder, operator } = await sinkOf({ options: { roll: { size: 1000, age: 60_000 } } });
  for (let n = 0; n < 25; n += 1) operator.processElement(recordOf({ text: 'x'.repeat(89) }));
  await eventually(() => visible(folder).length === 2);
  for (const name of visible(folder)) {
    assert.equal(
      readFileSync(join(folder, name)).length,
      1010,
      'the row that fills it belongs to it',
    );
  }
  await operator.finish();
  await operator.close();
  assert.equal(visible(folder).length, 3);
  assert.equal(linesOf(folder).length, 25);
});

test('when a part is old enough, then it becomes visible, and a later row begins a new one', async () => {
  const { folder, operator, clock } = await sinkOf();
  operator.processElement(recordOf({ n: 1 }));
  await clock.advance(59_999);
  assert.deepEqual(visible(folder), []);
  await clock.advance(1);
  await eventually(() => visible(folder).length === 1);
  assert.deepEqual(linesOf(folder), ['{"n":1}']);
  await clock.advance(300_000);
  operator.processElement(recordOf({ n: 2 }));
  await clock.advance(60_000);
  await eventually(() => visible(folder).length === 2);
  await operator.finish();
  await operator.close();
  assert.equal(visible(folder).length, 2);
});

test('when rows of any length come and parts roll, then every row is there once, in order', async () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(lengths, fc.integer({ min: 1, max: 5000 }), async (sizes, size) => {
      const { folder, operator } = await sinkOf({ options: { roll: { size, age: 60_000 } } });
      for (const [n, length] of sizes.entries()) {
        operator.processElement(recordOf({ n, text: 'y'.repeat(length) }));
        if (n % 10 === 9) await settle();
      }
      await operator.finish();
      await operator.close();
      const names = entries(folder).sort((a, b) => partNumber(a) - partNumber(b));
      const numbers = names.flatMap((name) =>
        readFileSync(join(folder, name), 'utf8')
          .split('\n')
          .slice(0, -1)
          .map((line) => (JSON.parse(line) as { n: number }).n),
      );
      assert.deepEqual(
        numbers,
        sizes.map((_, n) => n),
      );
    }),
    { numRuns: 30 },
  );
});

function partNumber(name: string): number {
  return Number(/-(\d+)\.jsonl$/.exec(name)?.[1]);
}

test('when runs, attempts, subtasks and sinks share a folder, then no file is replaced', async () => {
  const folder = newFolder();
  const contexts: Partial<FakeOperatorContext>[] = [
    {},
    {},
    { attempt: 1 },
    { subtaskIndex: 1 },
    { jobId: 'job-2' },
    { operatorId: 'other results' },
  ];
  for (const [n, context] of contexts.entries()) {
    const { operator } = await sinkOf({ folder, context });
    operator.processElement(recordOf({ n }));
    await operator.finish();
    await operator.close();
  }
  assert.equal(visible(folder).length, contexts.length);
  assert.deepEqual(
    linesOf(folder).sort(),
    contexts.map((_, n) => `{"n":${n}}`),
  );
});

test('when the format is CSV, then every part begins with the header', async () => {
  const { folder, operator } = await sinkOf({
    options: { format: 'csv', fields: ['uri', 'model.name'], roll: { size: 30, age: 60_000 } },
  });
  for (let n = 0; n < 4; n += 1) {
    operator.processElement(recordOf({ uri: `a,"${n}`, model: { name: 'm' } }));
  }
  await operator.finish();
  await operator.close();
  assert.ok(visible(folder).length > 1);
  for (const name of visible(folder)) {
    assert.match(name, /\.csv$/);
    assert.match(
      readFileSync(join(folder, name), 'utf8'),
      /^uri,model\.name\r\n("a,""\d",m\r\n)+$/,
    );
  }
});

test('when a row cannot be written, then it is rejected and the others go on', async () => {
  const { folder, operator, context } = await sinkOf({ options: { format: 'csv' } });
  operator.processElement(recordOf({ a: 1 }));
  operator.processElement(recordOf({ b: 1 }));
  operator.processElement(recordOf({ a: 2 }));
  await operator.finish();
  await operator.close();
  assert.deepEqual(
    context.rejected.map(({ error }) => error.code),
    ['RECORD_INVALID'],
  );
  assert.deepEqual(linesOf(folder), ['a\r', '1\r', '2\r']);
});

test('when records come from objects, then rows carry the times; dead letters do not', async () => {
  const { folder, operator } = await sinkOf();
  operator.processElement(recordOf({ uri: 'file:///a' }, { uri: 'file:///a' }));
  await operator.finish();
  await operator.close();
  assert.match(linesOf(folder)[0]!, /^\{"uri":.*,"eventTime":"2023-.*Z","processedAt":".*Z"\}$/);

  const rejectedFolder = newFolder();
  const context = fakeOperatorContext(new FakeClock());
  const deadLetters = createDeadLetterSink(
    { path: `file://${rejectedFolder}`, roll: { size: 1000, age: 1000 } },
    context.fileSystems,
  );
  const rejected = uncheckpointed(deadLetters, context);
  await rejected.open(null);
  rejected.processElement(recordOf({ code: 'IMAGE_CORRUPT' }, { uri: 'file:///a' }));
  await rejected.finish();
  await rejected.close();
  assert.deepEqual(entries(rejectedFolder), ['rejected-results-0-job-1-0-0.jsonl']);
  assert.deepEqual(linesOf(rejectedFolder), ['{"code":"IMAGE_CORRUPT"}']);
});

test('when a commit is repeated, then it changes nothing', async () => {
  const { folder, sink } = await sinkOf({ drive: 'by-hand' });
  sink.writer.write(recordOf({ n: 1 }));
  const pending = await sink.writer.prepareCommit('all');
  assert.equal(pending.length, 1);
  assert.deepEqual(visible(folder), [], 'prepared, not yet visible');
  const copy = JSON.parse(JSON.stringify(pending)) as PendingFile[];
  await sink.committer!.commit(pending);
  await sink.committer!.commit(copy);
  assert.deepEqual(linesOf(folder), ['{"n":1}']);
  await sink.writer.close();
});

test('when rows keep coming during a pre-commit, then it has those that were there', async () => {
  const { folder, sink } = await sinkOf({ drive: 'by-hand' });
  sink.writer.write(recordOf({ n: 0 }));
  let isFlushed = false;
  const flushed = sink.writer.prepareCommit('all').then((pending) => {
    isFlushed = true;
    return pending;
  });
  let n = 1;
  for (; !isFlushed; n += 1) {
    assert.ok(n < 100_000, 'the flush never ends');
    sink.writer.write(recordOf({ n }));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await sink.committer!.commit(await flushed);
  assert.deepEqual(linesOf(folder), ['{"n":0}'], 'what came later is in no file of this one');
  await sink.committer!.commit(await sink.writer.prepareCommit('all'));
  await sink.writer.close();
  assert.equal(linesOf(folder).length, n);
});

test('when every commit must take all rows, then the newest part is finished with it', async () => {
  const folder = newFolder();
  const context = fakeOperatorContext(new FakeClock());
  const writer = new FilesSinkWriter({
    path: `file://${folder}`,
    format: 'jsonl',
    fields: null,
    roll: { size: 1_000_000, age: 60_000 },
    prefix: 'part',
    timestamps: false,
  });
  await writer.open(context, () => {});
  const committer = new FilesCommitter(context.fileSystems, {
    path: `file://${folder}`,
    prefix: 'part',
    extension: 'jsonl',
  });
  for (let checkpoint = 1; checkpoint <= 2; checkpoint += 1) {
    writer.write(recordOf({ checkpoint }));
    await committer.commit(await writer.prepareCommit('all'));
    assert.equal(linesOf(folder).length, checkpoint);
  }
  writer.write(recordOf({ checkpoint: 3 }));
  await committer.abort(await writer.prepareCommit('all'));
  await writer.close();
  assert.equal(entries(folder).length, 2, 'what was aborted left nothing');
});

test('when the sink is closed in the middle, then nothing stays behind', async () => {
  const { folder, operator } = await sinkOf({
    options: { roll: { size: 1_000_000, age: 60_000 } },
  });
  for (let n = 0; n < 900; n += 1) operator.processElement(recordOf({ text: 'z'.repeat(100) }));
  await eventually(() => entries(folder).length > 0);
  await operator.close();
  assert.deepEqual(entries(folder), []);
});

/** A registry whose files take nothing until told, or fail. */
function slowRegistry(context: FakeOperatorContext) {
  const gates: (() => void)[] = [];
  const state = { isOpen: false, error: null as Error | null };
  const registry = {
    forUri: (uri: string): FileSystem => {
      const real = context.fileSystems.forUri(uri);
      const fileSystem = Object.create(real) as FileSystem;
      fileSystem.list = (prefix, listOptions) => real.list(prefix, listOptions);
      fileSystem.stat = (target) => real.stat(target);
      fileSystem.commit = (pending) => real.commit(pending);
      fileSystem.openWriter = async (target) => {
        const writer = await real.openWriter(target);
        const write = writer.write.bind(writer);
        writer.write = async (bytes) => {
          if (!state.isOpen) await new Promise<void>((resolve) => gates.push(resolve));
          if (state.error !== null) throw state.error;
          await write(bytes);
        };
        return writer;
      };
      return fileSystem;
    },
  };
  const open = (): void => {
    state.isOpen = true;
    for (const gate of gates.splice(0)) gate();
  };
  return { registry: registry as unknown as FileSystemRegistry, state, open };
}

test('when storage is slow, then the sink stops taking rows at 4 MiB and goes on afterwards', async () => {
  const slow = slowRegistry(fakeOperatorContext(new FakeClock()));
  const { folder, sink } = await sinkOf({
    options: { roll: { size: 100_000_000, age: 60_000 } },
    context: { fileSystems: slow.registry },
    drive: 'by-hand',
  });
  let readyCalls = 0;
  sink.writer.onReady(() => {
    readyCalls += 1;
  });
  const record = recordOf({ text: 'x'.repeat(10_000) });
  let rows = 0;
  for (; sink.writer.isReady(); rows += 1) {
    assert.ok(rows < 1000, 'it never says stop');
    sink.writer.write(record);
    if (rows % 50 === 0) await settle();
  }
  assert.ok(rows >= 418 && rows <= 420, `${rows} rows of 10 KB are 4 MiB`);
  slow.open();
  await eventually(() => sink.writer.isReady());
  assert.equal(readyCalls, 1);
  await sink.committer!.commit(await sink.writer.prepareCommit('all'));
  await sink.writer.close();
  assert.equal(linesOf(folder).length, rows);
});

test('when storage fails, then the task fails with one message that names the file', async () => {
  const slow = slowRegistry(fakeOperatorContext(new FakeClock()));
  slow.state.error = new Error('disk on fire');
  slow.open();
  const { folder, sink, context } = await sinkOf({
    context: { fileSystems: slow.registry },
    drive: 'by-hand',
  });
  sink.writer.write(recordOf({ n: 1 }));
  const message = `The results cannot be written to file://${folder}/part-results-0-job-1-0-0.jsonl: disk on fire`;
  await assert.rejects(sink.writer.prepareCommit('all'), { message });
  assert.deepEqual(
    context.failures.map((error) => (error as Error).message),
    [message],
  );
  assert.equal(sink.writer.isReady(), false);
  await sink.writer.close();
  assert.deepEqual(entries(folder), []);
});

test('when the folder is a file, then the message says so', async () => {
  const folder = newFolder();
  writeFileSync(folder, 'a file');
  const { operator } = await sinkOf({ folder });
  operator.processElement(recordOf({ n: 1 }));
  await assert.rejects(operator.finish(), (error: Error) => {
    assert.match(error.message, new RegExp(`cannot be written to file://${folder}`));
    return true;
  });
  await operator.close();
});
