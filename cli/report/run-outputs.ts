import type { JobGraph } from '../../shared/job-graph/job-graph.ts';

/** Where a pipeline's results go, as its sinks say; URIs. */
export interface RunOutputs {
  readonly results: readonly { readonly node: string; readonly uri: string }[];
  readonly thumbnails: ThumbnailOutput | null;
  readonly deadLetters: string | null;
}

export interface ThumbnailOutput {
  readonly node: string;
  readonly uri: string;
  readonly key: string;
  readonly format: string;
  readonly sourceRoots: readonly string[];
}

export function runOutputs(graph: JobGraph): RunOutputs {
  const operators = graph.vertices.flatMap((vertex) => vertex.operators);
  const results: { node: string; uri: string }[] = [];
  let thumbnails: ThumbnailOutput | null = null;
  let deadLetters: string | null = null;
  for (const { id, kind, options } of operators) {
    if (kind === 'sink/files') results.push({ node: id, uri: options.path });
    if (kind === 'sink/dead-letters') deadLetters = options.path;
    if (kind === 'sink/thumbnails' && thumbnails === null) {
      const { path, key, format, sourceRoots } = options;
      thumbnails = { node: id, uri: path, key, format, sourceRoots };
    }
  }
  return { results, thumbnails, deadLetters };
}
