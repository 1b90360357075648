import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planAnew, planRestart } from '../../../jobmanager/scheduler/restart-plan.ts';
import type { SchedulePlan } from '../../../jobmanager/scheduler/scheduler.ts';
import { type SlotOffer, slotKey } from '../../../jobmanager/scheduler/slots.ts';
import type { JobGraph, JobVertex } from '../../../shared/job-graph/job-graph.ts';
import {
  countVertex,
  pipeline,
  sinkVertex,
  sourceVertex,
} from '../../support/jobmanager/job-graphs.ts';

/** `a0` is slot 0 of task manager a, `a0!` one that is taken, `g0:gpu` and `z0:zone=1` what they say. */
function slot(text: string): SlotOffer {
  const [name = '', more = ''] = text.replace('!', '').split(':');
  const taskManagerId = name[0] ?? '';
  const [label, value] = more.split('=');
  return {
    taskManagerId,
    hostName: `host-${taskManagerId}`,
    slotIndex: Number(name[1]),
    device: more === 'gpu' ? 'gpu' : 'cpu',
    labels: label !== undefined && value !== undefined ? { [label]: value } : {},
    dataAddress: { taskManagerId, host: '127.0.0.1', port: 1 },
    free: !text.endsWith('!'),
  };
}

function planOf(vertices: Readonly<Record<string, string>>): SchedulePlan {
  return new Map(
    Object.entries(vertices).map(([id, slots]) => [id, slots.split(' ').map(slot)] as const),
  );
}

function textOf(plan: SchedulePlan): Record<string, string> {
  return Object.fromEntries(
    [...plan].map(([id, slots]) => [
      id,
      slots.map((one) => slotKey(one).replace('#', '')).join(' '),
    ]),
  );
}

function restart(options: {
  readonly jobGraph?: JobGraph;
  readonly current: Readonly<Record<string, string>>;
  readonly registered: string;
  readonly held: string;
  readonly isAffected?: (vertex: JobVertex, subtask: number) => boolean;
}) {
  const decision = planRestart({
    jobGraph: options.jobGraph ?? GRAPH,
    current: planOf(options.current),
    isAffected: options.isAffected ?? (() => true),
    registered: options.registered.split(' ').map(slot),
    held: new Set(options.held.split(' ').map((name) => slotKey(slot(name)))),
  });
  return decision.kind === 'placed' ? textOf(decision.plan) : decision;
}

const GRAPH = pipeline([sourceVertex('r'), sinkVertex('w')]);
const CURRENT = { r: 'a0 b0', w: 'a0 b0' };

test('when no slot is lost, then everything starts where it was', () => {
  assert.deepEqual(restart({ current: CURRENT, registered: 'a0! b0! c0', held: 'a0 b0' }), CURRENT);
});

test('when a slot is lost, then what shared it shares another one', () => {
  assert.deepEqual(restart({ current: CURRENT, registered: 'a0! c0 c1', held: 'a0' }), {
    r: 'a0 c0',
    w: 'a0 c0',
  });
});

test('when the task manager came back under its name, then its free slot is taken', () => {
  assert.deepEqual(restart({ current: CURRENT, registered: 'a0! b0', held: 'a0' }), CURRENT);
});

test('when only a region starts again, then the others stay, wherever they are', () => {
  const isAffected = (_vertex: JobVertex, subtask: number) => subtask === 1;
  const moved = { current: CURRENT, registered: 'a0! c0', held: 'a0', isAffected };
  assert.deepEqual(restart(moved), { r: 'a0 c0', w: 'a0 c0' });
  // The slot of the other region is not the job's any more, but still works for it.
  assert.deepEqual(restart({ ...moved, held: 'b0', registered: 'a0! b0! c0' }), CURRENT);
});

test('when slots are missing, then the job waits, and hears whether it could do with less', () => {
  assert.deepEqual(restart({ current: CURRENT, registered: 'a0!', held: 'a0' }), {
    kind: 'waiting',
    reason: 'needs 1 cpu slot in place of a lost one, 0 free',
    otherwise: true,
  });
  const fixed = pipeline([sourceVertex('r', { parallelism: 2 }), sinkVertex('w')]);
  const short = restart({ jobGraph: fixed, current: CURRENT, registered: 'a0!', held: 'a0' });
  assert.equal('otherwise' in short && short.otherwise, false);
});

test('when the lost slot had a label or a device, then its replacement has them too', () => {
  const labelled = pipeline([sourceVertex('r', { labels: { zone: '1' } })]);
  const lost = { jobGraph: labelled, current: { r: 'a0:zone=1' }, held: 'x0' };
  assert.deepEqual(restart({ ...lost, registered: 'b0 z0:zone=1' }), { r: 'z0' });
  const mixed = pipeline([sourceVertex('r'), countVertex('c', { device: 'gpu', fallback: 'cpu' })]);
  const device = { jobGraph: mixed, current: { r: 'a0', c: 'g0:gpu' }, held: 'a0' };
  assert.deepEqual(restart({ ...device, registered: 'a0! b0 h0:gpu' }), { r: 'a0', c: 'h0' });
  const waiting = restart({ ...device, registered: 'a0! b0' });
  assert.equal('otherwise' in waiting && waiting.otherwise, true, 'all of it fits on cpu slots');
});

test('when the whole job starts anew, then its own slots count as free', () => {
  const registered = ['a0!', 'b0!', 'c0'].map(slot);
  const decision = planAnew({ jobGraph: GRAPH, registered, held: new Set(['a#0']) });
  assert.ok(decision.kind === 'placed');
  assert.deepEqual(textOf(decision.plan), { r: 'a0 c0', w: 'a0 c0' });
});
