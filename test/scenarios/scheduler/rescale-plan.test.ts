import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planRescale } from '../../../jobmanager/scheduler/rescale-plan.ts';
import { type SlotOffer, slotKey } from '../../../jobmanager/scheduler/slots.ts';
import type { JobGraph } from '../../../shared/job-graph/job-graph.ts';
import { pipeline, sinkVertex, sourceVertex } from '../../support/jobmanager/job-graphs.ts';

/** `a0` is slot 0 of task manager a; `a0!` one that is taken; `g0:gpu` one with a GPU. */
function slot(text: string): SlotOffer {
  const [name = ''] = text.replace('!', '').split(':');
  const taskManagerId = name[0] ?? '';
  return {
    taskManagerId,
    hostName: `host-${taskManagerId}`,
    slotIndex: Number(name[1]),
    device: text.includes(':gpu') ? 'gpu' : 'cpu',
    labels: {},
    dataAddress: { taskManagerId, host: '127.0.0.1', port: 1 },
    free: !text.endsWith('!'),
  };
}

/** Of a job whose vertices all run in the slots of `current`. */
function rescale(options: {
  readonly jobGraph?: JobGraph;
  readonly current: string;
  /** All slots, its own as taken ones. */
  readonly slots: string;
  readonly draining?: string;
  readonly mayGrow?: boolean;
}): string {
  const { jobGraph = ADAPTIVE, mayGrow = true } = options;
  const current = options.current.split(' ').map(slot);
  const draining = new Set([...(options.draining ?? '')]);
  const decision = planRescale({
    jobGraph,
    current: new Map(jobGraph.vertices.map(({ id }) => [id, current])),
    registered: options.slots
      .split(' ')
      .map(slot)
      .filter(({ taskManagerId }) => !draining.has(taskManagerId)),
    held: new Set(current.map(slotKey)),
    draining,
    mayGrow,
  });
  if (decision.kind === 'stay') return 'stay';
  if (decision.kind === 'stuck') return `stuck: ${decision.reason}`;
  const slots = [...decision.plan].map(
    ([id, list]) => `${id} ${list.map((one) => slotKey(one).replace('#', '')).join(' ')}`,
  );
  return `${decision.reason}: ${slots.join(', ')}`;
}

const ADAPTIVE = pipeline([sourceVertex('r'), sinkVertex('w')]);
const FIXED = pipeline([
  sourceVertex('r', { parallelism: 2 }),
  sinkVertex('w', { parallelism: 2 }),
]);

test('when slots come, then an adaptive job would grow into all of them', () => {
  assert.equal(
    rescale({ current: 'a0 a1', slots: 'a0! a1! b0 b1' }),
    'r: 2 → 4, w → w-rejected: 2 → 4: r a0 b0 a1 b1, w a0 b0 a1 b1',
  );
});

test('when slots come that it cannot use, then it stays', () => {
  assert.equal(rescale({ current: 'a0', slots: 'a0!' }), 'stay');
  assert.equal(rescale({ current: 'a0', slots: 'a0! b0!' }), 'stay', 'another job has them');
  assert.equal(rescale({ current: 'a0', slots: 'a0! g0:gpu g1:gpu' }), 'stay', 'of another kind');
  assert.equal(rescale({ jobGraph: FIXED, current: 'a0 a1', slots: 'a0! a1! b0 b1' }), 'stay');
  const capped = pipeline([sourceVertex('r', { maxParallelism: 2 })]);
  assert.equal(rescale({ jobGraph: capped, current: 'a0 a1', slots: 'a0! a1! b0' }), 'stay');
  assert.equal(rescale({ current: 'a0', slots: 'a0! b0', mayGrow: false }), 'stay');
});

test('when a GPU would take the place of more CPU slots, then nothing is lost for it', () => {
  const vertices = [sourceVertex('r', { device: 'gpu', fallback: 'cpu' }), sinkVertex('w')];
  const jobGraph = pipeline(vertices);
  assert.equal(rescale({ jobGraph, current: 'a0 a1', slots: 'a0! a1! b0 g0:gpu' }), 'stay');
});

test('when a task manager drains, then the job moves to the others, at their parallelism', () => {
  assert.equal(
    rescale({ current: 'a0 a1', slots: 'a0! a1! b0', draining: 'a' }),
    'a drains: r b0, w b0',
  );
  assert.equal(
    rescale({ current: 'a0 b0', slots: 'a0! b0! c0', draining: 'ab', mayGrow: false }),
    'a, b drain: r c0, w c0',
  );
  assert.equal(
    rescale({ jobGraph: FIXED, current: 'a0 b0', slots: 'a0! b0! c0', draining: 'a' }),
    'a drains: r b0 c0, w b0 c0',
  );
});

test('when the others do not suffice, then it is stuck and says what it needs', () => {
  assert.equal(
    rescale({ jobGraph: FIXED, current: 'a0 b0', slots: 'a0! b0! c0!', draining: 'a' }),
    'stuck: needs 2 cpu slots, 1 free',
    'the one that it has elsewhere is free for it',
  );
  assert.equal(
    rescale({ current: 'a0', slots: 'a0!', draining: 'a' }),
    'stuck: needs 1 cpu slot, none registered',
  );
});

test('when a task manager drains on which it does not run, then it stays', () => {
  assert.equal(rescale({ current: 'a0', slots: 'a0! b0', draining: 'b' }), 'stay');
});
