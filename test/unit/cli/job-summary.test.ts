import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobSummary } from '../../../cli/output/job-summary.ts';
import { jobDetail } from './job-details.ts';

test('when a filter drops records, then the throughput counts them all the same', () => {
  const text = jobSummary(
    jobDetail({
      state: 'FINISHED',
      progress: {
        recordsRead: 1_000,
        recordsDone: 1_003,
        recordsTotal: 1_003,
        recordsWritten: { lights: 12 },
        recordsRejected: 3,
        latencyP50Ms: 40,
        latencyP99Ms: 1_234,
        activeMs: 2_006,
      },
    }),
  );
  assert.equal(
    text,
    [
      'traffic-lights finished (job 3f2a5c11d0e94b7a)',
      '  read           1,000',
      '  rejected       3',
      '  to lights      12',
      '  throughput     500/s over 2.0 s',
      '  latency        p50 40 ms, p99 1.2 s',
    ].join('\n'),
  );
});

test('when nothing was read, then the rate is nothing, too', () => {
  const text = jobSummary(jobDetail({ state: 'FINISHED' }));
  assert.match(text, /throughput {5}0\.0\/s over 0 ms/);
});

test('when a job fails before it read anything, then only its cause is told', () => {
  const error = {
    code: 'MODEL_INVALID',
    message: 'no classifier',
    domain: 'user',
    retry: 'none',
    context: {},
    causes: ['no classifier', 'the input has 4 channels'],
    hint: 'use another one',
  } as const;
  const failure = {
    error,
    at: '2026-01-02T03:04:06.000Z',
    vertexId: 'images',
    subtask: 1,
    taskManagerId: 'taskmanager-2',
  };
  const vertex = {
    id: 'images',
    name: 'images → classes',
    device: 'cpu',
    parallelism: 4,
    operators: [],
    subtasks: [],
  } as const;
  assert.equal(
    jobSummary(jobDetail({ state: 'FAILED', failure, vertices: [vertex] })),
    [
      'traffic-lights failed (job 3f2a5c11d0e94b7a)',
      '',
      '  in task images → classes (2/4) on task manager taskmanager-2',
      'error MODEL_INVALID: no classifier',
      '  because: the input has 4 channels',
      '  try: use another one',
    ].join('\n'),
  );
});

test('when a job waits for slots, then the summary says what it waits for', () => {
  const job = jobDetail({ state: 'WAITING_FOR_RESOURCES' });
  const text = jobSummary({ ...job, waitingReason: 'needs 1 cpu slot, 0 free' });
  assert.match(text, /because {8}needs 1 cpu slot, 0 free$/);
});
