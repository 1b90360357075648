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

/** The language of the steps is that of the script: a step is an event, and what follows it. */
const W1_FAILS: readonly Step[] = [
  ...UP,
  [
    'w1.0 FAILED STORAGE_DENIED',
    'RESTARTING: ended w1.0, interrupt-checkpoints, set restart-delay 100, cancel r1.0@b, set cancellation',
  ],
];

const FORWARD: Readonly<Record<string, readonly Step[]>> = {
  'a task fails, its region starts again in its slots and the other one runs on': [
    ...W1_FAILS,
    ['r0.0 RUNNING', 'RESTARTING:'],
    ['r1.0 CANCELED', 'RESTARTING: ended r1.0'],
    ['timer restart-delay', `RESTARTING: ${WAIT}`],
    [
      'slots a b',
      `RUNNING: ${END_RESTART}, clear resources, attempts-changed, deploy r1.1@b, deploy w1.1@b, reset r1.1`,
    ],
    ['w1.0 FAILED STORAGE_DENIED', 'RUNNING:'],
    ['r1.1 RUNNING', 'RUNNING:'],
    ['w1.1 RUNNING', 'RUNNING: all-running'],
  ],
  'the delay is over before the tasks have ended, the job waits for both': [
    ...W1_FAILS,
    ['timer restart-delay', 'RESTARTING:'],
    ['slots a b', 'RESTARTING:'],
    ['r1.0 CANCELED', `RESTARTING: ended r1.0, ${WAIT}`],
  ],
  'a task manager is lost, what ran there starts on another one': [
    ...UP,
    ['lost b', 'RESTARTING: ended r1.0, ended w1.0, interrupt-checkpoints, set restart-delay 100'],
    ['timer restart-delay', `RESTARTING: ${WAIT}`],
    ['waiting', 'RESTARTING:'],
    [
      'slots a c',
      `RUNNING: ${END_RESTART}, clear resources, attempts-changed, deploy r1.1@c, deploy w1.1@c, reset r1.1`,
    ],
    ['r1.1@b RUNNING', 'RUNNING:'],
  ],
  'another region fails meanwhile, it joins the restart': [
    ...W1_FAILS,
    ['r1.0 CANCELED', 'RESTARTING: ended r1.0'],
    ['timer restart-delay', `RESTARTING: ${WAIT}`],
    [
      'r0.0 FAILED STORAGE_DENIED',
      'RESTARTING: ended r0.0, clear resources, cancel w0.0@a, set cancellation',
    ],
    ['slots a b', 'RESTARTING:'],
    ['w0.0 CANCELED', `RESTARTING: ended w0.0, ${WAIT}`],
    [
      'slots a b',
      `RUNNING: ${END_RESTART}, clear resources, attempts-changed, ` +
        'deploy r0.1@a, deploy r1.1@b, deploy w0.1@a, deploy w1.1@b, reset r0.1, reset r1.1',
    ],
  ],
  'a task does not end, it is given up and its slot with it': [
    ...W1_FAILS,
    ['timer restart-delay', 'RESTARTING:'],
    ['timer cancellation', `RESTARTING: ended r1.0, release b, ${WAIT}`],
  ],
  'no slots come, the job fails with what it waited for': [
    ...UP,
    ['lost b', 'RESTARTING: ended r1.0, ended w1.0, interrupt-checkpoints, set restart-delay 100'],
    ['timer restart-delay', `RESTARTING: ${WAIT}`],
    [
      'timer resources',
      `FAILING: ${END_RESTART}, interrupt-checkpoints, set cancellation, cancel r0.0@a, cancel w0.0@a`,
    ],
    ['r0.0 CANCELED', 'FAILING: ended r0.0'],
    ['w0.0 CANCELED', `FAILED: ended w0.0, ${CLEAR}, FAILED RESOURCE_UNAVAILABLE`],
  ],
  'no slots come in place of the lost ones, the whole job starts on those there are': [
    ...UP,
    ['lost b', 'RESTARTING: ended r1.0, ended w1.0, interrupt-checkpoints, set restart-delay 100'],
    ['timer restart-delay', `RESTARTING: ${WAIT}`],
    ['otherwise', 'RESTARTING: set replacement'],
    ['otherwise', 'RESTARTING:'],
    ['timer replacement', 'RESTARTING: cancel r0.0@a, cancel w0.0@a, set cancellation'],
    ['r0.0 CANCELED', 'RESTARTING: ended r0.0'],
    ['w0.0 CANCELED', `RESTARTING: ended w0.0, ${WAIT}`],
    [
      'slots a',
      `RUNNING: ${END_RESTART}, clear resources, attempts-changed, deploy r0.1@a, deploy w0.1@a, restart-sources`,
    ],
    ['r0.1 RUNNING', 'RUNNING:'],
    ['w0.1 RUNNING', 'RUNNING: all-running'],
    // With fewer subtasks than wanted every restart tries for all of them.
    [
      'w0.1 FAILED STORAGE_DENIED',
      'RESTARTING: ended w0.1, interrupt-checkpoints, set restart-delay 200, cancel r0.1@a, set cancellation',
    ],
    ['r0.1 CANCELED', 'RESTARTING: ended r0.1'],
    ['timer restart-delay', `RESTARTING: ${WAIT}`],
    [
      'slots a c',
      `RUNNING: ${END_RESTART}, clear resources, attempts-changed, ` +
        'deploy r0.2@a, deploy r1.2@c, deploy w0.2@a, deploy w1.2@c, restart-sources',
    ],
  ],
  'splits are not tracked, everything starts again with its sources': [
    ...UP,
    ['splits no', 'RUNNING:'],
    [
      'w1.0 FAILED STORAGE_DENIED',
      'RESTARTING: ended w1.0, interrupt-checkpoints, set restart-delay 100, ' +
        'cancel r0.0@a, cancel r1.0@b, cancel w0.0@a, set cancellation',
    ],
  ],
  'splits are lost during a restart, it takes in everything': [
    ...W1_FAILS,
    ['splits no', 'RESTARTING: cancel r0.0@a, cancel w0.0@a, set cancellation'],
    ['lost a', 'RESTARTING: ended r0.0, ended w0.0'],
    ['lost b', 'RESTARTING: ended r1.0'],
    ['timer restart-delay', `RESTARTING: ${WAIT}`],
    [
      'slots c d',
      `RUNNING: ${END_RESTART}, clear resources, attempts-changed, ` +
        'deploy r0.1@c, deploy r1.1@d, deploy w0.1@c, deploy w1.1@d, restart-sources',
    ],
  ],
  'the last checkpoint is complete, a failure brings back all of the job': [
    ...UP,
    ['ending', 'RUNNING:'],
    ['r0.0 FINISHED', 'RUNNING: ended r0.0'],
    [
      'lost b',
      'RESTARTING: ended r1.0, ended w1.0, interrupt-checkpoints, set restart-delay 100, cancel w0.0@a, set cancellation',
    ],
    ['w0.0 FINISHED', 'RESTARTING: ended w0.0'],
    ['timer restart-delay', `RESTARTING: ${WAIT}`],
  ],
  'the job was stopping, it goes on stopping after the restart': [
    ...UP,
    ['stop', 'STOPPING: stop-sources'],
    ['lost b', 'RESTARTING: ended r1.0, ended w1.0, interrupt-checkpoints, set restart-delay 100'],
    ['stop', 'RESTARTING:'],
    ['timer restart-delay', `RESTARTING: ${WAIT}`],
    [
      'slots a b',
      `STOPPING: ${END_RESTART}, clear resources, attempts-changed, deploy r1.1@b, deploy w1.1@b, reset r1.1`,
    ],
  ],
  'people stop during a restart, the job stops after it': [
    ...W1_FAILS,
    ['stop', 'RESTARTING: stop-sources'],
    ['r1.0 CANCELED', 'RESTARTING: ended r1.0'],
    ['timer restart-delay', `RESTARTING: ${WAIT}`],
    [
      'slots a b',
      `STOPPING: ${END_RESTART}, clear resources, attempts-changed, deploy r1.1@b, deploy w1.1@b, reset r1.1`,
    ],
  ],
  'people cancel during a restart, the job ends': [
    ...W1_FAILS,
    [
      'cancel',
      `CANCELLING: ${END_RESTART}, interrupt-checkpoints, clear resources, set cancellation, cancel r0.0@a, cancel w0.0@a`,
    ],
    ['timer restart-delay', 'CANCELLING:'],
    ['r0.0 CANCELED', 'CANCELLING: ended r0.0'],
    ['r1.0 CANCELED', 'CANCELLING: ended r1.0'],
    ['w0.0 CANCELED', `CANCELED: ended w0.0, ${CLEAR}, CANCELED`],
  ],
};

const ALL: Readonly<Record<string, readonly Step[]>> = {
  'everybody exchanges with everybody, one failure brings back all': [
    ...UP,
    [
      'r0.0 FAILED NETWORK_CLOSED',
      'RESTARTING: ended r0.0, interrupt-checkpoints, set restart-delay 100, ' +
        'cancel r1.0@b, cancel w0.0@a, cancel w1.0@b, set cancellation',
    ],
    ['w0.0 CANCELED', 'RESTARTING: ended w0.0'],
    ['lost b', 'RESTARTING: ended r1.0, ended w1.0'],
    ['timer restart-delay', `RESTARTING: ${WAIT}`],
  ],
  'the user has to mend it, the job fails at once': [
    ...UP,
    [
      'w1.0 FAILED MODEL_INVALID',
      'FAILING: ended w1.0, interrupt-checkpoints, set cancellation, cancel r0.0@a, cancel r1.0@b, cancel w0.0@a',
    ],
  ],
  'the user has to mend what fails during a restart, the job fails': [
    ...UP,
    [
      'lost b',
      'RESTARTING: ended r1.0, ended w1.0, interrupt-checkpoints, set restart-delay 100, cancel r0.0@a, cancel w0.0@a, set cancellation',
    ],
    [
      'r0.0 FAILED MODEL_INVALID',
      `FAILING: ended r0.0, ${END_RESTART}, interrupt-checkpoints, set cancellation`,
    ],
    ['w0.0 CANCELED', `FAILED: ended w0.0, ${CLEAR}, FAILED MODEL_INVALID`],
  ],
  'too many checkpoints fail, everything starts again': [
    ...UP,
    [
      'checkpoints',
      'RESTARTING: interrupt-checkpoints, set restart-delay 100, ' +
        'cancel r0.0@a, cancel r1.0@b, cancel w0.0@a, cancel w1.0@b, set cancellation',
    ],
  ],
  'a source fails, it starts again from the checkpoint with all the rest': [
    ...UP,
    [
      'source STORAGE_UNAVAILABLE',
      'RESTARTING: interrupt-checkpoints, set restart-delay 100, ' +
        'cancel r0.0@a, cancel r1.0@b, cancel w0.0@a, cancel w1.0@b, set cancellation',
    ],
    ['lost a', 'RESTARTING: ended r0.0, ended w0.0'],
    ['lost b', 'RESTARTING: ended r1.0, ended w1.0'],
    ['stop', 'RESTARTING: stop-sources'],
    ['timer restart-delay', `RESTARTING: ${WAIT}`],
    [
      'slots c d',
      `STOPPING: ${END_RESTART}, clear resources, attempts-changed, ` +
        'deploy r0.1@c, deploy r1.1@d, deploy w0.1@c, deploy w1.1@d, restart-sources, stop-sources',
    ],
  ],
};

for (const [shape, scenarios] of [
  ['forward', FORWARD],
  ['all', ALL],
] as const) {
  for (const [name, steps] of Object.entries(scenarios)) {
    const comma = name.lastIndexOf(', ');
    test(`when ${name.slice(0, comma)}, then ${name.slice(comma + 2)}`, () => {
      play(newMaster(shape), steps);
    });
  }
}

test('when the strategy gives up, then the job fails as one without checkpoints, and says why', () => {
  const master = newMaster('all', { strategy: 'fixed-delay', attempts: 0, delayMs: 1 });
  play(master, [
    ...UP,
    [
      'r0.0 FAILED NETWORK_CLOSED',
      'FAILING: ended r0.0, interrupt-checkpoints, set failure-grace, set cancellation, cancel r1.0@b, cancel w0.0@a, cancel w1.0@b',
    ],
    ['w0.0 CANCELED', 'FAILING: ended w0.0'],
    ['r1.0 CANCELED', 'FAILING: ended r1.0'],
    ['w1.0 CANCELED', 'FAILING: ended w1.0'],
    ['timer failure-grace', `FAILED: ${CLEAR}, FAILED NETWORK_CLOSED`],
  ]);
  assert.equal(master.failure?.error.context['notRestarted'], 'it was restarted 0 times before');
  assert.deepEqual(outcomes(master), ['failed NETWORK_CLOSED']);
});

test('when restarts follow each other, then the history names their causes, not their consequences', () => {
  const master = newMaster('all');
  play(master, ALL['everybody exchanges with everybody, one failure brings back all'] ?? []);
  assert.deepEqual(outcomes(master), ['restarted TASK_MANAGER_LOST']);
  assert.equal(master.restarts, 1);
  for (let attempt = 1; attempt <= 30; attempt += 1) {
    step(master, 'slots a b');
    for (const task of ['r0', 'r1', 'w0']) step(master, `${task}.${attempt} CANCELED`);
    step(master, `w1.${attempt} FAILED STORAGE_DENIED`);
    step(master, 'timer restart-delay');
  }
  assert.equal(master.restarts, 31);
  assert.equal(master.exceptions.length, 20);
  // The first report was a task that its task manager cancelled by itself.
  assert.equal(outcomes(master)[0], 'restarted STORAGE_DENIED');
});

test('when a checkpoint completes between failures, then the delay does not grow', () => {
  const master = newMaster('all');
  play(master, UP);
  for (const [attempt, delay] of [100, 200, 100].entries()) {
    const effects = step(master, `w1.${attempt} FAILED STORAGE_DENIED`);
    assert.ok(effects.includes(`set restart-delay ${delay}`), effects.join(', '));
    for (const task of ['r0', 'r1', 'w0']) step(master, `${task}.${attempt} CANCELED`);
    step(master, 'timer restart-delay');
    step(master, 'slots a b');
    if (attempt === 1) step(master, 'progress');
  }
});
