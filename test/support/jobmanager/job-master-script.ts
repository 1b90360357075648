import assert from 'node:assert/strict';
import type { JobEffect, JobEvent } from '../../../jobmanager/job-master/job-events.ts';
import { JobMaster } from '../../../jobmanager/job-master/job-master.ts';
import type { SchedulePlan } from '../../../jobmanager/scheduler/scheduler.ts';
import type { SlotOffer } from '../../../jobmanager/scheduler/slots.ts';
import type { RestartSettings } from '../../../shared/checkpoint/checkpoint-settings.ts';
import type { ErrorCode } from '../../../shared/errors/codes.ts';
import type { SerializedError } from '../../../shared/errors/sluice-error.ts';
import { edge, pipeline, sinkVertex, sourceVertex } from './job-graphs.ts';

/**
 * A job of `r` (the source) and `w` (the sink), two subtasks each: 0 on task manager `a`, 1 on `b`;
 * r0 feeds w0 and r1 feeds w1 and nobody else (`forward`), or everybody feeds everybody (`all`).
 * Each step is an event, then the state and the effects that follow it; `r1.2` is attempt 2 of r1:
 *
 *   slots <tm of 0> <tm of 1>    one subtask of each vertex where there is one task manager
 *   otherwise                    no slots in place of the lost ones, but others
 *   rescale-wanted <reason>, rescale, rescale-dropped, stop, cancel
 *   splits no|yes, progress, ending, checkpoints, source <code>, lost <tm>, timer <name>
 *   <task>[@<tm>] <STATE> [code]
 */
export type Step = readonly [event: string, then: string];
export type Shape = 'forward' | 'all';

export const UP: readonly Step[] = [
  ['submitted', 'WAITING_FOR_RESOURCES: set resources'],
  [
    'slots a b',
    'RUNNING: clear resources, start-sources, attempts-changed, ' +
      'deploy r0.0@a, deploy r1.0@b, deploy w0.0@a, deploy w1.0@b',
  ],
  ['r0.0 RUNNING', 'RUNNING:'],
  ['r1.0 RUNNING', 'RUNNING:'],
  ['w0.0 RUNNING', 'RUNNING:'],
  ['w1.0 RUNNING', 'RUNNING: all-running'],
];

export const WAIT = 'clear cancellation, set resources, request-slots';
export const END_RESTART = 'clear restart-delay, clear replacement';
export const CLEAR = 'clear resources, clear failure-grace, clear cancellation';

const EXPONENTIAL: RestartSettings = {
  strategy: 'exponential-delay',
  initialDelayMs: 100,
  delayMaxMs: 1_000,
  factor: 2,
  resetAfterMs: 10_000,
};

export function newMaster(shape: Shape, restart: RestartSettings = EXPONENTIAL): JobMaster {
  const vertices = [sourceVertex('r'), sinkVertex('w')];
  const jobGraph =
    shape === 'all'
      ? pipeline(vertices)
      : { ...pipeline(vertices), edges: [edge('r', 'w', { kind: 'forward' })] };
  return new JobMaster({
    jobId: 'job',
    jobGraph,
    resourceTimeoutMs: 1_000,
    failureGraceMs: 100,
    cancellationTimeoutMs: 3_000,
    restart,
  });
}

export function play(master: JobMaster, steps: readonly Step[]): void {
  for (const [event, then] of steps) {
    const effects = step(master, event);
    assert.equal(`${master.state}: ${effects.join(', ')}`.trimEnd(), then, `after "${event}"`);
  }
}

export function step(master: JobMaster, event: string): string[] {
  return master.step(parseEvent(event), 0).map(describe);
}

export function outcomes(master: JobMaster): string[] {
  return master.exceptions.map(({ outcome, error: { code } }) => `${outcome} ${code}`);
}

function parseEvent(text: string): JobEvent {
  const [word = '', first = '', second = ''] = text.split(' ');
  switch (word) {
    case 'submitted':
    case 'cancel':
    case 'stop':
    case 'ending':
    case 'rescale':
    case 'rescale-dropped':
      return { kind: word };
    case 'rescale-wanted':
      return { kind: word, reason: first };
    case 'progress':
      return { kind: 'checkpoint-completed' };
    case 'waiting':
    case 'otherwise':
      return { kind: 'waiting', reason: 'needs 1 cpu slot', otherwise: word === 'otherwise' };
    case 'slots':
      return { kind: 'slots-assigned', plan: plan(text.split(' ').slice(1)) };
    case 'splits':
      return { kind: 'splits-tracked', complete: first === 'yes' };
    case 'checkpoints':
      return { kind: 'checkpoints-failed', error: error('STORAGE_UNAVAILABLE') };
    case 'source':
      return { kind: 'source-failed', operatorId: 'r', error: error(first as ErrorCode) };
    case 'timer':
      return { kind: 'timer', timer: first as 'resources' };
    case 'lost':
      return { kind: 'task-manager-lost', taskManagerId: first, error: error('TASK_MANAGER_LOST') };
    default:
      return taskState(word, first, second);
  }
}

function taskState(task: string, state: string, code: string): JobEvent {
  const match = /^(\w)(\d)\.(\d+)(?:@(\w))?$/.exec(task);
  assert.ok(match !== null, `"${task}" is a task`);
  const [, vertex, subtask, attempt, taskManagerId] = match;
  return {
    kind: 'task-state',
    attemptId: `job/${vertex}/${subtask}/${attempt}`,
    taskManagerId: taskManagerId ?? (subtask === '0' ? 'a' : 'b'),
    state: state as 'RUNNING',
    error: code === '' ? null : error(code as ErrorCode),
  };
}

function plan(taskManagerIds: readonly string[]): SchedulePlan {
  const slots = taskManagerIds.map(
    (taskManagerId): SlotOffer => ({
      taskManagerId,
      hostName: `host-${taskManagerId}`,
      slotIndex: 0,
      device: 'cpu',
      labels: {},
      dataAddress: { taskManagerId, host: '127.0.0.1', port: 1 },
      free: true,
    }),
  );
  return new Map([
    ['r', slots],
    ['w', slots],
  ]);
}

function describe(effect: JobEffect): string {
  switch (effect.kind) {
    case 'deploy':
      return `deploy ${short(effect.deployment.attemptId)}@${effect.taskManagerId}`;
    case 'cancel-task':
      return `cancel ${short(effect.attemptId)}@${effect.taskManagerId}`;
    case 'attempt-ended':
      return `ended ${short(effect.attemptId)}`;
    case 'reset-subtask':
      return `reset ${short(effect.attemptId)}`;
    case 'release-slot':
      return `release ${effect.slot.taskManagerId}`;
    case 'set-timer':
      return `set ${effect.timer}${effect.timer === 'restart-delay' ? ` ${effect.delayMs}` : ''}`;
    case 'clear-timer':
      return `clear ${effect.timer}`;
    case 'ended':
      return effect.failure === null
        ? effect.state
        : `${effect.state} ${effect.failure.error.code}`;
    default:
      return effect.kind;
  }
}

/** `job/r/0/1` → `r0.1` */
function short(attemptId: string): string {
  const [, vertex, subtask, attempt] = attemptId.split('/');
  return `${vertex}${subtask}.${attempt}`;
}

function error(code: ErrorCode): SerializedError {
  const domain = code === 'MODEL_INVALID' ? 'user' : 'external';
  return { code, message: code, domain, retry: 'none', context: {}, causes: [] };
}
