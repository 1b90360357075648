import { SluiceError } from '../errors/sluice-error.ts';
import { toUri } from '../filesystem/uri.ts';
import type { DeadLettersOptions } from '../pipeline/kinds/sink-files.ts';
import type { ValuePath } from '../pipeline/located-value.ts';
import type { ParsedPipeline } from '../pipeline/parse-pipeline.ts';
import type { NodeSpec } from '../pipeline/pipeline-spec.ts';

/** Locations in options → absolute URIs, each mistake at its place. Pure, any thread. */
export interface ResolvedLocations {
  /** In topological order. */
  readonly nodes: readonly NodeSpec[];
  readonly deadLetters: DeadLettersOptions | null;
}

export function resolveLocations(
  pipeline: ParsedPipeline,
  baseDirectory: string,
  problems: SluiceError[],
): ResolvedLocations {
  const toLocation = (path: ValuePath, location: string, node?: string): string => {
    try {
      return toUri(location, baseDirectory);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      const { message, hint } = error;
      const details = { code: 'PIPELINE_INVALID', message, hint, cause: error } as const;
      const place = node === undefined ? details : { ...details, node };
      problems.push(pipeline.source.problemAt({ path }, place));
      return location;
    }
  };
  const { deadLetters } = pipeline.spec;
  return {
    nodes: pipeline.order.map((node) =>
      resolveNode(node, (option, location) =>
        toLocation(['nodes', node.name, option], location, node.name),
      ),
    ),
    deadLetters:
      deadLetters === null
        ? null
        : { ...deadLetters, path: toLocation(['deadLetters', 'path'], deadLetters.path) },
  };
}

function resolveNode(
  node: NodeSpec,
  resolve: (option: string, location: string) => string,
): NodeSpec {
  if (node.category === 'transform') {
    if (node.kind !== 'onnx') return node;
    const { model, labels } = node.options;
    const options = {
      ...node.options,
      model: resolve('model', model),
      ...(typeof labels === 'string' ? { labels: resolve('labels', labels) } : {}),
    };
    return { ...node, options };
  }
  if (node.category === 'source') {
    if (node.kind !== 'files') return node;
    return { ...node, options: { ...node.options, path: resolve('path', node.options.path) } };
  }
  switch (node.kind) {
    case 'files':
      return { ...node, options: { ...node.options, path: resolve('path', node.options.path) } };
    case 'thumbnails':
      return { ...node, options: { ...node.options, path: resolve('path', node.options.path) } };
    case 'print':
    case 'blackhole':
      return node;
    default:
      return node satisfies never;
  }
}
