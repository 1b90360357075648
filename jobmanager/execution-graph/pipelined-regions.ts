import type { JobGraph, JobVertex } from '../../shared/job-graph/job-graph.ts';

/** One subtask, whichever attempt of it. */
export interface SubtaskId {
  readonly vertexId: string;
  readonly subtask: number;
}

/** `<vertex>/<subtask>` */
export function subtaskKey({ vertexId, subtask }: SubtaskId): string {
  return `${vertexId}/${subtask}`;
}

/**
 * The pipelined regions of a job at these parallelisms (Flink's term): subtasks that exchange records,
 * directly or over others. A region fails and restarts as a whole, and no other one has to. Forward
 * edges between equal parallelisms connect subtask i with subtask i; every other edge connects all
 * with all. Pure.
 *
 * Answers, for every subtask's key, the keys of its region.
 */
export function pipelinedRegions(
  jobGraph: JobGraph,
  parallelismOf: (vertex: JobVertex) => number,
): ReadonlyMap<string, ReadonlySet<string>> {
  const regions = new Map<string, Set<string>>();
  const parallelism = new Map(
    jobGraph.vertices.map((vertex) => [vertex.id, parallelismOf(vertex)]),
  );
  for (const [vertexId, count] of parallelism) {
    for (let subtask = 0; subtask < count; subtask += 1) {
      const key = subtaskKey({ vertexId, subtask });
      regions.set(key, new Set([key]));
    }
  }
  for (const { sourceVertex, targetVertex, partitioner } of jobGraph.edges) {
    const producers = parallelism.get(sourceVertex) ?? 0;
    const consumers = parallelism.get(targetVertex) ?? 0;
    const isForward = partitioner.kind === 'forward' && producers === consumers;
    for (let producer = 0; producer < producers; producer += 1) {
      const from = subtaskKey({ vertexId: sourceVertex, subtask: producer });
      // All-to-all: joining each producer with the first consumer, and each consumer with the first
      // producer, connects them all.
      const to = subtaskKey({ vertexId: targetVertex, subtask: isForward ? producer : 0 });
      join(regions, from, to);
    }
    if (isForward) continue;
    for (let consumer = 1; consumer < consumers; consumer += 1) {
      const from = subtaskKey({ vertexId: sourceVertex, subtask: 0 });
      join(regions, from, subtaskKey({ vertexId: targetVertex, subtask: consumer }));
    }
  }
  return regions;
}

function join(regions: Map<string, Set<string>>, left: string, right: string): void {
  const [a, b] = [regions.get(left), regions.get(right)];
  if (a === undefined || b === undefined || a === b) return;
  const [larger, smaller] = a.size < b.size ? [b, a] : [a, b];
  for (const key of smaller) {
    larger.add(key);
    regions.set(key, larger);
  }
}
