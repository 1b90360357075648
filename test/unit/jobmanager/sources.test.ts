import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DatagenEnumerator } from '../../../jobmanager/sources/datagen-enumerator.ts';
import { SourceCoordinator } from '../../../jobmanager/sources/source-coordinator.ts';
import type {
  SplitEnumerator,
  SplitEnumeratorContext,
} from '../../../jobmanager/sources/split-enumerator.ts';
import { type SerializedError, SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { JobManagerMessage } from '../../../shared/rpc/messages.ts';
import { settle } from '../../support/fake-clock.ts';

function coordinate(enumerator: SplitEnumerator<unknown>, attemptIds = ['j/r/0/0', 'j/r/1/0']) {
  const sent: JobManagerMessage[] = [];
  const failures: SerializedError[] = [];
  const coordinator = new SourceCoordinator({
    operatorId: 'r',
    enumerator,
    attemptIds,
    sendToAttempt: (attemptId, message) => {
      assert.ok('attemptId' in message && message.attemptId === attemptId);
      sent.push(message);
    },
    onFailure: (error) => failures.push(error),
  });
  coordinator.start();
  return { coordinator, sent, failures };
}

function datagen(count?: number): SplitEnumerator<unknown> {
  const options = { keys: 10, ...(count === undefined ? {} : { count }) };
  return new DatagenEnumerator(options) as SplitEnumerator<unknown>;
}

function kinds(sent: readonly JobManagerMessage[]): string[] {
  return sent.map((message) =>
    message.kind === 'assign-splits' ? JSON.stringify(message.splits) : message.kind,
  );
}

test('when readers ask, then the sequence is cut into splits until its end', () => {
  const { coordinator, sent } = coordinate(datagen(600_000));
  assert.deepEqual(coordinator.progress(), {
    discovered: 0,
    assigned: 0,
    discoveryComplete: false,
  });
  coordinator.handleSplitRequest('j/r/0/0', 1);
  coordinator.handleSplitRequest('j/r/1/0', 5);
  coordinator.handleSplitRequest('j/r/0/0', 1);
  assert.deepEqual(kinds(sent), [
    '[{"from":0,"to":250000}]',
    '[{"from":250000,"to":500000},{"from":500000,"to":600000}]',
    'no-more-splits',
    'no-more-splits',
  ]);
  assert.deepEqual(coordinator.progress(), { discovered: 3, assigned: 3, discoveryComplete: true });
});

test('when the rate is bounded, then a split is about a second of one reader', () => {
  const options = { keys: 10, rateMax: 501 };
  const { coordinator, sent } = coordinate(new DatagenEnumerator(options) as never);
  coordinator.handleSplitRequest('j/r/0/0', 1);
  assert.deepEqual(kinds(sent), ['[{"from":0,"to":251}]']);
});

test('when an endless source is stopped, then readers are told that nothing follows', () => {
  const { coordinator, sent } = coordinate(datagen());
  for (let turn = 0; turn < 1_000; turn += 1) coordinator.handleSplitRequest('j/r/0/0', 1);
  assert.equal(sent.length, 1_000);
  coordinator.stop();
  coordinator.handleSplitRequest('j/r/0/0', 1);
  assert.equal(sent.at(-1)?.kind, 'no-more-splits');
});

test('when splits come back or the state is restored, then nothing is lost or made twice', () => {
  const enumerator = new DatagenEnumerator({ keys: 1, count: 500_000 });
  const assigned: unknown[] = [];
  const context: SplitEnumeratorContext<unknown> = {
    parallelism: 1,
    assignSplits: (_subtask, splits) => assigned.push(...splits),
    signalNoMoreSplits: () => assigned.push('end'),
    fail: assert.fail,
  };
  enumerator.start(context);
  enumerator.handleSplitRequest(0, 1);
  enumerator.addSplitsBack([{ from: 0, to: 250_000 }]);
  const restored = new DatagenEnumerator({ keys: 1, count: 500_000 });
  restored.start(context);
  restored.restoreState(JSON.parse(JSON.stringify(enumerator.snapshotState())));
  restored.handleSplitRequest(0, 3);
  assert.deepEqual(assigned.slice(1), [
    { from: 0, to: 250_000 },
    { from: 250_000, to: 500_000 },
    'end',
  ]);
});

test('when a request comes from an old or ended attempt, then nothing is handed out', () => {
  const { coordinator, sent } = coordinate(datagen());
  coordinator.handleSplitRequest('j/r/0/7', 1);
  coordinator.handleSplitRequest('j/r/0/0', 0);
  coordinator.attemptEnded('j/r/1/0');
  coordinator.handleSplitRequest('j/r/1/0', 1);
  coordinator.close();
  coordinator.handleSplitRequest('j/r/0/0', 1);
  assert.deepEqual(sent, []);
});

test('when a reader asks for absurdly many, then it gets a bounded number', () => {
  const { coordinator, sent } = coordinate(datagen());
  coordinator.handleSplitRequest('j/r/0/0', 4_000_000_000);
  const [message] = sent;
  assert.equal(message?.kind === 'assign-splits' && message.splits.length, 1_024);
});

const STORAGE = new SluiceError('STORAGE_DENIED', 'no access', { domain: 'user' });

const FAILING: Readonly<Record<string, Partial<SplitEnumerator<unknown>>>> = {
  'its start rejects': { start: async () => Promise.reject(STORAGE) },
  'its start throws': {
    start: () => {
      throw STORAGE;
    },
  },
  'a request throws': {
    handleSplitRequest: () => {
      throw STORAGE;
    },
  },
  'it says so itself': { start: (context) => context.fail(STORAGE) },
};

for (const [what, faulty] of Object.entries(FAILING)) {
  test(`when an enumerator fails (${what}), then the job hears it once`, async () => {
    let closed = 0;
    const enumerator: SplitEnumerator<unknown> = {
      start: () => {},
      handleSplitRequest: () => {},
      addSplitsBack: () => {},
      stop: () => {},
      snapshotState: () => null,
      progress: () => ({ discovered: 0, assigned: 0, discoveryComplete: false }),
      close: () => {
        closed += 1;
        throw new Error('closing fails too');
      },
      ...faulty,
    };
    const { coordinator, failures } = coordinate(enumerator);
    coordinator.handleSplitRequest('j/r/0/0', 1);
    coordinator.handleSplitRequest('j/r/0/0', 1);
    await settle();
    coordinator.close();
    assert.deepEqual(
      failures.map((failure) => failure.code),
      ['STORAGE_DENIED'],
    );
    assert.equal(closed, 1);
  });
}
