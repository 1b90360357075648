import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  CheckpointCoordinator,
  FINAL_RETRY_PAUSE_MS,
  SAVEPOINTS_QUEUED_MAX,
} from '../../../jobmanager/checkpoint/checkpoint-coordinator.ts';
import type {
  CheckpointAttempt,
  CoordinatorEffect,
  CoordinatorEvent,
} from '../../../jobmanager/checkpoint/coordinator-events.ts';
import type { CheckpointDeclineReason } from '../../../shared/checkpoint/checkpoint-failure-reason.ts';
import {
  CHECKPOINT_DEFAULTS,
  type CheckpointSettings,
} from '../../../shared/checkpoint/checkpoint-settings.ts';
import { EMPTY_SNAPSHOT } from '../../../shared/checkpoint/snapshot.ts';
import type { SerializedError } from '../../../shared/errors/sluice-error.ts';

/**
 * A job of two sources `r0`, `r1` and a sink `w0`. A step is a time and an event, then the effects:
 *
 *   deployed <attempts>, adopted <attempts> (after their last one), running, interrupted, timer, ending
 *   ack|drained <attempt> [id], decline <attempt> <id> <reason>
 *   savepoint|suspend|rescale <request>, stored <id>, not-stored <id> <reason>, snapshot-failed <id>
 */
type Step = readonly [event: string, then: string];

const SETTINGS: CheckpointSettings = {
  ...CHECKPOINT_DEFAULTS,
  intervalMs: 1_000,
  minPauseMs: 300,
  timeoutMs: 5_000,
  tolerableFailures: 1,
};

const START: readonly Step[] = [
  ['0 deployed r0 r1 w0', ''],
  ['0 running', 'wake 1000'],
];
const TRIGGERED: readonly Step[] = [
  ...START,
  ['1000 timer', 'trigger 1 checkpoint to r0 r1, wake 6000'],
];
const STORING: readonly Step[] = [
  ...TRIGGERED,
  ['1010 ack r0 1', ''],
  ['1020 ack w0 1', ''],
  ['1030 ack r1 1', 'store 1 of r0 w0 r1, wake never'],
];
const COMPLETED: readonly Step[] = [
  ...STORING,
  ['1040 stored 1', 'completed 1 to r0 r1 w0, wake 2000'],
];

const SCENARIOS: Readonly<Record<string, readonly Step[]>> = {
  'everybody acknowledges and it is stored, it completes and the next one follows': [
    ...COMPLETED,
    ['2000 timer', 'trigger 2 checkpoint to r0 r1, wake 7000'],
  ],
  'one takes longer than the interval, the next follows after the pause': [
    ...TRIGGERED,
    ['2500 ack r0 1', ''],
    ['2500 ack r1 1', ''],
    ['2500 ack w0 1', 'store 1 of r0 r1 w0, wake never'],
    ['2600 stored 1', 'completed 1 to r0 r1 w0, wake 2900'],
    ['2899 timer', 'wake 2900'],
    ['2900 timer', 'trigger 2 checkpoint to r0 r1, wake 7900'],
  ],
  'acknowledgements come twice or late or from strangers, nothing changes': [
    ...TRIGGERED,
    ['1010 ack r0 1', ''],
    ['1010 ack r0 1', ''],
    ['1010 ack r9 1', ''],
    ['1010 ack r1 2', ''],
    ['1010 ack r1 1', ''],
    ['1020 ack w0 1', 'store 1 of r0 r1 w0, wake never'],
    ['1020 ack w0 1', ''],
    ['1030 decline r0 1 SNAPSHOT_FAILED', ''],
    ['1030 stored 7', ''],
    ['1040 stored 1', 'completed 1 to r0 r1 w0, wake 2000'],
    ['1041 stored 1', ''],
    ['1042 ack r0 1', ''],
  ],
  'a task declines, it is aborted, and what comes late is discarded': [
    ...TRIGGERED,
    ['1010 ack r0 1', ''],
    ['1020 decline w0 1 SNAPSHOT_FAILED', 'aborted 1 TASK_DECLINED to r0 r1 w0 of r0, wake 2000'],
    ['1030 ack r1 1', 'discard 1'],
    ['1030 decline r1 1 SNAPSHOT_FAILED', ''],
    ['2000 timer', 'trigger 2 checkpoint to r0 r1, wake 7000'],
    ['2010 ack r1 1', 'discard 1'],
    ['2020 decline r1 1 STORAGE_FAILED', ''],
  ],
  'nobody answers, it expires; after too many the job is told and nothing more is triggered': [
    ...TRIGGERED,
    ['5999 timer', 'wake 6000'],
    ['6000 timer', 'aborted 1 EXPIRED to r0 r1 w0 of nobody, wake 6300'],
    ['6300 timer', 'trigger 2 checkpoint to r0 r1, wake 11300'],
    ['11300 timer', 'aborted 2 EXPIRED to r0 r1 w0 of nobody, too many 2 EXPIRED'],
    ['20000 timer', ''],
    ['20000 deployed r2 w2', ''],
    ['20000 running', 'trigger 3 checkpoint to r2, wake 25000'],
  ],
  'failures are not in a row, they are tolerated': [
    ...TRIGGERED,
    [
      '1010 decline r0 1 STORAGE_FAILED',
      'aborted 1 STORAGE_FAILED to r0 r1 w0 of nobody, wake 2000',
    ],
    ['2000 timer', 'trigger 2 checkpoint to r0 r1, wake 7000'],
    ['2010 ack r0 2', ''],
    ['2010 ack r1 2', ''],
    ['2010 ack w0 2', 'store 2 of r0 r1 w0, wake never'],
    ['2010 stored 2', 'completed 2 to r0 r1 w0, wake 3000'],
    ['3000 timer', 'trigger 3 checkpoint to r0 r1, wake 8000'],
    ['3010 snapshot-failed 3', 'aborted 3 TASK_DECLINED to r0 r1 w0 of nobody, wake 4000'],
  ],
  'the job is to move, a checkpoint comes at once and none after it until it has moved': [
    ...START,
    ['200 rescale 7', 'trigger 1 rescale for 7 to r0 r1, wake 5200'],
    ['210 ack r0 1', ''],
    ['210 ack r1 1', ''],
    ['210 ack w0 1', 'store 1 of r0 r1 w0, wake never'],
    ['220 savepoint 8', 'wake 5220'],
    ['220 stored 1', 'completed 1 to r0 r1 w0'],
    ['230 interrupted', ''],
    ['230 deployed r2 w2', ''],
    ['400 running', 'trigger 2 savepoint for 8 to r2, wake 5400'],
  ],
  'it stays where it is after all, checkpoints go on': [
    ...START,
    ['200 rescale 7', 'trigger 1 rescale for 7 to r0 r1, wake 5200'],
    ['210 ack r0 1', ''],
    ['210 ack r1 1', ''],
    ['210 ack w0 1', 'store 1 of r0 r1 w0, wake never'],
    ['220 stored 1', 'completed 1 to r0 r1 w0'],
    ['230 running', 'wake 1200'],
  ],
  'a task ends before the checkpoint of a move, it is not taken any more': [
    ...TRIGGERED,
    ['1010 rescale 7', ''],
    ['1010 savepoint 8', ''],
    [
      '1020 interrupted',
      'aborted 1 TASK_FAILED to r0 r1 w0 of nobody, refused 7 INTERRUPTED, wake 6010',
    ],
    ['1020 deployed r2 w2', ''],
    ['1030 running', 'trigger 2 savepoint for 8 to r2, wake 6030'],
  ],
  'all sources have drained, the job does not move any more': [
    ...START,
    ['100 drained r0', ''],
    ['100 drained r1', 'trigger 1 final to r0 r1, wake 5100'],
    ['110 rescale 7', 'refused 7 JOB_ENDING'],
  ],
  'a task that does not run declines, it does not count as a failure': [
    ...TRIGGERED,
    [
      '1010 decline r0 1 TASK_NOT_RUNNING',
      'aborted 1 TASK_DECLINED to r0 r1 w0 of nobody, wake 2000',
    ],
    ['2000 timer', 'trigger 2 checkpoint to r0 r1, wake 7000'],
    [
      '2010 decline r0 2 TASK_NOT_RUNNING',
      'aborted 2 TASK_DECLINED to r0 r1 w0 of nobody, wake 3000',
    ],
  ],
  'it cannot be stored, it is aborted': [
    ...STORING,
    [
      '1040 not-stored 1 STORAGE_FAILED',
      'aborted 1 STORAGE_FAILED to r0 r1 w0 of r0 w0 r1, wake 2000',
    ],
  ],
  'another job manager leads, nothing is triggered ever again': [
    ...STORING,
    ['1035 savepoint 1', 'wake 6035'],
    [
      '1040 not-stored 1 LEADERSHIP_LOST',
      'aborted 1 LEADERSHIP_LOST to r0 r1 w0 of r0 w0 r1, refused 1 JOB_ENDING, wake never',
    ],
    ['9000 running', ''],
  ],
  'an attempt ends while it is under way, it is aborted and not counted': [
    ...TRIGGERED,
    ['1010 ack r0 1', ''],
    ['1020 interrupted', 'aborted 1 TASK_FAILED to r0 r1 w0 of r0, wake never'],
    ['1030 ack r1 1', 'discard 1'],
    ['1500 deployed r0b r1b w0b', ''],
    ['1510 ack r1 1', 'discard 1'],
    ['1600 running', 'wake 2000'],
    ['2000 timer', 'trigger 2 checkpoint to r0b r1b, wake 7000'],
    ['2010 ack r0 2', ''],
  ],
  'an attempt ends while it is stored, its outcome still counts': [
    ...STORING,
    ['1035 interrupted', ''],
    ['1040 stored 1', 'completed 1 to r0 r1 w0'],
    ['1500 deployed r0b w0b', ''],
    ['3000 running', 'trigger 2 checkpoint to r0b, wake 8000'],
  ],
  'a savepoint is asked for, it does not wait for interval and pause, and a checkpoint follows': [
    ...COMPLETED,
    ['1050 savepoint 1', 'trigger 2 savepoint for 1 to r0 r1, wake 6050'],
    ['1060 savepoint 2', ''],
    ['1070 ack r0 2', ''],
    ['1070 ack r1 2', ''],
    ['1070 ack w0 2', 'store 2 of r0 r1 w0, wake 6060'],
    ['1080 stored 2', 'completed 2 to r0 r1 w0, trigger 3 savepoint for 2 to r0 r1, wake 6080'],
    [
      '1090 decline w0 3 SNAPSHOT_FAILED',
      'aborted 3 TASK_DECLINED to r0 r1 w0 of nobody for 2, wake 1390',
    ],
    ['1390 timer', 'trigger 4 checkpoint to r0 r1, wake 6390'],
  ],
  'savepoints cannot be taken in time, they are refused': [
    ['0 deployed r0 w0', ''],
    ['0 savepoint 1', 'wake 5000'],
    ['10 suspend 2', ''],
    ['5000 timer', 'refused 1 EXPIRED, wake 5010'],
    ['5005 running', 'trigger 1 suspend for 2 to r0, wake 10005'],
    ['5006 savepoint 3', ''],
    ['5006 savepoint 4', ''],
    [
      '5007 ending',
      'aborted 1 JOB_ENDING to r0 w0 of nobody for 2, refused 3 JOB_ENDING, refused 4 JOB_ENDING, wake never',
    ],
    ['5008 savepoint 5', 'refused 5 JOB_ENDING'],
  ],
  'a suspending savepoint completes, nothing more is triggered until a restart': [
    ...START,
    ['10 suspend 1', 'trigger 1 suspend for 1 to r0 r1, wake 5010'],
    ['20 ack r0 1', ''],
    ['20 ack r1 1', ''],
    ['20 ack w0 1', 'store 1 of r0 r1 w0, wake never'],
    ['30 stored 1', 'completed 1 to r0 r1 w0'],
    ['9000 timer', ''],
    ['9000 savepoint 2', 'refused 2 JOB_ENDING'],
    ['9000 interrupted', ''],
    ['9000 deployed r0b w0b', ''],
    ['9000 running', 'trigger 2 checkpoint to r0b, wake 14000'],
  ],
  'attempts are adopted whose last checkpoint is complete, nothing is triggered until a restart': [
    ['0 adopted r0 w0', ''],
    ['0 running', ''],
    ['10 drained r0', ''],
    ['5000 timer', ''],
    ['6000 deployed r1 w1', ''],
    ['6000 running', 'trigger 1 checkpoint to r1, wake 11000'],
  ],
  'all sources have drained, a final checkpoint is tried until it completes': [
    ...START,
    ['10 drained r0', ''],
    ['10 drained r9', ''],
    ['20 drained r1', 'trigger 1 final to r0 r1, wake 5020'],
    ['30 decline w0 1 SNAPSHOT_FAILED', 'aborted 1 TASK_DECLINED to r0 r1 w0 of nobody, wake 230'],
    ['230 timer', 'trigger 2 final to r0 r1, wake 5230'],
    ['240 ack r0 2', ''],
    ['240 ack r1 2', ''],
    ['240 ack w0 2', 'store 2 of r0 r1 w0, wake never'],
    ['250 stored 2', 'completed 2 to r0 r1 w0'],
    ['9000 timer', ''],
  ],
  'sources drain while one is under way, the final one follows at once': [
    ...TRIGGERED,
    ['1010 drained r0', ''],
    ['1010 drained r1', ''],
    ['1020 ack r0 1', ''],
    ['1020 ack r1 1', ''],
    ['1020 ack w0 1', 'store 1 of r0 r1 w0, wake never'],
    ['1030 stored 1', 'completed 1 to r0 r1 w0, trigger 2 final to r0 r1, wake 6030'],
  ],
  'a drained attempt is replaced, its successor must drain again': [
    ...START,
    ['10 drained r0', ''],
    ['20 interrupted', 'wake never'],
    ['30 deployed r0 r1b w0', ''],
    ['40 running', 'wake 1000'],
    ['50 drained r1', ''],
    ['60 drained r1b', 'trigger 1 final to r0 r1b, wake 5060'],
    ['70 interrupted', 'aborted 1 TASK_FAILED to r0 r1b w0 of nobody, wake never'],
    ['80 deployed r0c r1c w0c', ''],
    ['90 running', 'wake 1000'],
  ],
};

function attempt(attemptId: string): CheckpointAttempt {
  const isSource = attemptId.startsWith('r');
  return { attemptId, vertexId: attemptId[0]!, subtask: 0, parallelism: 1, isSource };
}

const TIMINGS = { alignmentMs: 0, syncMs: 0, asyncMs: 0, bytes: 0 };
const ERROR: SerializedError = {
  code: 'INTERNAL',
  message: 'no',
  domain: 'internal',
  retry: 'none',
  context: {},
  causes: [],
};

function eventOf(kind: string, rest: readonly string[]): CoordinatorEvent {
  const [first = '', second = '', third = ''] = rest;
  switch (kind) {
    case 'deployed':
      return { kind, attempts: rest.map(attempt), over: false };
    case 'adopted':
      return { kind: 'deployed', attempts: rest.map(attempt), over: true };
    case 'running':
    case 'interrupted':
    case 'timer':
      return { kind };
    case 'ending':
      return { kind: 'job-ending' };
    case 'ack': {
      const snapshot = EMPTY_SNAPSHOT;
      const checkpointId = Number(second);
      return { kind: 'acknowledged', attemptId: first, checkpointId, snapshot, timings: TIMINGS };
    }
    case 'decline': {
      const reason = third as CheckpointDeclineReason;
      const checkpointId = Number(second);
      return { kind: 'declined', attemptId: first, checkpointId, reason, error: ERROR };
    }
    case 'drained':
      return { kind, attemptId: first };
    case 'savepoint':
    case 'suspend':
    case 'rescale':
      return { kind: 'savepoint-requested', request: { requestId: Number(first), purpose: kind } };
    case 'stored':
      return { kind, checkpointId: Number(first) };
    case 'snapshot-failed':
      return { kind, checkpointId: Number(first), error: ERROR };
    case 'not-stored':
      return {
        kind,
        checkpointId: Number(first),
        reason: second as 'STORAGE_FAILED',
        error: ERROR,
      };
    default:
      throw new Error(`unknown event ${kind}`);
  }
}

function textOf(effect: CoordinatorEffect): string {
  const asked =
    'requestId' in effect && effect.requestId !== null ? ` for ${effect.requestId}` : '';
  const attempts =
    'acknowledgements' in effect
      ? effect.acknowledgements.map(({ attempt: { attemptId } }) => attemptId).join(' ')
      : '';
  switch (effect.kind) {
    case 'trigger': {
      const { checkpointId, purpose, sourceAttemptIds } = effect;
      return `trigger ${checkpointId} ${purpose}${asked} to ${sourceAttemptIds.join(' ')}`;
    }
    case 'store':
      return `store ${effect.checkpointId} of ${attempts}`;
    case 'completed':
      return `completed ${effect.checkpointId} to ${effect.attemptIds.join(' ')}`;
    case 'aborted': {
      const { checkpointId, reason, attemptIds } = effect;
      const told = attemptIds.join(' ');
      return `aborted ${checkpointId} ${reason} to ${told} of ${attempts || 'nobody'}${asked}`;
    }
    case 'discard':
      return `discard ${effect.checkpointId}`;
    case 'savepoint-refused':
      return `refused ${effect.requestId} ${effect.reason}`;
    case 'too-many-failures':
      return `too many ${effect.failures} ${effect.reason}`;
    case 'wake':
      return `wake ${effect.atMs ?? 'never'}`;
    default:
      return effect satisfies never;
  }
}

function run(coordinator: CheckpointCoordinator, steps: readonly Step[]): void {
  for (const [line, then] of steps) {
    const [time, kind = '', ...rest] = line.split(' ');
    const effects = coordinator.step(eventOf(kind, rest), Number(time));
    assert.equal(effects.map(textOf).join(', '), then, line);
  }
}

describe('checkpoint coordinator', () => {
  for (const [name, steps] of Object.entries(SCENARIOS)) {
    test(`when ${name.replace(', ', ', then ')}`, () => {
      run(new CheckpointCoordinator({ settings: SETTINGS, firstCheckpointId: 1 }), steps);
    });
  }

  test('when it starts behind another one, then its ids are greater', () => {
    run(new CheckpointCoordinator({ settings: SETTINGS, firstCheckpointId: 40 }), [
      ...START,
      ['1000 timer', 'trigger 40 checkpoint to r0 r1, wake 6000'],
    ]);
  });

  test('when once is not enough, then only ordinary checkpoints are not aligned', () => {
    const settings = { ...SETTINGS, mode: 'at-least-once' as const };
    const coordinator = new CheckpointCoordinator({ settings, firstCheckpointId: 1 });
    const alignments: string[] = [];
    const step = (line: string): void => {
      const [time, kind = '', ...rest] = line.split(' ');
      for (const effect of coordinator.step(eventOf(kind, rest), Number(time))) {
        if (effect.kind === 'trigger') alignments.push(effect.alignment);
      }
    };
    for (const line of ['0 deployed r0', '0 running', '1000 timer', '1001 ack r0 1']) step(line);
    for (const line of ['1002 stored 1', '1003 savepoint 1']) step(line);
    assert.deepEqual(alignments, ['at-least-once', 'aligned']);
  });

  test('when too many savepoints wait, then the next one is refused', () => {
    const coordinator = new CheckpointCoordinator({ settings: SETTINGS, firstCheckpointId: 1 });
    for (let index = 0; index < SAVEPOINTS_QUEUED_MAX; index += 1) {
      coordinator.step(eventOf('savepoint', [String(index)]), 0);
    }
    const effects = coordinator.step(eventOf('savepoint', ['99']), 0);
    assert.deepEqual(effects.map(textOf), ['refused 99 QUEUE_FULL']);
  });

  test('when a final checkpoint fails again and again, then it does not spin', () => {
    const settings = { ...SETTINGS, tolerableFailures: 100 };
    const coordinator = new CheckpointCoordinator({ settings, firstCheckpointId: 1 });
    let triggers = 0;
    const step = (event: CoordinatorEvent, nowMs: number): void => {
      for (const effect of coordinator.step(event, nowMs)) {
        if (effect.kind !== 'trigger') continue;
        triggers += 1;
        step(eventOf('decline', ['r0', String(effect.checkpointId), 'SNAPSHOT_FAILED']), nowMs);
      }
    };
    for (const kind of ['deployed', 'running', 'drained']) step(eventOf(kind, ['r0']), 0);
    for (let nowMs = 1; nowMs <= 10 * FINAL_RETRY_PAUSE_MS; nowMs += 1)
      step({ kind: 'timer' }, nowMs);
    assert.equal(triggers, 11);
  });
});
