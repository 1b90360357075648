import type { OperatorNode } from '../../../shared/job-graph/job-graph.ts';
import type { AsyncFunction } from '../async-function.ts';
import type { Sink } from '../sink-writer.ts';
import type { SourceReader } from '../source-reader.ts';
import type { StreamOperator } from '../stream-operator.ts';

/** An operator as its author wrote it; the runtime wraps each sort in its own way. */
export type OperatorBody =
  | { readonly sort: 'source'; readonly reader: SourceReader<unknown> }
  | { readonly sort: 'synchronous'; readonly operator: StreamOperator }
  | { readonly sort: 'asynchronous'; readonly function: AsyncFunction }
  | { readonly sort: 'sink'; readonly sink: Sink<unknown> };

/** Makes the operator that a node of the job graph describes. */
export type OperatorFactory = (node: OperatorNode) => Promise<OperatorBody>;
