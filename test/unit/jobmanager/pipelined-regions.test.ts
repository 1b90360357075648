import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pipelinedRegions } from '../../../jobmanager/execution-graph/pipelined-regions.ts';
import type { JobEdge, JobGraph } from '../../../shared/job-graph/job-graph.ts';
import {
  countVertex,
  edge,
  sinkVertex,
  sourceVertex,
} from '../../support/jobmanager/job-graphs.ts';

/** The regions as sorted lists of keys, `a/0+b/0`. */
function regions(
  edges: readonly JobEdge[],
  parallelism: Readonly<Record<string, number>>,
): string[] {
  const vertices = Object.keys(parallelism).map((id) => countVertex(id));
  const jobGraph: JobGraph = { name: 'j', vertices, edges, bounded: true };
  const found = pipelinedRegions(jobGraph, ({ id }) => parallelism[id] ?? 0);
  return [...new Set(found.values())].map((keys) => [...keys].toSorted().join('+')).toSorted();
}

const FORWARD = { kind: 'forward' } as const;

test('when vertices exchange over forward edges, then each column is a region', () => {
  const edges = [edge('a', 'b', FORWARD), edge('b', 'c', FORWARD)];
  assert.deepEqual(regions(edges, { a: 2, b: 2, c: 2 }), ['a/0+b/0+c/0', 'a/1+b/1+c/1']);
});

test('when one edge is all-to-all, then everything that reaches it is one region', () => {
  const edges = [edge('a', 'b', FORWARD), edge('b', 'c'), edge('x', 'y', FORWARD)];
  assert.deepEqual(regions(edges, { a: 2, b: 2, c: 3, x: 2, y: 2 }), [
    'a/0+a/1+b/0+b/1+c/0+c/1+c/2',
    'x/0+y/0',
    'x/1+y/1',
  ]);
});

test('when a forward edge lost its equal parallelisms, then it connects all with all', () => {
  assert.deepEqual(regions([edge('a', 'b', FORWARD)], { a: 2, b: 1 }), ['a/0+a/1+b/0']);
});

test('when two sources feed one sink, then the sink joins them', () => {
  const edges = [edge('a', 'c', FORWARD), edge('b', 'c', FORWARD)];
  assert.deepEqual(regions(edges, { a: 2, b: 2, c: 2 }), ['a/0+b/0+c/0', 'a/1+b/1+c/1']);
});

test('when vertices have no edges, then every subtask is a region of its own', () => {
  const jobGraph: JobGraph = {
    name: 'j',
    vertices: [sourceVertex('a'), sinkVertex('b')],
    edges: [],
    bounded: true,
  };
  const found = pipelinedRegions(jobGraph, () => 2);
  assert.deepEqual(
    [...found].map(([key, region]) => [key, ...region]),
    ['a/0', 'a/1', 'b/0', 'b/1'].map((key) => [key, key]),
  );
});
