import type { CompiledOptions, OperatorKind } from './compiled-options.ts';
import type { JobGraph } from './job-graph.ts';

/**
 * The nodes of a job without their chains: how they are connected, and what its sources and sinks
 * read and write. What an audit needs to know of a job. Plain JSON.
 */
export type PlanNode = {
  [Kind in OperatorKind]: {
    readonly id: string;
    readonly kind: Kind;
    /** Upstream nodes; empty for sources, and for the sinks that the compiler adds. */
    readonly from: readonly string[];
    /** Of sources and sinks. */
    readonly options: Kind extends `transform/${string}` ? null : CompiledOptions[Kind];
  };
}[OperatorKind];

/** In topological order. Pure. */
export function planNodes(graph: JobGraph): PlanNode[] {
  return graph.vertices.flatMap((vertex) =>
    vertex.operators.map((operator) => {
      const { id, kind, options, chainedTo } = operator;
      const edges = graph.edges.filter((edge) => edge.targetVertex === id);
      const upstream = chainedTo === null ? edges.map((edge) => edge.sourceOperator) : [chainedTo];
      const isTransform = kind.startsWith('transform/');
      return {
        id,
        kind,
        // Dead letters come from the whole chain, not from the operator that they hang on.
        from: kind === 'sink/dead-letters' ? [] : upstream,
        options: isTransform ? null : options,
      } as PlanNode;
    }),
  );
}
