import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type ChainableNode, chainNodes } from '../../../shared/job-graph/chain-nodes.ts';

const CPU = { device: 'cpu', labels: {}, fallback: 'none' } as const;
const GPU = { device: 'gpu', labels: {}, fallback: 'cpu' } as const;

const node = (name: string, from: string[], overrides: Partial<ChainableNode> = {}) => ({
  name,
  from,
  parallelism: null,
  resources: CPU,
  partition: null,
  keyBy: [],
  chain: true,
  ...overrides,
});

const draw = (nodes: readonly ChainableNode[]) => {
  const { chains, edges, conflicts } = chainNodes(nodes);
  return {
    chains: chains.map(({ links }) =>
      links.map(({ node: { name }, chainedTo }) => `${name}<${chainedTo ?? ''}`).join(' '),
    ),
    edges: edges.map(({ source, target, partitioner: { kind } }) => `${source}-${kind}-${target}`),
    conflicts: conflicts.map(({ source, target }) => `${source}-${target}`),
  };
};

describe('chainNodes', () => {
  it('when nothing lies between nodes, then they are one chain, a tree', () => {
    assert.deepEqual(draw([node('a', []), node('b', ['a']), node('c', ['b']), node('d', ['b'])]), {
      chains: ['a< b<a c<b d<b'],
      edges: [],
      conflicts: [],
    });
  });

  const breaks: readonly [string, Partial<ChainableNode>, string][] = [
    ['another parallelism', { parallelism: 3 }, 'rebalance'],
    ['another device', { resources: GPU }, 'rebalance'],
    ['other labels', { resources: { ...CPU, labels: { zone: 'a' } } }, 'rebalance'],
    ['a key', { keyBy: ['label'] }, 'hash'],
    ['a rebalance', { partition: 'rebalance' }, 'rebalance'],
    ['a broadcast', { partition: 'broadcast' }, 'broadcast'],
    ['chain: false', { chain: false }, 'forward'],
  ];
  for (const [what, overrides, partitioner] of breaks) {
    it(`when ${what} lies between two nodes, then the chain breaks`, () => {
      assert.deepEqual(draw([node('a', []), node('b', ['a'], overrides)]), {
        chains: ['a<', 'b<'],
        edges: [`a-${partitioner}-b`],
        conflicts: [],
      });
    });
  }

  it('when the device changes but both numbers are written and equal, then it stays forward', () => {
    const nodes = [
      node('a', [], { parallelism: 2 }),
      node('b', ['a'], { parallelism: 2, resources: GPU }),
    ];
    assert.deepEqual(draw(nodes).edges, ['a-forward-b']);
  });

  it('when streams meet, then the node where they meet begins a chain', () => {
    assert.deepEqual(draw([node('a', []), node('b', []), node('c', ['a', 'b'])]), {
      chains: ['a<', 'b<', 'c<'],
      edges: ['a-forward-c', 'b-forward-c'],
      conflicts: [],
    });
  });

  it('when forward is asked for between unequal sides, then that is a conflict', () => {
    const forward = { partition: 'forward' } as const;
    assert.deepEqual(
      draw([node('a', [], { parallelism: 2 }), node('b', ['a'], { parallelism: 3, ...forward })])
        .conflicts,
      ['a-b'],
    );
    assert.deepEqual(
      draw([node('a', []), node('b', ['a'], { resources: GPU, ...forward })]).conflicts,
      ['a-b'],
    );
    assert.deepEqual(draw([node('a', []), node('b', ['a'], forward)]).chains, ['a< b<a']);
  });

  const graphs = fc
    .array(
      fc.record({
        upstream: fc.array(fc.nat(), { maxLength: 3 }),
        parallelism: fc.constantFrom(null, 1, 2),
        resources: fc.constantFrom(CPU, GPU),
        partition: fc.constantFrom(null, null, 'forward' as const, 'rebalance' as const),
        keyBy: fc.constantFrom<string[]>([], [], ['k']),
        chain: fc.boolean(),
      }),
      { minLength: 1, maxLength: 20 },
    )
    .map((rows) =>
      rows.map(({ upstream, ...rest }, index): ChainableNode => {
        const from = index === 0 ? [] : upstream.map((pick) => `n${pick % index}`);
        return { name: `n${index}`, from: [...new Set(from)], ...rest };
      }),
    );

  it('when any graph is chained, then each node is in one chain and each step is made once', () => {
    fc.assert(
      fc.property(graphs, (nodes) => {
        const { chains, edges } = chainNodes(nodes);
        const placed = chains.flatMap(({ links }) => links.map((link) => link.node.name));
        assert.deepEqual(placed.toSorted(), nodes.map(({ name }) => name).sort());

        const steps = [
          ...chains.flatMap(({ links }) =>
            links.flatMap(({ node: { name }, chainedTo }) =>
              chainedTo === null ? [] : [`${chainedTo}>${name}`],
            ),
          ),
          ...edges.map(({ source, target }) => `${source}>${target}`),
        ];
        const drawn = nodes.flatMap(({ name, from }) => from.map((source) => `${source}>${name}`));
        assert.deepEqual(steps.toSorted(), drawn.toSorted());
      }),
    );
  });

  it('when any graph is chained, then chains and what is in them are in topological order', () => {
    fc.assert(
      fc.property(graphs, (nodes) => {
        const { chains, edges } = chainNodes(nodes);
        const chainOf = new Map<string, number>();
        for (const [index, { head, links }] of chains.entries()) {
          assert.equal(links[0]?.node, head);
          assert.equal(links[0]?.chainedTo, null);
          const before = new Set<string>();
          for (const { node: member, chainedTo } of links) {
            if (chainedTo !== null) assert.ok(before.has(chainedTo));
            before.add(member.name);
            chainOf.set(member.name, index);
            assert.equal(member.parallelism, head.parallelism);
            assert.deepEqual(member.resources, head.resources);
          }
        }
        for (const { source, target } of edges) {
          const from = chainOf.get(source) ?? Number.NaN;
          assert.ok(from < (chainOf.get(target) ?? Number.NaN));
        }
      }),
    );
  });
});
