import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DatagenEnumerator } from '../../../jobmanager/sources/datagen-enumerator.ts';
import { SourceCoordinator } from '../../../jobmanager/sources/source-coordinator.ts';
import { SplitAssignmentTracker } from '../../../jobmanager/sources/split-assignment-tracker.ts';
import type { SplitEnumerator } from '../../../jobmanager/sources/split-enumerator.ts';
import type { JobManagerMessage } from '../../../shared/rpc/messages.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

test('when a reader is replaced, then it gives back what it got since the completed checkpoint', () => {
  const tracker = new SplitAssignmentTracker();
  tracker.assigned(0, [1, 2]);
  tracker.assigned(1, [3]);
  tracker.snapshot(7);
  tracker.assigned(0, [4]);
  tracker.snapshot(8);
  tracker.assigned(0, [5]);
  tracker.checkpointComplete(7);
  assert.deepEqual(tracker.takeBack(0), [4, 5]);
  assert.deepEqual(tracker.takeBack(0), []);
  assert.deepEqual(tracker.takeBack(1), []);
});

test('when a checkpoint is aborted, then its epoch joins the next one', () => {
  const tracker = new SplitAssignmentTracker();
  tracker.assigned(0, [1]);
  tracker.snapshot(1);
  tracker.assigned(0, [2]);
  tracker.snapshot(2);
  tracker.assigned(0, [3]);
  tracker.checkpointComplete(2);
  assert.deepEqual(tracker.takeBack(0), [3]);
});

test('when too many splits are assigned, then they are dropped until a checkpoint completes', () => {
  const tracker = new SplitAssignmentTracker();
  tracker.assigned(0, [1]);
  tracker.snapshot(1);
  tracker.assigned(0, Array(60_000).fill(0));
  assert.equal(tracker.complete, false);
  // This checkpoint began before the splits were dropped.
  tracker.checkpointComplete(1);
  assert.equal(tracker.complete, false);
  tracker.snapshot(2);
  tracker.assigned(0, [2]);
  assert.equal(tracker.complete, false);
  tracker.checkpointComplete(2);
  assert.equal(tracker.complete, true);
  assert.deepEqual(tracker.takeBack(0), [2]);
});

interface Bench {
  readonly coordinator: SourceCoordinator;
  readonly sent: JobManagerMessage[];
  readonly tracking: boolean[];
}

function coordinate(enumerator: DatagenEnumerator, attempt = 0, parallelism = 2): Bench {
  const sent: JobManagerMessage[] = [];
  const tracking: boolean[] = [];
  const coordinator = new SourceCoordinator({
    operatorId: 'r',
    enumerator: enumerator as SplitEnumerator<unknown>,
    attemptIds: Array.from({ length: parallelism }, (_, subtask) => `j/r/${subtask}/${attempt}`),
    sendToAttempt: (_attemptId, message) => sent.push(message),
    onFailure: (error) => assert.fail(error.message),
    tracking: { onChanged: () => tracking.push(coordinator.trackingComplete) },
  });
  return { coordinator, sent, tracking };
}

function lines(sent: JobManagerMessage[]): string[] {
  return sent.splice(0).map((message) => {
    assert.ok(message.kind === 'assign-splits' || message.kind === 'no-more-splits');
    const splits = message.kind === 'assign-splits' ? message.splits : [];
    const froms = splits.map((split) => (split as { from: number }).from);
    return `${message.attemptId.slice(4)}: ${froms.join(' ') || 'no more'}`;
  });
}

test('when a reader ends after it asked, then what it would have got goes to its next attempt', () => {
  const { coordinator, sent } = coordinate(new DatagenEnumerator({ keys: 1, count: 750_000 }));
  coordinator.start();
  coordinator.handleSplitRequest('j/r/0/0', 1);
  coordinator.handleSplitRequest('j/r/1/0', 5);
  assert.deepEqual(lines(sent), ['0/0: 0', '1/0: 250000 500000', '1/0: no more']);
  coordinator.attemptEnded('j/r/1/0');
  coordinator.handleSplitRequest('j/r/1/0', 1);
  coordinator.subtaskReset(1, 'j/r/1/1');
  assert.deepEqual(lines(sent), []);
  coordinator.handleSplitRequest('j/r/1/0', 1);
  coordinator.handleSplitRequest('j/r/1/1', 5);
  assert.deepEqual(lines(sent), ['1/1: 250000 500000', '1/1: no more']);
});

test('when the state is still on its way, then requests and the stop wait for it', () => {
  const first = new DatagenEnumerator({ keys: 1 });
  const { coordinator: old } = coordinate(first);
  old.start();
  old.handleSplitRequest('j/r/0/0', 2);
  const state = old.snapshotState(1);
  const { coordinator, sent } = coordinate(new DatagenEnumerator({ keys: 1 }), 1);
  coordinator.handleSplitRequest('j/r/0/1', 1);
  assert.throws(() => coordinator.snapshotState(2), { code: 'CANCELLED' });
  coordinator.start({ state });
  assert.deepEqual(lines(sent), ['0/1: 500000']);
  coordinator.stop();
  coordinator.handleSplitRequest('j/r/0/1', 1);
  assert.deepEqual(lines(sent), ['0/1: no more']);
});

test('when more splits are assigned than are tracked, then the job hears it, and when that is over', () => {
  const { coordinator, tracking } = coordinate(new DatagenEnumerator({ keys: 1 }));
  coordinator.start();
  for (let turn = 0; turn < 60; turn += 1) coordinator.handleSplitRequest('j/r/0/0', 1_024);
  assert.deepEqual(tracking, [false]);
  coordinator.snapshotState(1);
  coordinator.checkpointComplete(1);
  assert.deepEqual(tracking, [false, true]);
});

/**
 * Readers that read, fail and are restored at random, and a coordinator that is restored now and then:
 * in the end every number was committed once. A reader's state is what it was assigned and has not
 * read; what it reads is committed by the next completed checkpoint.
 */
function simulate(seed: number): void {
  const random = new SeededRandom(seed);
  const chance = (probability: number) => random.chance(probability);
  const SPLITS = 40;
  const options = { keys: 1, count: SPLITS * 250_000 };
  type Reader = { held: number[]; read: number[]; done: boolean };
  const empty = (): Reader => ({ held: [], read: [], done: false });
  let attempt = 0;
  let readers = [empty(), empty()];
  let bench = coordinate(new DatagenEnumerator(options));
  bench.coordinator.start();
  const attempts = [0, 0];
  const committed: number[] = [];
  let completed: { readers: Reader[]; state: unknown } | null = null;
  let checkpointId = 0;
  const deliver = () => {
    for (const message of bench.sent.splice(0)) {
      assert.ok('attemptId' in message);
      const [, , subtask, of] = message.attemptId.split('/').map(Number);
      const reader = readers[subtask ?? 0];
      if (of !== attempts[subtask ?? 0] || reader === undefined) continue;
      if (message.kind === 'no-more-splits') reader.done = true;
      if (message.kind !== 'assign-splits') continue;
      reader.held.push(...message.splits.map((split) => (split as { from: number }).from));
    }
  };
  const checkpoint = (completes: boolean) => {
    checkpointId += 1;
    deliver();
    const state = bench.coordinator.snapshotState(checkpointId);
    const snapshot = structuredClone(readers);
    if (!completes) return;
    for (const reader of readers) committed.push(...reader.read.splice(0));
    completed = { readers: snapshot.map(({ held, done }) => ({ held, read: [], done })), state };
    bench.coordinator.checkpointComplete(checkpointId);
  };
  const restoreReader = (subtask: number): Reader =>
    structuredClone({ ...(completed?.readers[subtask] ?? empty()), done: false });

  for (let step = 0; step < 400; step += 1) {
    deliver();
    const subtask = chance(0.5) ? 0 : 1;
    const reader = readers[subtask] ?? empty();
    if (chance(0.1)) checkpoint(chance(0.7));
    else if (chance(0.06)) {
      bench.coordinator.attemptEnded(`j/r/${subtask}/${attempts[subtask]}`);
      attempt += 1;
      attempts[subtask] = attempt;
      readers[subtask] = restoreReader(subtask);
      bench.coordinator.subtaskReset(subtask, `j/r/${subtask}/${attempt}`);
    } else if (chance(0.02)) {
      // The whole source again, from the latest completed checkpoint.
      bench.coordinator.close();
      attempt += 1;
      attempts.fill(attempt);
      readers = [restoreReader(0), restoreReader(1)];
      bench = coordinate(new DatagenEnumerator(options), attempt);
      bench.coordinator.start(completed);
    } else if (reader.held.length > 0) reader.read.push(reader.held.shift() ?? -1);
    else if (!reader.done) {
      bench.coordinator.handleSplitRequest(`j/r/${subtask}/${attempts[subtask]}`, 2);
    }
  }
  for (let turn = 0; turn < SPLITS; turn += 1) {
    readers.forEach((reader, subtask) => {
      reader.read.push(...reader.held.splice(0));
      bench.coordinator.handleSplitRequest(`j/r/${subtask}/${attempts[subtask]}`, 1);
      deliver();
    });
  }
  checkpoint(true);
  const expected = Array.from({ length: SPLITS }, (_, index) => index * 250_000);
  assert.deepEqual(
    committed.toSorted((left, right) => left - right),
    expected,
    `seed ${seed}`,
  );
}

test('when readers and sources are restored at random, then every split is committed once', () => {
  for (let seed = 1; seed <= 300; seed += 1) simulate(seed);
});
