import {
  type CheckpointMetadata,
  METADATA_VERSION,
  type VertexSnapshot,
} from '../../shared/checkpoint/checkpoint-metadata.ts';
import { EMPTY_SNAPSHOT, type SubtaskSnapshot } from '../../shared/checkpoint/snapshot.ts';
import type { StateHandle } from '../../shared/checkpoint/state-handle.ts';
import { SLUICE_VERSION } from '../../shared/config/version.ts';
import type { JobGraph, JobVertex } from '../../shared/job-graph/job-graph.ts';
import type { CheckpointPurpose } from '../../shared/record/stream-event.ts';
import type { Acknowledgement } from './coordinator-events.ts';

export interface MetadataParts {
  readonly jobId: string;
  readonly jobGraph: JobGraph;
  readonly checkpointId: number;
  readonly purpose: CheckpointPurpose;
  readonly triggeredAtMs: number;
  readonly completedAtMs: number;
  readonly acknowledgements: readonly Acknowledgement[];
  readonly enumerators: Readonly<Record<string, StateHandle>>;
  readonly enumeratorParts?: CheckpointMetadata['enumeratorParts'];
  /** The checkpoint before: has the last state of subtasks that have finished since. */
  readonly latest: CheckpointMetadata | null;
}

/** Pure. */
export function buildMetadata(parts: MetadataParts): CheckpointMetadata {
  const { acknowledgements, jobGraph, latest } = parts;
  const vertices = jobGraph.vertices.map((vertex) =>
    vertexSnapshot(
      vertex,
      acknowledgements.filter(({ attempt }) => attempt.vertexId === vertex.id),
      latest?.vertices.find(({ vertexId }) => vertexId === vertex.id) ?? null,
    ),
  );
  return {
    version: METADATA_VERSION,
    sluiceVersion: SLUICE_VERSION,
    jobId: parts.jobId,
    jobName: jobGraph.name,
    checkpointId: parts.checkpointId,
    purpose: parts.purpose,
    triggeredAtMs: parts.triggeredAtMs,
    completedAtMs: parts.completedAtMs,
    unaligned: vertices.some(({ subtasks }) =>
      subtasks.some(({ channels }) => channels.some(({ buffers }) => buffers.length > 0)),
    ),
    vertices,
    enumerators: parts.enumerators,
    ...(parts.enumeratorParts === undefined ? {} : { enumeratorParts: parts.enumeratorParts }),
  };
}

function vertexSnapshot(
  vertex: JobVertex,
  acknowledgements: readonly Acknowledgement[],
  before: VertexSnapshot | null,
): VertexSnapshot {
  const parallelism = acknowledgements[0]?.attempt.parallelism ?? before?.subtasks.length ?? 0;
  const kept = before?.subtasks.length === parallelism ? before.subtasks : [];
  const subtasks: SubtaskSnapshot[] = [];
  for (let subtask = 0; subtask < parallelism; subtask += 1) {
    const own = acknowledgements.find(({ attempt }) => attempt.subtask === subtask);
    subtasks.push(own?.snapshot ?? kept[subtask] ?? EMPTY_SNAPSHOT);
  }
  return { vertexId: vertex.id, maxParallelism: vertex.maxParallelism, subtasks };
}
