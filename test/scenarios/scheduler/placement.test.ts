import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schedule } from '../../../jobmanager/scheduler/scheduler.ts';
import type { SlotOffer } from '../../../jobmanager/scheduler/slots.ts';
import type { JobVertex } from '../../../shared/job-graph/job-graph.ts';
import { countVertex, pipeline } from '../../support/jobmanager/job-graphs.ts';

/**
 * Slots: `a cpu cpu` is a task manager with two cpu slots, `-cpu` a taken one, `zone=x` a label.
 * Vertices: name, then any of `gpu`, `gpu|cpu` (falls back), `p=2`, `max=2`, `zone=x`.
 * Placement: the slot of subtask 0, 1, … of each vertex; `~` where more slots would widen it.
 */
const SCENARIOS: readonly (readonly [
  when: string,
  slots: string,
  vertices: string,
  then: string,
])[] = [
  ['one slot, one adaptive vertex', 'a cpu', 'v', '~ v: a0'],
  ['several task managers', 'a cpu cpu; b cpu cpu', 'v', '~ v: a0 b0 a1 b1'],
  ['the freest task manager comes first', 'a cpu; b cpu cpu', 'v', '~ v: b0 a0 b1'],
  ['vertices share slots', 'a cpu; b cpu', 'v; w', '~ v: a0 b0, w: a0 b0'],
  ['explicit parallelism is spread', 'a cpu cpu; b cpu cpu', 'v p=2', 'v: a0 b0'],
  ['a narrow vertex shares too', 'a cpu; b cpu', 'v; w p=1', '~ v: a0 b0, w: a0'],
  ['most parallelism', 'a cpu cpu cpu', 'v max=2', '~ v: a0 a1'],
  ['too few slots', 'a cpu cpu', 'v p=4', 'needs 4 cpu slots, 2 free'],
  ['too few free slots', 'a cpu -cpu -cpu', 'v p=2', 'needs 2 cpu slots, 1 free'],
  ['only taken slots', 'a -cpu', 'v', 'needs 1 cpu slot, 0 free'],
  ['no task manager', '', 'v', 'needs 1 cpu slot, none registered'],
  ['a gpu vertex goes to the gpu slot', 'a cpu; g gpu', 'v; w gpu', '~ v: a0, w: g0'],
  ['a gpu vertex without a gpu slot', 'a cpu', 'v; w gpu', 'needs 1 gpu slot, none registered'],
  ['a gpu vertex that falls back', 'a cpu; b cpu', 'v; w gpu|cpu', '~ v: a0 b0, w: a0 b0'],
  ['a fallback that is not needed', 'a cpu; g gpu', 'v gpu|cpu', '~ v: g0'],
  ['a fallback waits for taken gpus', 'a cpu; g -gpu', 'v gpu|cpu', 'needs 1 gpu slot, 0 free'],
  ['a cpu vertex with gpu slots only', 'g gpu gpu', 'v; w gpu', '~ v: g0 g1, w: g0 g1'],
  ['a cpu vertex spares the gpus', 'a cpu; g gpu', 'v', '~ v: a0'],
  ['labels', 'a cpu; b zone=x cpu', 'v zone=x', '~ v: b0'],
  ['a label that nobody has', 'a cpu', 'v zone=x', 'needs 1 cpu slot with zone=x, none registered'],
  [
    'the only labelled slot is kept for who needs it',
    'a zone=x cpu; b cpu',
    'v; w zone=x',
    '~ v: b0, w: a0',
  ],
  [
    'groups share what is left',
    'a zone=x cpu cpu cpu; b cpu',
    'v; w zone=x',
    '~ v: b0 a1, w: a0 a2',
  ],
  [
    'two groups that together need too much',
    'a zone=x cpu cpu',
    'v p=2; w zone=x',
    'needs 2 cpu slots, 2 free; needs 1 cpu slot with zone=x, 2 free',
  ],
];

for (const [when, slots, vertices, then] of SCENARIOS) {
  test(`when ${when} (${slots}), then ${vertices} becomes ${then}`, () => {
    assert.equal(placement(parseVertices(vertices), parseSlots(slots)), then);
  });
}

function placement(vertices: readonly JobVertex[], slots: readonly SlotOffer[]): string {
  const decision = schedule(pipeline(vertices), slots);
  if (decision.kind === 'waiting') return decision.reason;
  const placed = [...decision.plan].map(([id, taken]) => {
    const names = taken.map((slot) => `${slot.taskManagerId}${slot.slotIndex}`);
    return `${id}: ${names.join(' ')}`;
  });
  return `${decision.adaptive ? '~ ' : ''}${placed.join(', ')}`;
}

function parseSlots(text: string): SlotOffer[] {
  return parts(text).flatMap((part) => {
    const [taskManagerId = '', ...words] = part.split(' ');
    const labels = parseLabels(words);
    return words
      .filter((word) => !word.includes('='))
      .map((word, slotIndex) => ({
        taskManagerId,
        hostName: 'host',
        slotIndex,
        device: word.endsWith('gpu') ? ('gpu' as const) : ('cpu' as const),
        labels,
        dataAddress: { taskManagerId, host: '127.0.0.1', port: 1 },
        free: !word.startsWith('-'),
      }));
  });
}

function parseVertices(text: string): JobVertex[] {
  return parts(text).map((part) => {
    const [id = '', ...words] = part.split(' ');
    const { p, max, ...labels } = parseLabels(words);
    return countVertex(id, {
      labels,
      parallelism: p === undefined ? null : Number(p),
      maxParallelism: max === undefined ? 128 : Number(max),
      device: words.some((word) => word.startsWith('gpu')) ? 'gpu' : 'cpu',
      fallback: words.includes('gpu|cpu') ? 'cpu' : 'none',
    });
  });
}

function parseLabels(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string]),
  );
}

function parts(text: string): string[] {
  return text === '' ? [] : text.split('; ');
}
