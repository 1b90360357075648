import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkpointsText } from '../../../cli/output/checkpoints-text.ts';
import { jobDetailText } from '../../../cli/output/job-detail.ts';
import { jobSummary } from '../../../cli/output/job-summary.ts';
import { CHECKPOINT_DEFAULTS } from '../../../shared/checkpoint/checkpoint-settings.ts';
import type {
  CheckpointInfo,
  JobCheckpointsDetail,
  JobException,
} from '../../../shared/rest/rest-types.ts';
import { jobDetail } from './job-details.ts';

const INFO: CheckpointInfo = {
  id: 14,
  purpose: 'checkpoint',
  status: 'COMPLETED',
  triggeredAt: '2026-01-02T03:04:05.000Z',
  durationMs: 35,
  bytes: 12_288,
  failure: null,
  path: 'file:///s/jobs/3f/checkpoints/chk-14',
};

const DETAIL: JobCheckpointsDetail = {
  settings: CHECKPOINT_DEFAULTS,
  counts: { completed: 14, failed: 1, inProgress: 1 },
  latest: INFO,
  inProgress: { ...INFO, id: 15, status: 'IN_PROGRESS', durationMs: 4, bytes: 0, path: null },
  history: [
    INFO,
    {
      ...INFO,
      id: 13,
      purpose: 'savepoint',
      status: 'FAILED',
      durationMs: 600_000,
      bytes: 0,
      failure: { reason: 'EXPIRED', message: 'it was not complete within its time-out' },
      path: null,
    },
  ],
};

test('when checkpoints are shown, then the settings, the counts and the last ones are told', () => {
  assert.equal(
    checkpointsText(DETAIL),
    `a checkpoint every 10 s, exactly once, unaligned after 1 s, 1 kept
14 completed, 1 failed, 1 in progress

ID  PURPOSE     STATUS       TRIGGERED                 DURATION     BYTES  FOLDER, OR WHY NOT
15  checkpoint  in progress  2026-01-02T03:04:05.000Z      4 ms       0 B
14  checkpoint  completed    2026-01-02T03:04:05.000Z     35 ms  12.0 KiB  file:///s/jobs/3f/checkpoints/chk-14
13  savepoint   failed       2026-01-02T03:04:05.000Z     10:00       0 B  EXPIRED: it was not complete within its time-out`,
  );
});

test('when none are taken, then it says why that may be', () => {
  assert.match(checkpointsText({ ...DETAIL, settings: null }), /no --storage, or the pipeline/);
});

test('when a job was restarted, then its summary counts restarts and checkpoints', () => {
  const checkpoints = { counts: DETAIL.counts, latest: INFO };
  const text = jobSummary(jobDetail({ restarts: 2, checkpoints }));
  assert.match(text, /\n {2}restarts {7}2\n/);
  assert.match(
    text,
    /\n {2}checkpoints {4}14 completed, 1 failed, 1 in progress; last: 14, 35 ms, 12\.0 KiB$/,
  );
  assert.doesNotMatch(jobSummary(jobDetail({})), /restarts|checkpoints/);
});

test('when a job survived a failure, then its detail tells the last one', () => {
  const exception = (message: string): JobException => ({
    error: {
      code: 'TASK_MANAGER_LOST',
      message,
      domain: 'external',
      retry: 'restart-job',
      context: {},
      causes: [],
    },
    at: '2026-01-02T03:04:05.000Z',
    vertexId: null,
    subtask: null,
    taskManagerId: 'taskmanager-2',
    outcome: 'restarted',
  });
  const text = jobDetailText(
    jobDetail({ exceptions: [exception('fell silent'), exception('old')] }),
  );
  assert.match(
    text,
    /last failure, at 2026-01-02T03:04:05.000Z\n {2}on task manager taskmanager-2/,
  );
  assert.match(text, /TASK_MANAGER_LOST: fell silent/);
  assert.doesNotMatch(text, /old/);
});
