import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CLEAR,
  END_RESTART,
  newMaster,
  outcomes,
  play,
  type Step,
  step,
  UP,
  WAIT,
} from '../../support/jobmanager/job-master-script.ts';

/** A job on one task manager, as it is before a second one comes. */
const SMALL: readonly Step[] = [
  ['submitted', 'WAITING_FOR_RESOURCES: set resources'],
  [
    'slots a',
    'RUNNING: clear resources, start-sources, attempts-changed, deploy r0.0@a, deploy w0.0@a',
  ],
  ['r0.0 RUNNING', 'RUNNING:'],
  ['w0.0 RUNNING', 'RUNNING: all-running'],
];

const WANTED: readonly Step[] = [...SMALL, ['rescale-wanted more', 'RUNNING: take-checkpoint']];

const CANCELS = 'cancel r0.0@a, cancel w0.0@a, set cancellation';

const MOVES: readonly Step[] = [
  ...WANTED,
  ['rescale', `RESTARTING: interrupt-checkpoints, ${CANCELS}`],
];

const SCENARIOS: Readonly<Record<string, readonly Step[]>> = {
  'slots have come, it restarts from a checkpoint with more subtasks, at once': [
    ...MOVES,
    ['r0.0 CANCELED', 'RESTARTING: ended r0.0'],
    ['w0.0 CANCELED', `RESTARTING: ended w0.0, ${WAIT}`],
    [
      'slots a b',
      `RUNNING: ${END_RESTART}, clear resources, attempts-changed, ` +
        'deploy r0.1@a, deploy r1.1@b, deploy w0.1@a, deploy w1.1@b, restart-sources',
    ],
    ['r0.1 RUNNING', 'RUNNING:'],
  ],
  'it has grown, a failure brings back its region and no more': [
    ...MOVES,
    ['r0.0 CANCELED', 'RESTARTING: ended r0.0'],
    ['w0.0 CANCELED', `RESTARTING: ended w0.0, ${WAIT}`],
    [
      'slots a b',
      `RUNNING: ${END_RESTART}, clear resources, attempts-changed, ` +
        'deploy r0.1@a, deploy r1.1@b, deploy w0.1@a, deploy w1.1@b, restart-sources',
    ],
    [
      'w1.1 FAILED STORAGE_DENIED',
      'RESTARTING: ended w1.1, interrupt-checkpoints, set restart-delay 100, cancel r1.1@b, set cancellation',
    ],
  ],
  'one checkpoint is being taken already, another wish changes nothing': [
    ...WANTED,
    ['rescale-wanted again', 'RUNNING:'],
    ['rescale-dropped', 'RUNNING:'],
    ['rescale-wanted again', 'RUNNING: take-checkpoint'],
  ],
  'a task fails before the checkpoint is complete, that restart comes first': [
    ...WANTED,
    [
      'w0.0 FAILED STORAGE_DENIED',
      'RESTARTING: ended w0.0, interrupt-checkpoints, set restart-delay 100, cancel r0.0@a, set cancellation',
    ],
    ['rescale', 'RESTARTING:'],
    ['rescale-wanted more', 'RESTARTING:'],
  ],
  'a task does not run yet, the job stays as it is': [
    ...UP.slice(0, 5),
    ['rescale-wanted more', 'RUNNING:'],
    ['rescale', 'RUNNING:'],
  ],
  'it is about to end, it stays as it is': [
    ...SMALL,
    ['ending', 'RUNNING:'],
    ['rescale-wanted more', 'RUNNING:'],
  ],
  'it is stopped meanwhile, it ends where it is': [
    ...WANTED,
    ['stop', 'STOPPING: stop-sources'],
    ['rescale', 'STOPPING:'],
    ['rescale-wanted more', 'STOPPING:'],
  ],
  'it is stopped while it moves, it stops where it has moved to': [
    ...MOVES,
    ['stop', 'RESTARTING: stop-sources'],
    ['r0.0 CANCELED', 'RESTARTING: ended r0.0'],
    ['w0.0 CANCELED', `RESTARTING: ended w0.0, ${WAIT}`],
    [
      'slots b',
      `STOPPING: ${END_RESTART}, clear resources, attempts-changed, ` +
        'deploy r0.1@b, deploy w0.1@b, restart-sources, stop-sources',
    ],
  ],
  'it is cancelled while it moves, it ends': [
    ...MOVES,
    ['r0.0 CANCELED', 'RESTARTING: ended r0.0'],
    [
      'cancel',
      `CANCELLING: ${END_RESTART}, interrupt-checkpoints, clear resources, set cancellation`,
    ],
    ['w0.0 CANCELED', `CANCELED: ended w0.0, ${CLEAR}, CANCELED`],
  ],
  'a task fails of the move, nothing has failed': [
    ...MOVES,
    ['r0.0 FAILED NETWORK_CLOSED', 'RESTARTING: ended r0.0'],
    ['lost a', `RESTARTING: ended w0.0, ${WAIT}`],
  ],
  'a task does not end, it is given up and its slot with it': [
    ...MOVES,
    ['r0.0 CANCELED', 'RESTARTING: ended r0.0'],
    ['timer cancellation', `RESTARTING: ended w0.0, release a, ${WAIT}`],
  ],
  'the slots are gone again and none come, it fails': [
    ...MOVES,
    ['lost a', `RESTARTING: ended r0.0, ended w0.0, ${WAIT}`],
    [
      'timer resources',
      `FAILED: ${END_RESTART}, interrupt-checkpoints, set cancellation, ${CLEAR}, FAILED RESOURCE_UNAVAILABLE`,
    ],
  ],
};

for (const [name, steps] of Object.entries(SCENARIOS)) {
  test(`when ${name.replace(', ', ', then ')}`, () => {
    play(newMaster('forward'), steps);
  });
}

test('when a job has moved, then that is told, and no failure', () => {
  const master = newMaster('forward', { strategy: 'none' });
  play(master, WANTED);
  assert.deepEqual([master.rescaling.count, master.rescaling.last], [0, null]);
  for (const event of ['rescale', 'r0.0 FAILED NETWORK_CLOSED', 'w0.0 CANCELED', 'slots a b']) {
    step(master, event);
  }
  assert.equal(master.state, 'RUNNING');
  assert.deepEqual([master.restarts, outcomes(master)], [0, []]);
  assert.equal(master.rescaling.count, 1);
  assert.deepEqual(master.rescaling.last, { at: '1970-01-01T00:00:00.000Z', reason: 'more' });
});
