/**
 * Which state each subtask starts from: the metadata of a checkpoint put onto a job graph, which may
 * have other operators, chains and parallelisms than the one that wrote it. State is found by the
 * operator's id (the node's name), wherever it is chained now. Pure functions.
 */
import type {
  CheckpointMetadata,
  VertexSnapshot,
} from '../../shared/checkpoint/checkpoint-metadata.ts';
import type {
  KeyedStateHandle,
  KeyedStateSegment,
  ListRestore,
  ListStateHandle,
  OperatorRestore,
  OperatorSubtaskState,
  SubtaskSnapshot,
  TaskRestore,
} from '../../shared/checkpoint/snapshot.ts';
import type { StateHandle } from '../../shared/checkpoint/state-handle.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { JobGraph, JobVertex } from '../../shared/job-graph/job-graph.ts';
import {
  type KeyGroupRange,
  keyGroupRangeOf,
} from '../../shared/key-groups/key-group-assignment.ts';

export interface SubtaskPlace {
  readonly vertex: JobVertex;
  readonly subtask: number;
  readonly parallelism: number;
}

/**
 * What the subtask restores. Throws CHECKPOINT_MISMATCH where the state cannot be had at this
 * parallelism.
 */
export function taskRestore(metadata: CheckpointMetadata, place: SubtaskPlace): TaskRestore {
  const operators: Record<string, OperatorRestore> = {};
  for (const { id } of place.vertex.operators) {
    const source = metadata.vertices.find((vertex) => hasState(vertex, id));
    if (source !== undefined) operators[id] = operatorRestore(source, id, place);
  }
  return {
    checkpointId: metadata.checkpointId,
    operators,
    channels: channelsOf(metadata, place),
  };
}

/** The enumerator's state of a source; null where there is none: it begins anew. */
export function enumeratorHandle(
  metadata: CheckpointMetadata,
  operatorId: string,
): StateHandle | null {
  return Object.hasOwn(metadata.enumerators, operatorId)
    ? (metadata.enumerators[operatorId] ?? null)
    : null;
}

/**
 * Before a job starts from a checkpoint: throws CHECKPOINT_MISMATCH, with the names, where it holds
 * state that the graph has no operator for (unless it may be dropped), keyed state of another
 * `maxParallelism`, or buffers in flight that the graph's exchanges cannot take up.
 */
export function assertRestorable(
  metadata: CheckpointMetadata,
  jobGraph: JobGraph,
  options: { readonly allowDroppedState: boolean },
): void {
  const present = new Map(
    jobGraph.vertices.flatMap((vertex) => vertex.operators.map(({ id }) => [id, vertex] as const)),
  );
  const missing = stateNames(metadata).filter(({ operatorId }) => !present.has(operatorId));
  if (missing.length > 0 && !options.allowDroppedState) throw missingState(missing);
  for (const { vertexId, maxParallelism, subtasks } of metadata.vertices) {
    for (const operatorId of operatorIds(subtasks)) {
      const vertex = present.get(operatorId);
      if (vertex !== undefined && isKeyed(subtasks, operatorId)) {
        checkMaxParallelism(operatorId, maxParallelism, vertex.maxParallelism);
      }
    }
    checkChannels(vertexId, subtasks, jobGraph);
  }
}

// One operator

function operatorRestore(source: VertexSnapshot, id: string, place: SubtaskPlace): OperatorRestore {
  const states = source.subtasks.map(({ operators }) => operators[id] ?? null);
  const lists: Record<string, ListRestore> = {};
  for (const name of names(states, 'lists')) {
    lists[name] = listRestore(
      states.map((state) => state?.lists[name] ?? null),
      place,
    );
  }
  const keyed: Record<string, readonly KeyedStateHandle[]> = {};
  for (const name of names(states, 'keyed')) {
    checkMaxParallelism(id, source.maxParallelism, place.vertex.maxParallelism);
    keyed[name] = keyedRestore(
      states.map((state) => state?.keyed[name] ?? null),
      place,
    );
  }
  return { lists, keyed };
}

/** `handles`: one for each subtask that wrote them. */
function listRestore(
  handles: readonly (ListStateHandle | null)[],
  { subtask, parallelism }: SubtaskPlace,
): ListRestore {
  const present = handles.filter((handle) => handle !== null);
  const mode = present[0]?.mode ?? 'split';
  switch (mode) {
    case 'broadcast': {
      // All the same, as far as they go: a new subtask takes anybody's.
      const own = handles[subtask] ?? present[subtask % present.length];
      return { handles: own === undefined ? [] : [own.handle], deal: null };
    }
    case 'union':
      return { handles: present.map(({ handle }) => handle), deal: null };
    case 'split': {
      if (handles.length === parallelism) {
        const own = handles[subtask] ?? null;
        return { handles: own === null ? [] : [own.handle], deal: null };
      }
      const all = present.filter(({ entries }) => entries > 0).map(({ handle }) => handle);
      return { handles: all, deal: { index: subtask, of: parallelism } };
    }
    default:
      return mode satisfies never;
  }
}

/**
 * Of each subtask that wrote: its segments, cut to the key groups that it owned (an incremental
 * segment may be older than the last change of parallelism, and hold more) and this subtask owns.
 */
function keyedRestore(
  handles: readonly (KeyedStateHandle | null)[],
  { vertex, subtask, parallelism }: SubtaskPlace,
): KeyedStateHandle[] {
  const { maxParallelism } = vertex;
  const range = keyGroupRangeOf(subtask, { parallelism, maxParallelism });
  return handles.flatMap((handle, writer) => {
    if (handle === null) return [];
    const owned = keyGroupRangeOf(writer, { parallelism: handles.length, maxParallelism });
    const both = {
      first: Math.max(range.first, owned.first),
      last: Math.min(range.last, owned.last),
    };
    const segments = handle.segments.flatMap((segment) => cutSegment(segment, both));
    return segments.length === 0 ? [] : [{ segments }];
  });
}

function cutSegment(segment: KeyedStateSegment, range: KeyGroupRange): KeyedStateSegment[] {
  const { firstKeyGroup, offsets } = segment;
  const first = Math.max(firstKeyGroup, range.first);
  const last = Math.min(firstKeyGroup + offsets.length - 2, range.last);
  if (first > last) return [];
  const cut = offsets.slice(first - firstKeyGroup, last - firstKeyGroup + 2);
  return [{ ...segment, firstKeyGroup: first, offsets: cut }];
}

// Buffers in flight

function channelsOf(metadata: CheckpointMetadata, place: SubtaskPlace): TaskRestore['channels'] {
  const { vertex, subtask, parallelism } = place;
  if (!metadata.unaligned) return [];
  const source = metadata.vertices.find(({ vertexId }) => vertexId === vertex.id);
  if (source === undefined) return [];
  if (source.subtasks.length !== parallelism) {
    throw mismatch(
      `The checkpoint is unaligned: buffers in flight cannot be dealt to another parallelism ` +
        `(${vertex.id}: ${source.subtasks.length}, now ${parallelism}).`,
      'Take a savepoint and start from that; savepoints are always aligned.',
    );
  }
  return source.subtasks[subtask]?.channels ?? [];
}

function checkChannels(
  vertexId: string,
  subtasks: readonly SubtaskSnapshot[],
  jobGraph: JobGraph,
): void {
  const edgeIds = new Set(
    jobGraph.edges
      .filter(({ sourceVertex, targetVertex }) => [sourceVertex, targetVertex].includes(vertexId))
      .map(({ id }) => id),
  );
  for (const { channels } of subtasks) {
    const lost = channels.find(({ edgeId, buffers }) => buffers.length > 0 && !edgeIds.has(edgeId));
    if (lost === undefined) continue;
    throw mismatch(
      `The checkpoint is unaligned, and the pipeline no longer has the exchange ${lost.edgeId} ` +
        'whose buffers it holds.',
      'Start the pipeline as it was, take a savepoint, and start the new one from that.',
    );
  }
}

// What there is

interface StateName {
  readonly operatorId: string;
  readonly what: string;
}

/** All state that is worth something; empty lists are not. */
function stateNames({ vertices, enumerators }: CheckpointMetadata): StateName[] {
  const found = Object.keys(enumerators).map((operatorId) => ({ operatorId, what: 'enumerator' }));
  for (const { subtasks } of vertices) {
    for (const operatorId of operatorIds(subtasks)) {
      const states = subtasks.map(({ operators }) => operators[operatorId] ?? null);
      const lists = [...names(states, 'lists')].filter((name) =>
        states.some((state) => (state?.lists[name]?.entries ?? 0) > 0),
      );
      for (const what of [...lists, ...names(states, 'keyed')]) found.push({ operatorId, what });
    }
  }
  return found;
}

function operatorIds(subtasks: readonly SubtaskSnapshot[]): Set<string> {
  return new Set(subtasks.flatMap(({ operators }) => Object.keys(operators)));
}

function hasState({ subtasks }: VertexSnapshot, operatorId: string): boolean {
  return subtasks.some(({ operators }) => Object.hasOwn(operators, operatorId));
}

function isKeyed(subtasks: readonly SubtaskSnapshot[], operatorId: string): boolean {
  return subtasks.some(
    ({ operators }) => Object.keys(operators[operatorId]?.keyed ?? {}).length > 0,
  );
}

function names(
  states: readonly (OperatorSubtaskState | null)[],
  kind: 'lists' | 'keyed',
): Set<string> {
  return new Set(states.flatMap((state) => Object.keys(state?.[kind] ?? {})));
}

// Refusals

function missingState(missing: readonly StateName[]): SluiceError {
  const byOperator = Map.groupBy(missing, ({ operatorId }) => operatorId);
  const list = [...byOperator]
    .map(([operatorId, states]) => `${operatorId} (${states.map(({ what }) => what).join(', ')})`)
    .join('; ');
  return mismatch(
    `The checkpoint holds state of operators that the pipeline does not have: ${list}.`,
    'Give the nodes their old names, or leave the state behind with --allow-dropped-state.',
    { operators: [...byOperator.keys()].join(',') },
  );
}

function checkMaxParallelism(operatorId: string, was: number, is: number): void {
  if (was === is) return;
  throw mismatch(
    `The keyed state of ${operatorId} lies in ${was} key groups; the pipeline wants ${is}.`,
    'The number of key groups (maxParallelism) follows from the parallelism, and cannot change while ' +
      `there is keyed state: choose a parallelism that needs ${was} of them, as before.`,
    { node: operatorId },
  );
}

function mismatch(
  message: string,
  hint: string,
  context: Readonly<Record<string, string>> = {},
): SluiceError {
  return new SluiceError('CHECKPOINT_MISMATCH', message, { domain: 'user', context, hint });
}
