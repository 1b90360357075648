import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobEffect, JobEvent } from '../../../jobmanager/job-master/job-events.ts';
import { JobMaster } from '../../../jobmanager/job-master/job-master.ts';
import { schedule } from '../../../jobmanager/scheduler/scheduler.ts';
import type { ErrorCode } from '../../../shared/errors/codes.ts';
import type { SerializedError } from '../../../shared/errors/sluice-error.ts';
import { pipeline, sinkVertex, sourceVertex } from '../../support/jobmanager/job-graphs.ts';

/**
 * A job of `r` (the source) and `w` (the sink), two subtasks each: 0 on task manager `a`, 1 on `b`.
 * Each step is an event, then the state and the effects that follow it:
 *
 *   submit, waiting, slots, cancel, stop, timer <name>, lost <tm>, source <code>,
 *   <vertex><subtask> <STATE> [code]      as its task manager reports it
 */
type Step = readonly [event: string, then: string];

const DEPLOYED: readonly Step[] = [
  ['submit', 'WAITING_FOR_RESOURCES: set resources'],
  [
    'slots',
    'RUNNING: clear resources, start-sources, deploy r0@a, deploy r1@b, deploy w0@a, deploy w1@b',
  ],
];

const RUNNING: readonly Step[] = [
  ...DEPLOYED,
  ['r0 RUNNING', 'RUNNING:'],
  ['r1 RUNNING', 'RUNNING:'],
  ['w0 RUNNING', 'RUNNING:'],
  ['w1 RUNNING', 'RUNNING:'],
];

const CLEAR = 'clear resources, clear failure-grace, clear cancellation';
const CANCEL_ALL = 'set cancellation, cancel r0@a, cancel r1@b, cancel w0@a, cancel w1@b';

const SCENARIOS: Readonly<Record<string, readonly Step[]>> = {
  'every task finishes, the job finishes': [
    ...RUNNING,
    ['r0 FINISHED', 'RUNNING: ended r0'],
    ['r1 FINISHED', 'RUNNING: ended r1'],
    ['w0 FINISHED', 'RUNNING: ended w0'],
    ['w1 FINISHED', `FINISHED: ended w1, ${CLEAR}, FINISHED`],
  ],
  'reports come twice or late, they change nothing': [
    ...DEPLOYED,
    ['r0 FINISHED', 'RUNNING: ended r0'],
    ['r0 RUNNING', 'RUNNING:'],
    ['r0 FINISHED', 'RUNNING:'],
    ['r0 FAILED IMAGE_CORRUPT', 'RUNNING:'],
    ['r7 FAILED IMAGE_CORRUPT', 'RUNNING:'],
  ],
  'there are no slots in time, the job fails with what it waited for': [
    ['submit', 'WAITING_FOR_RESOURCES: set resources'],
    ['waiting', 'WAITING_FOR_RESOURCES:'],
    ['timer resources', `FAILED: ${CLEAR}, FAILED RESOURCE_UNAVAILABLE at nowhere`],
    ['slots', 'FAILED:'],
  ],
  'a task fails, the others are cancelled and it is the cause': [
    ...RUNNING,
    [
      'w1 FAILED STORAGE_DENIED',
      'FAILING: ended w1, set cancellation, cancel r0@a, cancel r1@b, cancel w0@a',
    ],
    ['r0 CANCELED', 'FAILING: ended r0'],
    ['r1 CANCELED', 'FAILING: ended r1'],
    ['w0 FAILED STORAGE_DENIED', `FAILED: ended w0, ${CLEAR}, FAILED STORAGE_DENIED at w1`],
  ],
  'a consequence is reported first, the cause still wins': [
    ...RUNNING,
    [
      'r0 FAILED NETWORK_CLOSED',
      'FAILING: ended r0, set failure-grace, set cancellation, cancel r1@b, cancel w0@a, cancel w1@b',
    ],
    ['w1 FAILED STORAGE_DENIED', 'FAILING: ended w1, clear failure-grace'],
    ['r1 CANCELED', 'FAILING: ended r1'],
    ['w0 CANCELED', `FAILED: ended w0, ${CLEAR}, FAILED STORAGE_DENIED at w1`],
  ],
  'connections break because a task manager is lost, the loss is the cause': [
    ...RUNNING,
    [
      'r0 FAILED NETWORK_CLOSED',
      'FAILING: ended r0, set failure-grace, set cancellation, cancel r1@b, cancel w0@a, cancel w1@b',
    ],
    ['w0 CANCELED', 'FAILING: ended w0'],
    [
      'lost b',
      `FAILED: ended r1, ended w1, clear failure-grace, ${CLEAR}, FAILED TASK_MANAGER_LOST at r1`,
    ],
  ],
  'only a consequence is known, the job fails with it after the grace': [
    ...RUNNING,
    [
      'r0 FAILED NETWORK_CLOSED',
      'FAILING: ended r0, set failure-grace, set cancellation, cancel r1@b, cancel w0@a, cancel w1@b',
    ],
    ['r1 CANCELED', 'FAILING: ended r1'],
    ['w0 CANCELED', 'FAILING: ended w0'],
    ['w1 CANCELED', 'FAILING: ended w1'],
    ['timer failure-grace', `FAILED: ${CLEAR}, FAILED NETWORK_CLOSED at r0`],
  ],
  'a task manager is lost after another failure, the first cause stands': [
    ...RUNNING,
    [
      'w0 FAILED INFERENCE_FAILED',
      'FAILING: ended w0, set cancellation, cancel r0@a, cancel r1@b, cancel w1@b',
    ],
    ['r0 CANCELED', 'FAILING: ended r0'],
    ['lost b', `FAILED: ended r1, ended w1, ${CLEAR}, FAILED INFERENCE_FAILED at w0`],
  ],
  'a task manager cancels a task by itself, its loss is the cause': [
    ...RUNNING,
    [
      'r1 CANCELED',
      'FAILING: ended r1, set failure-grace, set cancellation, cancel r0@a, cancel w0@a, cancel w1@b',
    ],
    ['w1 CANCELED', 'FAILING: ended w1'],
    ['lost b', 'FAILING: clear failure-grace'],
    ['r0 CANCELED', 'FAILING: ended r0'],
    ['w0 CANCELED', `FAILED: ended w0, ${CLEAR}, FAILED TASK_MANAGER_LOST at r1`],
  ],
  'a lost task manager had nothing left to do, the job goes on': [
    ...RUNNING,
    ['r0 FINISHED', 'RUNNING: ended r0'],
    ['w0 FINISHED', 'RUNNING: ended w0'],
    ['lost a', 'RUNNING:'],
    ['lost c', 'RUNNING:'],
  ],
  'a source cannot list, the job fails with it': [
    ...RUNNING,
    ['source STORAGE_CREDENTIALS', `FAILING: ${CANCEL_ALL}`],
    ['lost a', 'FAILING: ended r0, ended w0'],
    ['lost b', `FAILED: ended r1, ended w1, ${CLEAR}, FAILED STORAGE_CREDENTIALS at r`],
  ],
  'a failed job has a task that does not end, it fails all the same': [
    ...DEPLOYED,
    [
      'w1 FAILED STORAGE_DENIED',
      'FAILING: ended w1, set cancellation, cancel r0@a, cancel r1@b, cancel w0@a',
    ],
    ['timer cancellation', `FAILED: ${CLEAR}, FAILED STORAGE_DENIED at w1`],
    ['w0 CANCELED', 'FAILED:'],
  ],
  'people cancel, the tasks are cancelled; what breaks meanwhile is no failure': [
    ...RUNNING,
    ['cancel', `CANCELLING: clear resources, ${CANCEL_ALL}`],
    ['cancel', 'CANCELLING:'],
    ['stop', 'CANCELLING:'],
    ['r0 CANCELED', 'CANCELLING: ended r0'],
    ['w0 FAILED NETWORK_CLOSED', 'CANCELLING: ended w0'],
    ['r1 FINISHED', 'CANCELLING: ended r1'],
    ['w1 RUNNING', 'CANCELLING:'],
    ['w1 CANCELED', `CANCELED: ended w1, ${CLEAR}, CANCELED`],
  ],
  'a cancelled task does not end, the job says which': [
    ...RUNNING,
    ['cancel', `CANCELLING: clear resources, ${CANCEL_ALL}`],
    ['lost a', 'CANCELLING: ended r0, ended w0'],
    ['r1 CANCELED', 'CANCELLING: ended r1'],
    ['timer cancellation', `FAILED: ${CLEAR}, FAILED TASK_FAILED at w1`],
  ],
  'people cancel before there are slots, nothing was started': [
    ['submit', 'WAITING_FOR_RESOURCES: set resources'],
    ['cancel', `CANCELED: clear resources, ${CLEAR}, CANCELED`],
    ['slots', 'CANCELED:'],
  ],
  'people stop, the sources end and the job drains': [
    ...RUNNING,
    ['stop', 'STOPPING: stop-sources'],
    ['stop', 'STOPPING:'],
    ['r0 FINISHED', 'STOPPING: ended r0'],
    ['r1 FINISHED', 'STOPPING: ended r1'],
    ['w0 FINISHED', 'STOPPING: ended w0'],
    ['w1 FINISHED', `FINISHED: ended w1, ${CLEAR}, FINISHED`],
  ],
  'the drain is too slow, it can be cancelled': [
    ...RUNNING,
    ['stop', 'STOPPING: stop-sources'],
    ['cancel', `CANCELLING: clear resources, ${CANCEL_ALL}`],
  ],
  'a task fails during the drain, the job fails': [
    ...RUNNING,
    ['stop', 'STOPPING: stop-sources'],
    [
      'r0 FAILED STORAGE_DENIED',
      'FAILING: ended r0, set cancellation, cancel r1@b, cancel w0@a, cancel w1@b',
    ],
    ['cancel', 'FAILING:'],
  ],
};

for (const [name, steps] of Object.entries(SCENARIOS)) {
  const comma = name.lastIndexOf(', ');
  test(`when ${name.slice(0, comma)}, then ${name.slice(comma + 2)}`, () => {
    const jobGraph = pipeline([sourceVertex('r'), sinkVertex('w')]);
    const master = new JobMaster({
      jobId: 'job',
      jobGraph,
      resourceTimeoutMs: 1_000,
      failureGraceMs: 100,
      cancellationTimeoutMs: 3_000,
    });
    steps.forEach(([event, then], index) => {
      const effects = master.step(parseEvent(event), index).map(describe);
      assert.equal(`${master.state}: ${effects.join(', ')}`.trimEnd(), then, `after "${event}"`);
    });
  });
}

function parseEvent(text: string): JobEvent {
  const [word = '', first = '', second = ''] = text.split(' ');
  switch (word) {
    case 'submit':
      return { kind: 'submitted' };
    case 'waiting':
      return { kind: 'waiting', reason: 'needs 1 cpu slot, 0 free' };
    case 'slots':
      return { kind: 'slots-assigned', plan: plan() };
    case 'cancel':
    case 'stop':
      return { kind: word };
    case 'timer':
      return { kind: 'timer', timer: first as 'resources' };
    case 'lost':
      return { kind: 'task-manager-lost', taskManagerId: first, error: error('TASK_MANAGER_LOST') };
    case 'source':
      return { kind: 'source-failed', operatorId: 'r', error: error(first as ErrorCode) };
    default:
      return {
        kind: 'task-state',
        attemptId: `job/${word[0]}/${word[1]}/0`,
        taskManagerId: word[1] === '0' ? 'a' : 'b',
        state: first as 'RUNNING',
        error: second === '' ? null : error(second as ErrorCode),
      };
  }
}

function plan() {
  const slots = ['a', 'b'].map((taskManagerId) => ({
    taskManagerId,
    hostName: `host-${taskManagerId}`,
    slotIndex: 0,
    device: 'cpu' as const,
    labels: {},
    dataAddress: { taskManagerId, host: '127.0.0.1', port: 1 },
    free: true,
  }));
  const decision = schedule(pipeline([sourceVertex('r'), sinkVertex('w')]), slots);
  assert.equal(decision.kind, 'placed');
  return decision.kind === 'placed' ? decision.plan : new Map();
}

function describe(effect: JobEffect): string {
  switch (effect.kind) {
    case 'deploy':
      return `deploy ${short(effect.deployment.attemptId)}@${effect.taskManagerId}`;
    case 'cancel-task':
      return `cancel ${short(effect.attemptId)}@${effect.taskManagerId}`;
    case 'attempt-ended':
      return `ended ${short(effect.attemptId)}`;
    case 'set-timer':
      return `set ${effect.timer}`;
    case 'clear-timer':
      return `clear ${effect.timer}`;
    case 'ended': {
      const { failure, state } = effect;
      if (failure === null) return state;
      const where =
        failure.vertexId === null ? 'nowhere' : `${failure.vertexId}${failure.subtask ?? ''}`;
      return `${state} ${failure.error.code} at ${where}`;
    }
    default:
      return effect.kind;
  }
}

/** `job/r/0/0` → `r0` */
function short(attemptId: string): string {
  const [, vertex, subtask] = attemptId.split('/');
  return `${vertex}${subtask}`;
}

function error(code: ErrorCode): SerializedError {
  return { code, message: code, domain: 'external', retry: 'none', context: {}, causes: [] };
}
