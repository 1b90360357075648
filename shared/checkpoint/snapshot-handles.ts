/** Walks the handles of snapshots and metadata. Pure functions. */
import type { CheckpointMetadata } from './checkpoint-metadata.ts';
import type {
  ChannelState,
  KeyedStateHandle,
  ListStateHandle,
  OperatorSubtaskState,
  SubtaskSnapshot,
} from './snapshot.ts';
import type { StateHandle } from './state-handle.ts';

type MapHandle = (handle: StateHandle) => StateHandle;

export function snapshotHandles(snapshot: SubtaskSnapshot): StateHandle[] {
  const handles: StateHandle[] = [];
  mapSnapshot(snapshot, (handle) => {
    handles.push(handle);
    return handle;
  });
  return handles;
}

export function metadataHandles(metadata: CheckpointMetadata): StateHandle[] {
  const { enumerators, enumeratorParts = {} } = metadata;
  const handles = [...Object.values(enumerators), ...Object.values(enumeratorParts).flat()];
  for (const { subtasks } of metadata.vertices) {
    for (const snapshot of subtasks) handles.push(...snapshotHandles(snapshot));
  }
  return handles;
}

/** The objects that the handles lie in. */
export function objectUris(handles: readonly StateHandle[]): Set<string> {
  const uris = new Set<string>();
  for (const handle of handles) if (handle.kind === 'object') uris.add(handle.uri);
  return uris;
}

/** The same metadata with other handles. */
export function mapMetadata(metadata: CheckpointMetadata, map: MapHandle): CheckpointMetadata {
  const { enumeratorParts: parts } = metadata;
  return {
    ...metadata,
    enumerators: mapValues(metadata.enumerators, map),
    ...(parts === undefined
      ? {}
      : { enumeratorParts: mapValues(parts, (handles) => handles.map(map)) }),
    vertices: metadata.vertices.map((vertex) => ({
      ...vertex,
      subtasks: vertex.subtasks.map((snapshot) => mapSnapshot(snapshot, map)),
    })),
  };
}

function mapSnapshot(snapshot: SubtaskSnapshot, map: MapHandle): SubtaskSnapshot {
  return {
    operators: mapValues(snapshot.operators, (state) => mapOperator(state, map)),
    channels: snapshot.channels.map(
      (channel): ChannelState => ({ ...channel, buffers: channel.buffers.map(map) }),
    ),
  };
}

function mapOperator(state: OperatorSubtaskState, map: MapHandle): OperatorSubtaskState {
  return {
    lists: mapValues(
      state.lists,
      (list): ListStateHandle => ({ ...list, handle: map(list.handle) }),
    ),
    keyed: mapValues(
      state.keyed,
      (keyed): KeyedStateHandle => ({
        segments: keyed.segments.map((segment) => ({ ...segment, handle: map(segment.handle) })),
      }),
    ),
  };
}

function mapValues<From, To>(
  values: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
}
