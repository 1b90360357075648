import type { JobEdge, JobGraph, JobVertex } from '../../../shared/job-graph/job-graph.ts';

interface VertexOptions {
  readonly parallelism?: number | null;
  readonly device?: 'cpu' | 'gpu';
  readonly labels?: Readonly<Record<string, string>>;
  readonly fallback?: 'none' | 'cpu';
  readonly count?: number;
  readonly maxParallelism?: number;
}

/** `generate` (datagen) by itself or chained with a sink: what most tests need of a vertex. */
export function sourceVertex(id: string, options: VertexOptions = {}): JobVertex {
  return vertex(id, options, [
    {
      id,
      kind: 'source/datagen',
      options: { keys: 10, ...(options.count === undefined ? {} : { count: options.count }) },
      chainedTo: null,
    },
  ]);
}

export function sinkVertex(id: string, options: VertexOptions = {}): JobVertex {
  return vertex(id, options, [
    { id, kind: 'sink/blackhole', options: {} as never, chainedTo: null },
    {
      id: `${id}-rejected`,
      kind: 'sink/dead-letters',
      options: { path: 'memory://dead/letters' } as never,
      chainedTo: id,
    },
  ]);
}

export function countVertex(id: string, options: VertexOptions = {}): JobVertex {
  return vertex(id, options, [
    { id, kind: 'transform/count', options: { keyBy: ['key'] }, chainedTo: null },
  ]);
}

function vertex(id: string, options: VertexOptions, operators: JobVertex['operators']): JobVertex {
  return {
    id,
    name: operators.map((operator) => operator.id).join(' → '),
    operators,
    parallelism: options.parallelism ?? null,
    maxParallelism: options.maxParallelism ?? 128,
    resources: {
      device: options.device ?? 'cpu',
      labels: options.labels ?? {},
      fallback: options.fallback ?? 'none',
    },
  };
}

export function edge(
  source: string,
  target: string,
  partitioner: JobEdge['partitioner'] = { kind: 'rebalance' },
): JobEdge {
  return {
    id: `${source}->${target}`,
    sourceVertex: source,
    sourceOperator: source,
    targetVertex: target,
    partitioner,
  };
}

/** The vertices in a line, each feeding the next one. */
export function pipeline(vertices: readonly JobVertex[], name = 'test'): JobGraph {
  const edges = vertices.slice(1).map((target, index) => edge(vertices[index]!.id, target.id));
  return { name, vertices, edges, bounded: true };
}
