import type { SluiceError } from '../errors/sluice-error.ts';
import { suggest } from './did-you-mean.ts';
import type { PipelineSource } from './pipeline-source.ts';
import type { NodeOutline } from './read-nodes.ts';

/**
 * The graph that `from` draws: every name known, no cycle, sources at its beginnings, sinks at its
 * ends. Works on outlines, so that a node with a wrong option is still a node. Pure, any thread.
 */

/** Take exactly one upstream node: they belong to one stream of images. */
const SINGLE_INPUT: ReadonlySet<string> = new Set(['image-tensor', 'onnx', 'thumbnails']);

export interface GraphCheck {
  /** In topological order; of a graph with cycles only what is outside of and above them. */
  readonly order: readonly NodeOutline[];
}

export function checkGraph(
  source: PipelineSource,
  nodes: readonly NodeOutline[],
  problems: SluiceError[],
  warnings: SluiceError[],
): GraphCheck {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  for (const node of nodes) checkUpstream(source, node, byName, problems);
  checkEnds(source, nodes, problems, warnings);
  const order = topologicalOrder(nodes, byName);
  if (order.length < nodes.length) reportCycles(source, nodes, byName, problems);
  return { order };
}

function checkUpstream(
  source: PipelineSource,
  node: NodeOutline,
  byName: ReadonlyMap<string, NodeOutline>,
  problems: SluiceError[],
): void {
  const path = ['nodes', node.name, 'from'];
  const add = (message: string, hint?: string) => {
    const details = { code: 'PIPELINE_INVALID', message, hint, node: node.name } as const;
    problems.push(source.problemAt({ path }, details));
  };
  if (node.category === 'source') return;
  if (node.from.length > 1 && node.kind !== null && SINGLE_INPUT.has(node.kind)) {
    add(
      `"${node.kind}" takes one input, and ${node.from.length} are given: ${node.from.join(', ')}`,
      `Write one node for each, or join the streams in front of it with a "filter".`,
    );
  }
  const seen = new Set<string>();
  for (const name of node.from) {
    const upstream = byName.get(name);
    if (seen.has(name)) add(`"${name}" is here twice`);
    seen.add(name);
    if (upstream === undefined) {
      const names = [...byName.values()]
        .filter((other) => other.category !== 'sink' && other !== node)
        .map((other) => other.name);
      add(`there is no node "${name}"`, suggest(name, 'Nodes', names));
    } else if (upstream.category === 'sink') {
      add(`"${name}" is a sink: nothing comes out of it`);
    }
  }
}

function checkEnds(
  source: PipelineSource,
  nodes: readonly NodeOutline[],
  problems: SluiceError[],
  warnings: SluiceError[],
): void {
  const missing = (category: string, example: string) => {
    const message = `the pipeline has no ${category}`;
    const details = { code: 'PIPELINE_INVALID', message, hint: example } as const;
    problems.push(source.problemAt({ path: ['nodes'], on: 'key' }, details));
  };
  // A node whose category cannot be told may be the one that is missing.
  if (nodes.length === 0 || nodes.some((node) => node.category === null)) return;
  const categories = new Set(nodes.map((node) => node.category));
  if (!categories.has('source')) {
    missing('source', 'For example: images: { source: files, path: ./images }');
  }
  if (!categories.has('sink')) {
    missing('sink', 'For example: results: { sink: files, from: classes, path: ./results }');
    return;
  }
  const read = new Set(nodes.flatMap((node) => node.from));
  for (const node of nodes) {
    if (node.category === 'sink' || read.has(node.name)) continue;
    const message = `nothing reads from "${node.name}": its records are thrown away`;
    const details = {
      code: 'PIPELINE_INVALID',
      message,
      node: node.name,
      severity: 'warning',
    } as const;
    warnings.push(source.problemAt({ path: ['nodes', node.name], on: 'key' }, details));
  }
}

function topologicalOrder(
  nodes: readonly NodeOutline[],
  byName: ReadonlyMap<string, NodeOutline>,
): readonly NodeOutline[] {
  const order: NodeOutline[] = [];
  const placed = new Set<string>();
  // Rounds in the order of the file keep the result close to what the author wrote.
  for (let progress = true; progress; ) {
    progress = false;
    for (const node of nodes) {
      if (placed.has(node.name)) continue;
      const waits = node.from.some((name) => byName.has(name) && !placed.has(name));
      if (waits) continue;
      placed.add(node.name);
      order.push(node);
      progress = true;
    }
  }
  return order;
}

/** One problem for each cycle, found by walking upstream. */
function reportCycles(
  source: PipelineSource,
  nodes: readonly NodeOutline[],
  byName: ReadonlyMap<string, NodeOutline>,
  problems: SluiceError[],
): void {
  const done = new Set<string>();
  for (const start of nodes) {
    const cycle = findCycle(start, byName, done);
    if (cycle === null) continue;
    // The walk went upstream; people read downstream, from the node that comes first in the file.
    const members = cycle.toReversed();
    const first = nodes.findIndex((node) => members.includes(node.name));
    const offset = members.indexOf(nodes[first]?.name ?? '');
    const rotated = [...members.slice(offset), ...members.slice(0, offset)];
    const [head = ''] = rotated;
    problems.push(
      source.problemAt(
        { path: ['nodes', head, 'from'] },
        {
          code: 'PIPELINE_INVALID',
          message: `the nodes form a cycle: ${[...rotated, head].join(' → ')}`,
          hint: 'Records flow one way, from sources to sinks.',
          node: head,
        },
      ),
    );
  }
}

function findCycle(
  start: NodeOutline,
  byName: ReadonlyMap<string, NodeOutline>,
  done: Set<string>,
): readonly string[] | null {
  const path: string[] = [];
  const visit = (name: string): readonly string[] | null => {
    const at = path.indexOf(name);
    if (at !== -1) return path.slice(at);
    if (done.has(name)) return null;
    path.push(name);
    for (const upstream of byName.get(name)?.from ?? []) {
      if (!byName.has(upstream)) continue;
      const cycle = visit(upstream);
      if (cycle !== null) {
        for (const member of path) done.add(member);
        return cycle;
      }
    }
    path.pop();
    done.add(name);
    return null;
  };
  return visit(start.name);
}
