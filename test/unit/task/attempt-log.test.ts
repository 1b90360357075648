import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaskDeployment } from '../../../shared/job-graph/task-deployment.ts';
import type { ReportedReader } from '../../../shared/rpc/messages.ts';
import { AttemptLog } from '../../../taskmanager/task-executor/attempt-log.ts';

const SOURCE = 'job/source/0/0';

function deployment(attemptId: string, kind = 'source/files'): TaskDeployment {
  const operators = [{ id: 'x', kind, options: {}, chainedTo: null }];
  return { attemptId, slotIndex: 1, operators, restore: null } as never;
}

function log(): AttemptLog {
  const made = new AttemptLog();
  made.deployed(deployment(SOURCE));
  return made;
}

function assign(made: AttemptLog, ...splits: unknown[]): void {
  made.commanded({ kind: 'assign-splits', attemptId: SOURCE, splits });
}

function trigger(made: AttemptLog, checkpointId: number): void {
  const barrier = {
    kind: 'barrier' as const,
    checkpointId,
    triggeredAtMs: 0,
    alignment: 'aligned' as const,
    purpose: 'checkpoint' as const,
  };
  made.commanded({ kind: 'trigger-checkpoint', attemptId: SOURCE, barrier });
}

function complete(made: AttemptLog, checkpointId: number): void {
  made.commanded({ kind: 'checkpoint-complete', attemptId: SOURCE, checkpointId });
}

function reader(made: AttemptLog): ReportedReader | null | undefined {
  return made.report().find(({ attemptId }) => attemptId === SOURCE)?.source;
}

test('when splits come before and after triggers, then they are reported by checkpoint', () => {
  const made = log();
  assign(made, 'a');
  trigger(made, 4);
  assign(made, 'b');
  trigger(made, 5);
  assign(made, 'c');
  assert.deepEqual(reader(made)?.splits, [
    { beforeCheckpoint: 4, splits: ['a'] },
    { beforeCheckpoint: 5, splits: ['b'] },
    { beforeCheckpoint: null, splits: ['c'] },
  ]);
  assert.equal(made.report()[0]?.checkpointIdSeen, 5);
  complete(made, 4);
  assert.deepEqual(
    reader(made)?.splits?.map(({ splits }) => splits),
    [['b'], ['c']],
  );
});

test('when a reader asks and gets, then what it still waits for is reported', () => {
  const made = log();
  made.splitsRequested(SOURCE, 8);
  assign(made, 'a', 'b');
  made.drained(SOURCE);
  assert.equal(reader(made)?.splitsWanted, 6);
  assert.equal(reader(made)?.drained, true);
});

test('when there are too many splits, then the report says that they are not known', () => {
  const made = log();
  assign(made, ...Array.from({ length: 20_000 }, (_, index) => index));
  assert.notEqual(reader(made)?.splits, null);
  assign(made, 'one more');
  assert.equal(reader(made)?.splits, null);
  trigger(made, 1);
  complete(made, 1);
  assert.equal(reader(made)?.splits, null);
});

test('when attempts end, then their ends are reported, of the last ones', () => {
  const made = log();
  made.state(SOURCE, 'FINISHED', null);
  assert.equal(made.report()[0]?.state, 'FINISHED');
  for (let index = 0; index < 300; index += 1) {
    made.deployed(deployment(`job/sink/${index}/0`, 'sink/blackhole'));
    made.state(`job/sink/${index}/0`, 'CANCELED', null);
  }
  assert.equal(made.report().length, 256);
  assert.equal(reader(made), undefined);
});
