import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OperatorTotals } from '../../../jobmanager/metrics/job-metrics.ts';
import { RecordFlow } from '../../../jobmanager/metrics/record-flow.ts';
import type { JobGraph, OperatorNode } from '../../../shared/job-graph/job-graph.ts';
import { LatencyHistogram } from '../../../shared/observability/latency-histogram.ts';
import { edge, pipeline, sinkVertex, sourceVertex } from '../../support/jobmanager/job-graphs.ts';

type Numbers = Partial<
  Pick<OperatorTotals, 'recordsIn' | 'recordsOut' | 'recordsRejected' | 'inFlight'>
>;

function totals(graph: JobGraph, numbers: Readonly<Record<string, Numbers>>): OperatorTotals[] {
  return graph.vertices
    .flatMap((vertex) => vertex.operators)
    .map((operator) => ({
      operator,
      recordsIn: 0,
      recordsOut: 0,
      recordsRejected: 0,
      inFlight: 0,
      stageLatency: new LatencyHistogram(),
      endToEndLatency: new LatencyHistogram(),
      ...numbers[operator.id],
    }));
}

function node(id: string, kind: OperatorNode['kind'], chainedTo: string | null): OperatorNode {
  return { id, kind, options: {}, chainedTo } as unknown as OperatorNode;
}

/** images → classes → (exchange) → keep → rows, with dead letters in both chains. */
function filtering(): JobGraph {
  const graph = pipeline([sourceVertex('images'), sinkVertex('keep')]);
  const [first, second] = graph.vertices;
  assert.ok(first && second);
  return {
    ...graph,
    vertices: [
      {
        ...first,
        operators: [
          node('images', 'source/files', null),
          node('classes', 'transform/onnx', 'images'),
          node('dead-1', 'sink/dead-letters', 'images'),
        ],
      },
      {
        ...second,
        operators: [
          node('keep', 'transform/filter', null),
          node('rows', 'sink/files', 'keep'),
          node('dead-2', 'sink/dead-letters', 'keep'),
        ],
      },
    ],
    edges: [{ ...edge('images', 'keep'), sourceOperator: 'classes' }],
  };
}

test('when a filter drops and operators reject, then all that was read is done at the end', () => {
  const graph = filtering();
  const done = new RecordFlow(graph).recordsDone(
    totals(graph, {
      images: { recordsIn: 98, recordsOut: 98, recordsRejected: 2 },
      classes: { recordsIn: 98, recordsOut: 95, recordsRejected: 3 },
      'dead-1': { recordsIn: 5, recordsOut: 5 },
      keep: { recordsIn: 95, recordsOut: 10 },
      rows: { recordsIn: 10, recordsOut: 10 },
    }),
  );
  assert.equal(done, 100);
});

test('when records are inside operators or on their way between tasks, then they are not done', () => {
  const graph = filtering();
  const done = new RecordFlow(graph).recordsDone(
    totals(graph, {
      images: { recordsIn: 50, recordsOut: 50 },
      classes: { recordsIn: 50, recordsOut: 38, recordsRejected: 2, inFlight: 10 },
      keep: { recordsIn: 30, recordsOut: 4 },
      rows: { recordsIn: 4 },
    }),
  );
  assert.equal(done, 50 - 10 - 8);
});

test('when the consumer reports before the producer, then nothing counts twice', () => {
  const graph = filtering();
  const done = new RecordFlow(graph).recordsDone(
    totals(graph, {
      images: { recordsOut: 20 },
      classes: { recordsIn: 20, recordsOut: 20 },
      keep: { recordsIn: 40 },
    }),
  );
  assert.equal(done, 20);
});

test('when the sources know how much there is, then the total is in records, not in splits', () => {
  const progress = { discovered: 7, assigned: 7, discoveryComplete: true };
  const generated = pipeline([sourceVertex('read', { count: 1_000_000 })]);
  assert.equal(new RecordFlow(generated).recordsTotal(new Map([['read', progress]])), 1_000_000);
  const endless = pipeline([sourceVertex('read')]);
  assert.equal(new RecordFlow(endless).recordsTotal(new Map([['read', progress]])), null);
  const files = new RecordFlow(filtering());
  assert.equal(files.recordsTotal(new Map([['images', progress]])), 7);
  assert.equal(files.recordsTotal(new Map()), 0);
});
