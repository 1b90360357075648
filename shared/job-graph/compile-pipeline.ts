import type { SluiceError } from '../errors/sluice-error.ts';
import { compareUris } from '../filesystem/uri.ts';
import { type ParsedPipeline, parsePipeline } from '../pipeline/parse-pipeline.ts';
import type { NodeSpec, PipelineSpec } from '../pipeline/pipeline-spec.ts';
import { type Chain, type ChainableNode, type Chaining, chainNodes } from './chain-nodes.ts';
import { warnOfMissingLabels } from './check-labels.ts';
import {
  type JobGraph,
  type JobVertex,
  MAX_PARALLELISM_DEFAULT,
  type OperatorNode,
  type ResourceProfile,
} from './job-graph.ts';
import { type ResolvedLocations, resolveLocations } from './resolve-locations.ts';
import { type ResolvedModels, type ResolveModel, resolveModels } from './resolve-models.ts';

/**
 * A pipeline's text → the JobGraph: checked, parameters put in, locations absolute, models resolved,
 * nodes chained. All mistakes come back together. Any thread; reads models through `resolveModel`.
 */
export interface CompileInput {
  readonly text: string;
  /** For messages. */
  readonly fileName: string;
  /** Absolute; relative locations in the text are relative to it. */
  readonly baseDirectory: string;
  /** `--set name=value`. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Rejects with a SluiceError, which gets the place of the model's node. */
  readonly resolveModel: ResolveModel;
}

export type CompileResult =
  | {
      readonly ok: true;
      readonly graph: JobGraph;
      readonly spec: PipelineSpec;
      readonly warnings: readonly SluiceError[];
    }
  | {
      readonly ok: false;
      /** Not empty. */
      readonly problems: readonly SluiceError[];
      readonly warnings: readonly SluiceError[];
    };

const PROFILE_DEFAULT: ResourceProfile = { device: 'cpu', labels: {}, fallback: 'none' };

export async function compilePipeline(input: CompileInput): Promise<CompileResult> {
  const { text, fileName, baseDirectory, parameters, resolveModel } = input;
  const parsed = parsePipeline({ text, fileName, baseDirectory, values: parameters });
  if (!parsed.ok) return parsed;
  const { pipeline } = parsed;
  const { source, inputs, spec } = pipeline;
  const problems: SluiceError[] = [];
  const warnings: SluiceError[] = [...parsed.warnings];

  const chaining = chainNodes(pipeline.order.map((node) => chainable(node, spec)));
  reportConflicts(pipeline, chaining, problems);
  const locations = resolveLocations(pipeline, baseDirectory, problems);
  // A location that is none would only fail a second time.
  if (problems.length > 0) return { ok: false, problems, warnings };
  const { nodes } = locations;
  const scope = { source, nodes, inputs, resolveModel, problems, warnings };
  const models = await resolveModels(scope);
  if (problems.length > 0) return { ok: false, problems, warnings };
  warnOfMissingLabels(pipeline, models.models, warnings);
  return { ok: true, graph: buildGraph(spec, chaining, locations, models), spec, warnings };
}

function chainable(node: NodeSpec, spec: PipelineSpec): ChainableNode {
  return {
    name: node.name,
    from: node.from,
    parallelism: node.parallelism ?? spec.parallelism,
    resources: node.resources ?? PROFILE_DEFAULT,
    partition: node.partition,
    keyBy: node.keyBy,
    chain: node.chain,
  };
}

function reportConflicts(
  pipeline: ParsedPipeline,
  chaining: Chaining,
  problems: SluiceError[],
): void {
  for (const { source, target } of chaining.conflicts) {
    const message = `"partition: forward" needs "${source}" and "${target}" to have equal parallelism`;
    const hint = 'Give both the same "parallelism", or leave "partition" out.';
    const details = { code: 'PIPELINE_INVALID', message, hint, node: target } as const;
    const path = ['nodes', target, 'partition'];
    problems.push(pipeline.source.problemAt({ path }, details));
  }
}

function buildGraph(
  spec: PipelineSpec,
  chaining: Chaining,
  locations: ResolvedLocations,
  models: ResolvedModels,
): JobGraph {
  const nodes = new Map(locations.nodes.map((node) => [node.name, node]));
  const scope = { nodes, models };
  const vertexOf = new Map<string, string>();
  for (const { head, links } of chaining.chains) {
    for (const { node } of links) vertexOf.set(node.name, head.name);
  }
  return {
    name: spec.name,
    vertices: chaining.chains.map((chain) => buildVertex(chain, scope, locations.deadLetters)),
    edges: chaining.edges.map(({ source, target, partitioner }) => ({
      id: `${source}->${target}`,
      sourceVertex: vertexOf.get(source) ?? source,
      sourceOperator: source,
      targetVertex: target,
      partitioner,
    })),
    bounded: spec.nodes.every(endsByItself),
    onError: spec.onError,
    checkpoints: spec.checkpoints,
    restart: spec.restart,
    state: spec.state,
  };
}

function endsByItself(node: NodeSpec): boolean {
  if (node.category !== 'source') return true;
  return node.kind === 'files'
    ? node.options.watch === undefined
    : node.options.count !== undefined;
}

interface BuildScope {
  readonly nodes: ReadonlyMap<string, NodeSpec>;
  readonly models: ResolvedModels;
}

function buildVertex(
  chain: Chain,
  scope: BuildScope,
  deadLetters: ResolvedLocations['deadLetters'],
): JobVertex {
  const { head, links } = chain;
  const operators = links.map(({ node, chainedTo }) =>
    operatorNode(nodeNamed(scope, node.name), chainedTo, scope),
  );
  if (deadLetters !== null && operators.some(mayReject)) {
    // Node names have no dot, so the id is unique.
    const id = `${head.name}.dead-letters`;
    const kind = 'sink/dead-letters';
    operators.push({ id, kind, options: deadLetters, chainedTo: head.name });
  }
  return {
    id: head.name,
    name: chainName(chain, head.name),
    operators,
    parallelism: head.parallelism,
    maxParallelism: maxParallelismFor(head.parallelism),
    resources: head.resources,
  };
}

/** `images → tensors → (thumbs, classes → results)`. */
function chainName(chain: Chain, name: string): string {
  const next = chain.links.filter((link) => link.chainedTo === name).map(({ node }) => node.name);
  const names = next.map((child) => chainName(chain, child));
  if (names.length === 0) return name;
  return `${name} → ${names.length === 1 ? names[0] : `(${names.join(', ')})`}`;
}

/** Key groups must be at least as many as subtasks; powers of two spread evenly. */
function maxParallelismFor(parallelism: number | null): number {
  const wanted = Math.max(MAX_PARALLELISM_DEFAULT, parallelism ?? 0);
  return 2 ** Math.ceil(Math.log2(wanted));
}

function nodeNamed(scope: BuildScope, name: string): NodeSpec {
  const node = scope.nodes.get(name);
  if (node === undefined) throw new RangeError(`there is no node ${name}`);
  return node;
}

function mayReject({ kind }: OperatorNode): boolean {
  return kind !== 'source/datagen' && kind !== 'sink/print' && kind !== 'sink/blackhole';
}

function operatorNode(node: NodeSpec, chainedTo: string | null, scope: BuildScope): OperatorNode {
  const common = { id: node.name, kind: `${node.category}/${node.kind}`, chainedTo };
  const options = compiledOptions(node, scope);
  return { ...common, options } as OperatorNode;
}

function compiledOptions(node: NodeSpec, scope: BuildScope): object {
  if (node.category === 'sink' && node.kind === 'thumbnails') {
    return { ...node.options, sourceRoots: sourceRootsOf(node, scope) };
  }
  if (node.category !== 'transform') return node.options;
  switch (node.kind) {
    case 'image-tensor': {
      const { bytesMax, pixelsMax, formats, concurrency, ordered } = node.options;
      const preprocessing = scope.models.preprocessing.get(node.name);
      return { bytesMax, pixelsMax, formats, concurrency, ordered, preprocessing };
    }
    case 'onnx': {
      const { topK, batch, concurrency, ordered } = node.options;
      const model = scope.models.models.get(node.name);
      return { topK, batch, concurrency, ordered, model, decoding: decodingOf(node, scope) };
    }
    case 'count':
      return { keyBy: node.keyBy };
    case 'filter':
    case 'map':
      return node.options;
    default:
      return node satisfies never;
  }
}

/** Options of the one `image-tensor` node that the tensors come from. */
function decodingOf(node: NodeSpec, scope: BuildScope): object | null {
  const decoders = upstreamOf(node, scope).filter(({ kind }) => kind === 'image-tensor');
  const [decoder] = decoders;
  return decoder === undefined || decoders.length > 1 ? null : compiledOptions(decoder, scope);
}

/** Longest first, so that the innermost of nested sources is found first. */
function sourceRootsOf(node: NodeSpec, scope: BuildScope): readonly string[] {
  const roots = new Set<string>();
  for (const { category, kind, options } of upstreamOf(node, scope)) {
    if (category === 'source' && kind === 'files') roots.add(options.path);
  }
  return [...roots].sort((left, right) => right.length - left.length || compareUris(left, right));
}

/** Every node that a record may have passed before it comes here. */
function upstreamOf(node: NodeSpec, scope: BuildScope): readonly NodeSpec[] {
  const visited = new Set<NodeSpec>();
  const visit = ({ from }: NodeSpec): void => {
    for (const name of from) {
      const current = nodeNamed(scope, name);
      if (visited.has(current)) continue;
      visited.add(current);
      visit(current);
    }
  };
  visit(node);
  return [...visited];
}
