import type { JobGraph, OperatorNode } from '../../shared/job-graph/job-graph.ts';
import type { EnumeratorProgress } from '../sources/split-enumerator.ts';
import type { OperatorTotals } from './job-metrics.ts';

/**
 * How far a job's records have come: "done" is what the sources have read or rejected, less what is
 * still inside the job. A record that a filter dropped, or that was rejected on its way, is done:
 * sinks cannot tell. Pure but for the graph it keeps.
 */
export class RecordFlow {
  readonly #sources: readonly OperatorNode[];
  /** The operators that feed each operator, in its chain and over exchanges. */
  readonly #upstreams: ReadonlyMap<string, readonly string[]>;

  constructor(jobGraph: JobGraph) {
    const operators = jobGraph.vertices.flatMap((vertex) => vertex.operators);
    this.#sources = operators.filter(({ kind }) => kind.startsWith('source/'));
    this.#upstreams = upstreamsOf(jobGraph);
  }

  /**
   * Several consumers of one operator count one by one what they have not taken yet, so the number
   * lies a little low while the job runs; it is exact once nothing is inside.
   */
  recordsDone(totals: readonly OperatorTotals[]): number {
    const byId = new Map(totals.map((operator) => [operator.operator.id, operator]));
    let done = 0;
    for (const operator of totals) {
      done -= operator.inFlight;
      const upstreams = this.#upstreams.get(operator.operator.id);
      if (upstreams === undefined) continue;
      const offered = upstreams.reduce((sum, id) => sum + (byId.get(id)?.recordsOut ?? 0), 0);
      // Reports of two tasks are not of one moment.
      done -= Math.max(0, offered - operator.recordsIn);
    }
    for (const { id } of this.#sources) {
      const source = byId.get(id);
      done += (source?.recordsOut ?? 0) + (source?.recordsRejected ?? 0);
    }
    return Math.max(0, done);
  }

  /** What the sources have found so far, in records; null where they cannot tell. */
  recordsTotal(progress: ReadonlyMap<string, EnumeratorProgress>): number | null {
    let total = 0;
    for (const source of this.#sources) {
      const records = recordsOf(source, progress.get(source.id));
      if (records === null) return null;
      total += records;
    }
    return total;
  }
}

function recordsOf(source: OperatorNode, progress: EnumeratorProgress | undefined): number | null {
  switch (source.kind) {
    case 'source/files':
      return progress?.discovered ?? 0;
    case 'source/datagen':
      return source.options.count ?? null;
    default:
      return null;
  }
}

/** Dead letters are left out: they get what is rejected, not what somebody emits. */
function upstreamsOf(jobGraph: JobGraph): ReadonlyMap<string, readonly string[]> {
  const upstreams = new Map<string, string[]>();
  for (const { id, operators } of jobGraph.vertices) {
    for (const operator of operators) {
      if (operator.kind === 'sink/dead-letters') continue;
      if (operator.chainedTo !== null) upstreams.set(operator.id, [operator.chainedTo]);
    }
    const head = operators[0];
    const incoming = jobGraph.edges.filter((edge) => edge.targetVertex === id);
    if (head === undefined || incoming.length === 0) continue;
    upstreams.set(
      head.id,
      incoming.map((edge) => edge.sourceOperator),
    );
  }
  return upstreams;
}
