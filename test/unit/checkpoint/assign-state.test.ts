import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  assertRestorable,
  enumeratorHandle,
  taskRestore,
} from '../../../jobmanager/checkpoint/assign-state.ts';
import type { CheckpointMetadata } from '../../../shared/checkpoint/checkpoint-metadata.ts';
import type {
  KeyedStateSegment,
  ListStateMode,
  SubtaskSnapshot,
} from '../../../shared/checkpoint/snapshot.ts';
import type { StateHandle } from '../../../shared/checkpoint/state-handle.ts';
import type { JobGraph, JobVertex } from '../../../shared/job-graph/job-graph.ts';
import { keyGroupRangeOf } from '../../../shared/key-groups/key-group-assignment.ts';
import { edge } from '../../support/jobmanager/job-graphs.ts';

function vertex(id: string, operators: readonly string[], maxParallelism = 128): JobVertex {
  return {
    id,
    name: id,
    operators: operators.map((operator, index) => ({
      id: operator,
      kind: 'sink/blackhole',
      options: {} as never,
      chainedTo: index === 0 ? null : (operators[index - 1] ?? null),
    })),
    parallelism: null,
    maxParallelism,
    resources: { device: 'cpu', labels: {}, fallback: 'none' },
  };
}

const graph = (...vertices: JobVertex[]): JobGraph => ({
  name: 'test',
  vertices,
  edges: vertices.slice(1).map((target, index) => edge(vertices[index]!.id, target.id)),
  bounded: true,
});

const inline = (text: string): StateHandle => ({ kind: 'inline', base64: text });

function listState(operator: string, mode: ListStateMode, text: string, entries = 2) {
  const lists = { items: { mode, handle: inline(text), entries } };
  return { operators: { [operator]: { lists, keyed: {} } }, channels: [] };
}

/** All key groups of a subtask, ten bytes each. */
function keyedState(operator: string, subtask: number, parallelism: number): SubtaskSnapshot {
  const range = keyGroupRangeOf(subtask, { parallelism, maxParallelism: 128 });
  const segment = segmentOf(`base-${subtask}`, range.first, range.last);
  const keyed = { counts: { segments: [segment] } };
  return { operators: { [operator]: { lists: {}, keyed } }, channels: [] };
}

function segmentOf(name: string, first: number, last: number): KeyedStateSegment {
  const offsets = Array.from({ length: last - first + 2 }, (_, index) => (first + index) * 10);
  return { kind: 'base', firstKeyGroup: first, offsets, handle: inline(name) };
}

function metadataOf(
  vertices: Readonly<Record<string, readonly SubtaskSnapshot[]>>,
  more: Partial<CheckpointMetadata> = {},
): CheckpointMetadata {
  return {
    version: 1,
    sluiceVersion: '0',
    jobId: 'job',
    jobName: 'test',
    checkpointId: 7,
    purpose: 'savepoint',
    triggeredAtMs: 0,
    completedAtMs: 1,
    unaligned: false,
    vertices: Object.entries(vertices).map(([vertexId, subtasks]) => ({
      vertexId,
      maxParallelism: 128,
      subtasks,
    })),
    enumerators: {},
    ...more,
  };
}

const base64 = (handles: readonly StateHandle[]): string[] =>
  handles.map((handle) => (handle.kind === 'inline' ? handle.base64 : handle.uri));

describe('list state', () => {
  const a = vertex('a', ['a']);
  const cases: readonly (readonly [ListStateMode, number, string])[] = [
    ['split', 2, '0: x; 1: y'],
    ['split', 3, '0: x y 0/3; 1: x y 1/3; 2: x y 2/3'],
    ['split', 1, '0: x y 0/1'],
    ['union', 2, '0: x y; 1: x y'],
    ['union', 3, '0: x y; 1: x y; 2: x y'],
    ['broadcast', 2, '0: x; 1: y'],
    ['broadcast', 3, '0: x; 1: y; 2: x'],
  ];
  for (const [mode, parallelism, expected] of cases) {
    it(`when ${mode} state of 2 subtasks is restored by ${parallelism}, then it is ${expected}`, () => {
      const metadata = metadataOf({ a: [listState('a', mode, 'x'), listState('a', mode, 'y')] });
      const found = Array.from({ length: parallelism }, (_, subtask) => {
        const restore = taskRestore(metadata, { vertex: a, subtask, parallelism });
        assert.equal(restore.checkpointId, 7);
        const list = restore.operators['a']!.lists['items']!;
        const deal = list.deal === null ? '' : ` ${list.deal.index}/${list.deal.of}`;
        return `${subtask}: ${base64(list.handles).join(' ')}${deal}`;
      });
      assert.equal(found.join('; '), expected);
    });
  }

  it('when an operator is chained elsewhere now, then its state follows it', () => {
    const metadata = metadataOf({ a: [listState('b', 'split', 'x')] });
    const place = { vertex: vertex('c', ['c', 'b']), subtask: 0, parallelism: 1 };
    const { operators } = taskRestore(metadata, place);
    assert.deepEqual(Object.keys(operators), ['b']);
    assert.deepEqual(base64(operators['b']!.lists['items']!.handles), ['x']);
  });

  it('when subtasks had none, then there is none for them, and the others keep theirs', () => {
    const empty: SubtaskSnapshot = { operators: {}, channels: [] };
    const metadata = metadataOf({ a: [empty, listState('a', 'split', 'y')] });
    const restore = (subtask: number) =>
      taskRestore(metadata, { vertex: a, subtask, parallelism: 2 }).operators['a']!.lists['items']!;
    assert.deepEqual(restore(0).handles, []);
    assert.deepEqual(base64(restore(1).handles), ['y']);
  });
});

describe('keyed state', () => {
  for (const [was, is] of [
    [2, 2],
    [2, 3],
    [2, 5],
    [3, 1],
    [5, 2],
  ] as const) {
    it(`when ${was} subtasks wrote it and ${is} restore it, then each key group has one owner`, () => {
      const subtasks = Array.from({ length: was }, (_, subtask) => keyedState('a', subtask, was));
      const metadata = metadataOf({ a: subtasks });
      const owners = new Map<number, number>();
      for (let subtask = 0; subtask < is; subtask += 1) {
        const place = { vertex: vertex('a', ['a']), subtask, parallelism: is };
        const range = keyGroupRangeOf(subtask, { parallelism: is, maxParallelism: 128 });
        const handles = taskRestore(metadata, place).operators['a']!.keyed['counts']!;
        for (const { firstKeyGroup, offsets } of handles.flatMap(({ segments }) => segments)) {
          for (let index = 0; index < offsets.length - 1; index += 1) {
            const group = firstKeyGroup + index;
            assert.ok(group >= range.first && group <= range.last);
            assert.equal(offsets[index], group * 10);
            assert.ok(!owners.has(group), `${group} once`);
            owners.set(group, subtask);
          }
        }
      }
      assert.equal(owners.size, 128);
    });
  }

  it('when a segment is older than the last rescaling, then only what its writer owned counts', () => {
    // Subtask 1 of 2 still refers to a segment of all key groups.
    const all = segmentOf('old', 0, 127);
    const state = (segments: KeyedStateSegment[]): SubtaskSnapshot => ({
      operators: { a: { lists: {}, keyed: { counts: { segments } } } },
      channels: [],
    });
    const metadata = metadataOf({ a: [state([segmentOf('new', 0, 63)]), state([all])] });
    const restore = taskRestore(metadata, {
      vertex: vertex('a', ['a']),
      subtask: 0,
      parallelism: 1,
    });
    const segments = restore.operators['a']!.keyed['counts']!.flatMap((handle) => handle.segments);
    assert.deepEqual(
      segments.map(({ firstKeyGroup, offsets, handle }) => [
        base64([handle])[0],
        firstKeyGroup,
        firstKeyGroup + offsets.length - 2,
      ]),
      [
        ['new', 0, 63],
        ['old', 64, 127],
      ],
    );
  });

  it('when maxParallelism is another, then it is refused', () => {
    const metadata = metadataOf({ a: [keyedState('a', 0, 1)] });
    const changed = vertex('a', ['a'], 256);
    const mismatch = { code: 'CHECKPOINT_MISMATCH', message: /a lies in 128 key groups.*256/ };
    const options = { allowDroppedState: true };
    assert.throws(() => assertRestorable(metadata, graph(changed), options), mismatch);
    assert.throws(
      () => taskRestore(metadata, { vertex: changed, subtask: 0, parallelism: 1 }),
      mismatch,
    );
  });
});

describe('a changed pipeline', () => {
  const metadata = metadataOf(
    {
      a: [listState('a', 'split', 'x'), listState('a', 'split', 'y')],
      b: [keyedState('b', 0, 1)],
      c: [listState('c', 'split', 'z', 0)],
    },
    { enumerators: { source: inline('e') } },
  );

  it('when operators of the checkpoint are missing, then they are named with their state', () => {
    assert.throws(
      () => assertRestorable(metadata, graph(vertex('a', ['a'])), { allowDroppedState: false }),
      { code: 'CHECKPOINT_MISMATCH', message: /: source \(enumerator\); b \(counts\)\.$/ },
    );
  });

  it('when the state may be dropped, or the operators are there, then it is accepted', () => {
    assertRestorable(metadata, graph(vertex('a', ['a'])), { allowDroppedState: true });
    const complete = graph(vertex('source', ['source', 'new']), vertex('x', ['b', 'a']));
    assertRestorable(metadata, complete, { allowDroppedState: false });
  });

  it('when an operator is new, then it starts from nothing', () => {
    const place = { vertex: vertex('n', ['n']), subtask: 0, parallelism: 4 };
    assert.deepEqual(taskRestore(metadata, place), {
      checkpointId: 7,
      operators: {},
      channels: [],
    });
    assert.equal(enumeratorHandle(metadata, 'n'), null);
    assert.equal(enumeratorHandle(metadata, 'toString'), null);
    assert.deepEqual(enumeratorHandle(metadata, 'source'), inline('e'));
  });
});

describe('an unaligned checkpoint', () => {
  const channel = { direction: 'input', channel: 0, buffers: [inline('bytes')] } as const;
  const snapshot: SubtaskSnapshot = { operators: {}, channels: [{ ...channel, edgeId: 'a->b' }] };
  const metadata = metadataOf({ a: [snapshot], b: [snapshot] }, { unaligned: true });
  const b = vertex('b', ['b']);

  it('when the parallelism is the same, then each subtask gets its buffers back', () => {
    const { channels } = taskRestore(metadata, { vertex: b, subtask: 0, parallelism: 1 });
    assert.deepEqual(channels, snapshot.channels);
  });

  it('when the parallelism is another, then it is refused', () => {
    assert.throws(() => taskRestore(metadata, { vertex: b, subtask: 0, parallelism: 2 }), {
      code: 'CHECKPOINT_MISMATCH',
      message: /unaligned.*b: 1, now 2/,
    });
  });

  it('when an exchange is gone, then it is refused', () => {
    const options = { allowDroppedState: true };
    assertRestorable(metadata, graph(vertex('a', ['a']), b), options);
    assert.throws(() => assertRestorable(metadata, graph(vertex('c', ['c']), b), options), {
      code: 'CHECKPOINT_MISMATCH',
      message: /no longer has the exchange a->b/,
    });
  });
});
