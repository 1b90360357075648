import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resumableJob } from '../../../jobmanager/dispatcher/resumable-job.ts';
import type { JobGraph } from '../../../shared/job-graph/job-graph.ts';
import { pipeline, sinkVertex, sourceVertex } from '../../support/jobmanager/job-graphs.ts';

const graph = (count: number): JobGraph =>
  pipeline([sourceVertex('numbers', { count }), sinkVertex('nothing')]);

/** As it comes out of a record. */
const stored = (jobGraph: JobGraph): JobGraph => JSON.parse(JSON.stringify(jobGraph)) as JobGraph;

const REFUSED = { code: 'JOB_STATE', message: /unfinished job, [ab] / };

test('when nothing is unfinished, then the job begins anew', () => {
  assert.equal(resumableJob(graph(1), []), null);
});

test('when the same job is unfinished, then that goes on', () => {
  assert.equal(resumableJob(graph(1), [{ jobId: 'a', jobGraph: stored(graph(1)) }]), 'a');
});

test('when another one is unfinished, alone or beside it, then the job is refused', () => {
  const same = { jobId: 'a', jobGraph: graph(1) };
  const other = { jobId: 'b', jobGraph: graph(2) };
  assert.throws(() => resumableJob(graph(1), [other]), REFUSED);
  assert.throws(() => resumableJob(graph(1), [same, other]), REFUSED);
  assert.throws(() => resumableJob(graph(1), [other, same]), REFUSED);
});

test('when it is unfinished twice, then it is not known which one is meant', () => {
  const [a, b] = ['a', 'b'].map((jobId) => ({ jobId, jobGraph: graph(1) }));
  assert.throws(() => resumableJob(graph(1), [a!, b!]), REFUSED);
});
