import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobMeasurement } from '../../../jobmanager/metrics/job-measurement.ts';
import { jobManagerMetrics, type MeasuredTerm } from '../../../jobmanager/metrics/prometheus.ts';
import { CHECKPOINT_DEFAULTS } from '../../../shared/checkpoint/checkpoint-settings.ts';
import { StorageMeter } from '../../../shared/filesystem/storage-meter.ts';
import { LatencyHistogram } from '../../../shared/observability/latency-histogram.ts';
import { RefusedConnections } from '../../../shared/security/refused-connections.ts';

const NOW_MS = 1_000_000;

function jobOf(more: Partial<JobMeasurement> = {}): JobMeasurement {
  return {
    ...{ id: 'a1', name: 'photos', state: 'RUNNING', bounded: false, operators: [] },
    ...{ restarts: 2, rescales: 1, recordsRejected: 3, submittedAtMs: 400_000, endedAtMs: null },
    sources: [{ operatorId: 'images', discovered: 10, waiting: 4 }],
    subtasks: [],
    checkpoints: {
      settings: CHECKPOINT_DEFAULTS,
      figures: {
        ...{ inProgress: 1, completed: 5, bytes: 700, lastBytes: 70, ageMs: 2_500 },
        failed: new Map([['EXPIRED', 2]]),
        duration: new LatencyHistogram(),
        alignment: new LatencyHistogram(),
      },
    },
    ...more,
  };
}

/** The lines of a page that are samples of these metrics, without the label that all have. */
async function samples(term: MeasuredTerm | null, pattern: RegExp): Promise<string[]> {
  const registry = jobManagerMetrics({
    term: () => term,
    eventLoop: () => ({ p99Ms: 1, maxMs: 2 }),
    storage: () => new StorageMeter().totals(),
    security: { certificateExpiresAtMs: () => null, refused: new RefusedConnections() },
    nowMs: () => NOW_MS,
  });
  const page = await registry.metrics();
  registry.clear();
  const lines = page.split('\n').filter((line) => !line.startsWith('#') && pattern.test(line));
  return lines.map((line) => line.replace(/,?process="jobmanager"/, '').replace('{}', ''));
}

function termOf(jobs: readonly JobMeasurement[]): MeasuredTerm {
  const term = {
    epoch: 7,
    dispatcher: { measurements: () => jobs, stateCounts: () => ({ RUNNING: jobs.length }) },
    resourceManager: {
      infos: () => [{ id: 'tm', lastHeartbeatAgeMs: 1_500, cpuCoresUsed: 0.5, rssBytes: 9 }],
      slotCounts: () => ({ total: 4, free: 1 }),
      departures: { left: 1, disconnected: 2, silent: 0, replaced: 0 },
    },
  };
  return term as unknown as MeasuredTerm;
}

test('when it leads, then the page has its task managers, slots and jobs', async () => {
  const term = termOf([jobOf()]);
  assert.deepEqual(await samples(term, /^sluice_(leader|slots|task_manager)/), [
    'sluice_leader 1',
    'sluice_leader_epoch 7',
    'sluice_task_managers 1',
    'sluice_task_manager_departures_total{reason="left"} 1',
    'sluice_task_manager_departures_total{reason="disconnected"} 2',
    'sluice_task_manager_departures_total{reason="silent"} 0',
    'sluice_task_manager_departures_total{reason="replaced"} 0',
    'sluice_slots{state="free"} 1',
    'sluice_slots{state="taken"} 3',
    'sluice_task_manager_heartbeat_age_seconds{task_manager="tm"} 1.5',
    'sluice_task_manager_cpu_cores{task_manager="tm"} 0.5',
    'sluice_task_manager_resident_memory_bytes{task_manager="tm"} 9',
  ]);
  const job = 'job_id="a1",job_name="photos"';
  assert.deepEqual(await samples(term, /^sluice_(job|source)_/), [
    `sluice_job_state{${job},state="RUNNING"} 1`,
    `sluice_job_age_seconds{${job}} 600`,
    `sluice_job_submitted_timestamp_seconds{${job}} 400`,
    `sluice_job_bounded{${job}} 0`,
    `sluice_job_restarts_total{${job}} 2`,
    `sluice_job_rescales_total{${job}} 1`,
    `sluice_job_dead_letters_total{${job}} 3`,
    `sluice_source_splits_discovered_total{${job},operator="images"} 10`,
    `sluice_source_backlog_splits{${job},operator="images"} 4`,
  ]);
});

test('when it stands by, then the page says so, and nothing of a cluster', async () => {
  assert.deepEqual(await samples(null, /^sluice_(leader|slots|task_manager|job|source|check)/), [
    'sluice_leader 0',
  ]);
});

test('when a job runs, then failed checkpoints are counted from 0; when it has ended, only what was', async () => {
  const failed = /^sluice_checkpoints_failed_total/;
  const running = await samples(termOf([jobOf()]), failed);
  assert.ok(running.some((line) => line.endsWith('reason="EXPIRED"} 2')));
  assert.ok(running.some((line) => line.endsWith('reason="STORAGE_FAILED"} 0')));
  const ended = termOf([jobOf({ state: 'FAILED', endedAtMs: 900_000 })]);
  assert.deepEqual(await samples(ended, failed), [
    'sluice_checkpoints_failed_total{job_id="a1",job_name="photos",reason="EXPIRED"} 2',
  ]);
  assert.deepEqual(await samples(ended, /^sluice_(checkpoint_age|checkpoint_interval|job_age)/), [
    'sluice_job_age_seconds{job_id="a1",job_name="photos"} 500',
  ]);
});
