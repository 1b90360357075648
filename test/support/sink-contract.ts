/**
 * The contract of a sink with two phases (`docs/sinks.md`), as a suite: pre-commit, commit, abort,
 * recover, and all of them twice. Committables go through bytes in between, as through a checkpoint;
 * whoever commits or recovers is another process's sink, made anew on the same storage.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeValue, encodeValue } from '../../shared/serialization/encode-value.ts';
import type { OperatorContext } from '../../taskmanager/operators/operator-context.ts';
import type { Committer, Sink } from '../../taskmanager/operators/sink-writer.ts';
import { fakeOperatorContext, recordOf } from '../unit/connectors/fake-operator-context.ts';
import { FakeClock } from './fake-clock.ts';

/** The sink on one place of its storage, as the suite looks at it. */
export interface SinkUnderTest {
  /** A new sink, as a new attempt has it. */
  create(context: OperatorContext): Sink<unknown>;
  /** The field `n` of all visible rows, in any order. */
  visible(): Promise<readonly number[]>;
  /** How much is durable or begun, and not visible. */
  pending(): Promise<number>;
  /** What it pre-commits lies in the checkpoint, not in its storage. */
  readonly isHeld?: boolean;
  /** More of each row, to make it large. */
  readonly padding?: string;
}

export interface SinkKind {
  /** On a place where nothing is yet. */
  setUp(): Promise<SinkUnderTest>;
  close(): Promise<void>;
}

export function describeSinkContract(name: string, start: () => Promise<SinkKind>): void {
  describe(`${name} as a sink with two phases`, () => {
    let kind: SinkKind;
    before(async () => {
      kind = await start();
    });
    after(() => kind.close());
    for (const [title, body] of CASES) it(title, async () => body(await kind.setUp()));
  });
}

type Case = (storage: SinkUnderTest) => Promise<void>;

const CASES: readonly (readonly [string, Case])[] = [
  ['when results are pre-committed, then a commit, and nothing before it, shows them', commits],
  ['when rows come after the cut, then they belong to the next pre-commit', cutsAtOnce],
  ['when a commit comes again, from anybody, then it changes nothing', commitsTwice],
  ['when a commit broke off, then repeating it does the rest', commitsTheRest],
  ['when a pre-commit is aborted, then nothing of it stays, however often', aborts],
  ['when a sink is closed, then what no pre-commit has is gone and the rest is there', closes],
  ['when an attempt died, then the next one keeps what is restored and nothing else', recovers],
  ['when another subtask is at work, then a recovery leaves it alone', recoversItsOwn],
  ['when a recovery comes late, then it leaves later attempts alone', recoversTheEarlier],
  ['when there is nothing, then there is nothing to commit', preCommitsNothing],
];

async function attemptOf(storage: SinkUnderTest, overrides: Partial<OperatorContext> = {}) {
  const context = fakeOperatorContext(new FakeClock(), overrides);
  const sink = storage.create(context);
  await sink.writer.open(context, () => {});
  const { writer } = sink;
  return {
    context,
    writer,
    committer: committerOf(sink),
    write(...numbers: number[]): void {
      const { padding = '' } = storage;
      for (const n of numbers) writer.write(recordOf({ n, padding }));
    },
    async preCommit(): Promise<readonly unknown[]> {
      return throughCheckpoint(await writer.prepareCommit('all'));
    },
  };
}

function committerOf(sink: Sink<unknown>): Committer<unknown> {
  assert.ok(sink.committer !== null, 'a sink with two phases has a committer');
  return sink.committer;
}

function throughCheckpoint(committables: readonly unknown[]): readonly unknown[] {
  return decodeValue(encodeValue(committables)) as unknown[];
}

async function assertVisible(storage: SinkUnderTest, numbers: readonly number[]): Promise<void> {
  assert.deepEqual(
    [...(await storage.visible())].sort((a, b) => a - b),
    numbers,
  );
}

async function commits(storage: SinkUnderTest): Promise<void> {
  const attempt = await attemptOf(storage);
  attempt.write(1, 2, 3);
  const committables = await attempt.preCommit();
  assert.ok(committables.length > 0);
  await assertVisible(storage, []);
  await attempt.committer.commit(committables);
  await assertVisible(storage, [1, 2, 3]);
  await attempt.writer.close();
  await assertVisible(storage, [1, 2, 3]);
  assert.equal(await storage.pending(), 0);
}

async function cutsAtOnce(storage: SinkUnderTest): Promise<void> {
  const attempt = await attemptOf(storage);
  attempt.write(1);
  const first = attempt.preCommit();
  attempt.write(2);
  const second = attempt.preCommit();
  attempt.write(3);
  await attempt.committer.commit(await second);
  await assertVisible(storage, [2]);
  await attempt.committer.commit(await first);
  await assertVisible(storage, [1, 2]);
  await attempt.committer.commit(await attempt.preCommit());
  await assertVisible(storage, [1, 2, 3]);
  await attempt.writer.close();
}

async function commitsTwice(storage: SinkUnderTest): Promise<void> {
  const attempt = await attemptOf(storage);
  attempt.write(1);
  const committables = await attempt.preCommit();
  await attempt.committer.commit(committables);
  attempt.write(2);
  await attempt.committer.commit(await attempt.preCommit());
  const successor = await attemptOf(storage, { attempt: 1 });
  await successor.committer.commit(committables);
  await successor.committer.commit(committables);
  await assertVisible(storage, [1, 2]);
  await attempt.writer.close();
  await successor.writer.close();
}

async function commitsTheRest(storage: SinkUnderTest): Promise<void> {
  const attempt = await attemptOf(storage);
  attempt.write(1);
  const first = await attempt.preCommit();
  attempt.write(2);
  const both = [...first, ...(await attempt.preCommit())];
  await attempt.committer.commit(first);
  const successor = await attemptOf(storage, { attempt: 1 });
  await successor.committer.commit(both);
  await assertVisible(storage, [1, 2]);
  await attempt.writer.close();
  await successor.writer.close();
}

async function aborts(storage: SinkUnderTest): Promise<void> {
  const attempt = await attemptOf(storage);
  attempt.write(1);
  const committables = await attempt.preCommit();
  attempt.write(2);
  const kept = await attempt.preCommit();
  await attempt.committer.abort(committables);
  await attempt.committer.abort(committables);
  assert.equal(await storage.pending(), storage.isHeld === true ? 0 : 1);
  await attempt.committer.commit(kept);
  await attempt.writer.close();
  await assertVisible(storage, [2]);
  assert.equal(await storage.pending(), 0);
}

async function closes(storage: SinkUnderTest): Promise<void> {
  const attempt = await attemptOf(storage);
  attempt.write(1);
  const committables = await attempt.preCommit();
  attempt.write(2);
  await attempt.writer.close();
  assert.equal(await storage.pending(), storage.isHeld === true ? 0 : 1);
  const successor = await attemptOf(storage, { attempt: 1 });
  await successor.committer.commit(committables);
  await successor.writer.close();
  await assertVisible(storage, [1]);
}

async function recovers(storage: SinkUnderTest): Promise<void> {
  const lost = await attemptOf(storage);
  lost.write(1);
  const restored = await lost.preCommit();
  lost.write(2);
  await lost.preCommit();
  lost.write(3);
  const open = lost.preCommit().catch(() => []);
  const successor = await attemptOf(storage, { attempt: 1 });
  await successor.committer.commit(restored);
  await open;
  for (let time = 0; time < 2; time += 1) {
    await successor.committer.recover?.(successor.context, restored);
    assert.equal(await storage.pending(), 0);
    await assertVisible(storage, [1]);
  }
  successor.write(2);
  await successor.committer.commit(await successor.preCommit());
  await assertVisible(storage, [1, 2]);
  await successor.writer.close();
  await lost.writer.close();
  await assertVisible(storage, [1, 2]);
}

async function recoversItsOwn(storage: SinkUnderTest): Promise<void> {
  const neighbour = await attemptOf(storage, { subtaskIndex: 1, parallelism: 2 });
  neighbour.write(1);
  const committables = await neighbour.preCommit();
  const lost = await attemptOf(storage, { parallelism: 2 });
  lost.write(2);
  await lost.preCommit();
  const successor = await attemptOf(storage, { attempt: 1, parallelism: 2 });
  await successor.committer.recover?.(successor.context, []);
  assert.equal(await storage.pending(), storage.isHeld === true ? 0 : 1);
  await neighbour.committer.commit(committables);
  await assertVisible(storage, [1]);
  for (const { writer } of [neighbour, lost, successor]) await writer.close();
}

async function recoversTheEarlier(storage: SinkUnderTest): Promise<void> {
  const late = await attemptOf(storage, { attempt: 1 });
  const current = await attemptOf(storage, { attempt: 2 });
  current.write(1);
  const committables = await current.preCommit();
  await late.committer.recover?.(late.context, []);
  await current.committer.commit(committables);
  await assertVisible(storage, [1]);
  for (const { writer } of [late, current]) await writer.close();
}

async function preCommitsNothing(storage: SinkUnderTest): Promise<void> {
  const attempt = await attemptOf(storage);
  assert.deepEqual(await attempt.preCommit(), []);
  attempt.write(1);
  await attempt.committer.commit(await attempt.preCommit());
  assert.deepEqual(await attempt.preCommit(), []);
  await attempt.committer.recover?.(attempt.context, []);
  await attempt.writer.close();
  await assertVisible(storage, [1]);
}
