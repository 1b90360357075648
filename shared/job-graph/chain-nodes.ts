import type { Partitioner, ResourceProfile } from './job-graph.ts';

/**
 * Chaining: which nodes run together as one task, by direct calls, and how records travel between
 * the tasks. A node joins its upstream's chain where nothing lies between the two: one input, forward,
 * the same parallelism, the same resource profile. A chain is a tree: several nodes may hang from
 * one. Pure, any thread.
 */
export interface ChainableNode {
  readonly name: string;
  readonly from: readonly string[];
  /** Null: as many subtasks as there are matching slots. */
  readonly parallelism: number | null;
  readonly resources: ResourceProfile;
  readonly partition: 'forward' | 'rebalance' | 'broadcast' | null;
  readonly keyBy: readonly string[];
  readonly chain: boolean;
}

/** In topological order: the head first, every other one chained to an earlier one. */
export interface Chain {
  readonly head: ChainableNode;
  readonly links: readonly ChainLink[];
}

export interface ChainLink {
  readonly node: ChainableNode;
  readonly chainedTo: string | null;
}

export interface ChainEdge {
  readonly source: string;
  readonly target: string;
  readonly partitioner: Partitioner;
}

/** A `partition: forward` that cannot be: the subtasks do not pair up. */
export interface ForwardConflict {
  readonly source: string;
  readonly target: string;
}

export interface Chaining {
  readonly chains: readonly Chain[];
  readonly edges: readonly ChainEdge[];
  readonly conflicts: readonly ForwardConflict[];
}

/** `nodes`: in topological order, names unique, every `from` known. */
export function chainNodes(nodes: readonly ChainableNode[]): Chaining {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const chains: { head: ChainableNode; links: ChainLink[] }[] = [];
  const chainOf = new Map<string, { links: ChainLink[] }>();
  const edges: ChainEdge[] = [];
  const conflicts: ForwardConflict[] = [];

  for (const node of nodes) {
    const upstream = node.from.flatMap((name) => byName.get(name) ?? []);
    const [only] = upstream;
    if (only !== undefined && upstream.length === 1 && isChained(only, node)) {
      const chain = chainOf.get(only.name);
      chain?.links.push({ node, chainedTo: only.name });
      if (chain !== undefined) chainOf.set(node.name, chain);
      continue;
    }
    const chain = { head: node, links: [{ node, chainedTo: null }] };
    chains.push(chain);
    chainOf.set(node.name, chain);
    for (const source of upstream) {
      const partitioner = partitionerBetween(source, node);
      edges.push({ source: source.name, target: node.name, partitioner });
      if (partitioner.kind === 'forward' && !pairsUp(source, node)) {
        conflicts.push({ source: source.name, target: node.name });
      }
    }
  }
  return { chains, edges, conflicts };
}

function isChained(upstream: ChainableNode, node: ChainableNode): boolean {
  return (
    node.chain &&
    node.keyBy.length === 0 &&
    (node.partition === null || node.partition === 'forward') &&
    upstream.parallelism === node.parallelism &&
    sameProfile(upstream.resources, node.resources)
  );
}

function partitionerBetween(source: ChainableNode, target: ChainableNode): Partitioner {
  if (target.keyBy.length > 0) return { kind: 'hash', keyBy: target.keyBy };
  if (target.partition !== null) return { kind: target.partition };
  return { kind: pairsUp(source, target) ? 'forward' : 'rebalance' };
}

/**
 * Whether both sides surely have the same number of subtasks: the same number is written, or both
 * take as many as there are slots of the same profile.
 */
function pairsUp(left: ChainableNode, right: ChainableNode): boolean {
  if (left.parallelism !== right.parallelism) return false;
  return left.parallelism !== null || sameProfile(left.resources, right.resources);
}

export function sameProfile(left: ResourceProfile, right: ResourceProfile): boolean {
  const leftLabels = Object.entries(left.labels);
  return (
    left.device === right.device &&
    left.fallback === right.fallback &&
    leftLabels.length === Object.keys(right.labels).length &&
    leftLabels.every(([key, value]) => right.labels[key] === value)
  );
}
