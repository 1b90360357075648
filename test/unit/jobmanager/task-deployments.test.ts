import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExecutionGraph } from '../../../jobmanager/execution-graph/execution-graph.ts';
import { taskDeployment } from '../../../jobmanager/execution-graph/task-deployments.ts';
import type { SlotOffer } from '../../../jobmanager/scheduler/slots.ts';
import type { JobEdge, JobVertex } from '../../../shared/job-graph/job-graph.ts';
import { countVertex, edge } from '../../support/jobmanager/job-graphs.ts';

function graphOf(
  vertices: readonly (readonly [vertex: JobVertex, parallelism: number])[],
  edges: readonly JobEdge[],
  device: 'cpu' | 'gpu' = 'cpu',
): ExecutionGraph {
  const slot = (index: number): SlotOffer => ({
    taskManagerId: `tm${index}`,
    hostName: 'host',
    slotIndex: 0,
    device,
    labels: {},
    dataAddress: { taskManagerId: `tm${index}`, host: '127.0.0.1', port: 9000 + index },
    free: true,
  });
  const plan = new Map(
    vertices.map(([vertex, count]) => [
      vertex.id,
      Array.from({ length: count }, (_, i) => slot(i)),
    ]),
  );
  const list = vertices.map(([vertex]) => vertex);
  const jobGraph = { name: 'test', vertices: list, edges, bounded: true };
  return new ExecutionGraph({ jobId: 'j', jobGraph, plan });
}

function wiring(graph: ExecutionGraph, vertexId: string, subtask: number): unknown {
  const execution = graph.ofVertex(vertexId)[subtask];
  assert.ok(execution !== undefined);
  const { inputs, outputs } = taskDeployment(graph, execution);
  return {
    reads: inputs.map((gate) =>
      gate.channels.map(({ partitionId, subpartition }) => `${partitionId}[${subpartition}]`),
    ),
    writes: outputs.map(({ partitionId, subpartitions, partitioner }) =>
      [partitionId, subpartitions, partitioner.kind].join(' '),
    ),
  };
}

const A = countVertex('a');
const B = countVertex('b');

const EDGES: readonly (readonly [
  kind: string,
  edge: JobEdge,
  parallelism: readonly [number, number],
  writes: unknown,
  reads: unknown,
])[] = [
  [
    'hash',
    edge('a', 'b', { kind: 'hash', keyBy: ['k'] }),
    [2, 3],
    ['j/a/1/0#a->b 3 hash'],
    [['j/a/0/0#a->b[1]', 'j/a/1/0#a->b[1]']],
  ],
  [
    'broadcast',
    edge('a', 'b', { kind: 'broadcast' }),
    [2, 2],
    ['j/a/1/0#a->b 2 broadcast'],
    [['j/a/0/0#a->b[1]', 'j/a/1/0#a->b[1]']],
  ],
  [
    'forward',
    edge('a', 'b', { kind: 'forward' }),
    [2, 2],
    ['j/a/1/0#a->b 1 forward'],
    [['j/a/1/0#a->b[0]']],
  ],
  [
    'forward between unequal sides',
    edge('a', 'b', { kind: 'forward' }),
    [2, 3],
    ['j/a/1/0#a->b 3 rebalance'],
    [['j/a/0/0#a->b[1]', 'j/a/1/0#a->b[1]']],
  ],
];

for (const [kind, between, [left, right], writes, reads] of EDGES) {
  test(`when an edge is ${kind}, then both ends name the same partitions`, () => {
    const graph = graphOf(
      [
        [A, left],
        [B, right],
      ],
      [between],
    );
    assert.deepEqual(wiring(graph, 'a', 1), { reads: [], writes });
    assert.deepEqual(wiring(graph, 'b', 1), { reads, writes: [] });
  });
}

test('when two edges leave an operator or enter a vertex, then each is a partition and a gate', () => {
  const C = countVertex('c');
  const edges = [edge('a', 'b'), edge('a', 'c'), edge('b', 'c')];
  const vertices = [A, B, C].map((vertex) => [vertex, 1] as const);
  const graph = graphOf(vertices, edges);
  assert.deepEqual(wiring(graph, 'a', 0), {
    reads: [],
    writes: ['j/a/0/0#a->b 1 rebalance', 'j/a/0/0#a->c 1 rebalance'],
  });
  assert.deepEqual(wiring(graph, 'c', 0), {
    reads: [['j/a/0/0#a->c[0]'], ['j/b/0/0#b->c[0]']],
    writes: [],
  });
});

test('when a gpu vertex fell back to a cpu slot, then it is deployed for the cpu', () => {
  const vertex = countVertex('a', { device: 'gpu', fallback: 'cpu' });
  const onCpu = graphOf([[vertex, 1]], []);
  const onGpu = graphOf([[vertex, 1]], [], 'gpu');
  assert.equal(taskDeployment(onCpu, onCpu.executions()[0]!).resources.device, 'cpu');
  assert.equal(taskDeployment(onGpu, onGpu.executions()[0]!).resources.device, 'gpu');
});

test('when a deployment crosses processes, then it is plain JSON', () => {
  const graph = graphOf(
    [
      [A, 1],
      [B, 2],
    ],
    [edge('a', 'b')],
  );
  const deployment = taskDeployment(graph, graph.executions()[0]!);
  assert.deepEqual(JSON.parse(JSON.stringify(deployment)), deployment);
  assert.equal(deployment.attemptId, 'j/a/0/0');
  assert.equal(deployment.onError, 'dead-letter');
});
