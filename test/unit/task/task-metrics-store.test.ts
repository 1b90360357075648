import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StorageMeter } from '../../../shared/filesystem/storage-meter.ts';
import type { TaskDeployment } from '../../../shared/job-graph/task-deployment.ts';
import { LatencyHistogram } from '../../../shared/observability/latency-histogram.ts';
import type { SubtaskMetrics } from '../../../shared/observability/subtask-metrics.ts';
import { RefusedConnections } from '../../../shared/security/refused-connections.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { parseGpuQuery } from '../../../taskmanager/metrics/gpu-query.ts';
import { taskManagerMetrics } from '../../../taskmanager/metrics/prometheus.ts';
import { TaskMetricsStore } from '../../../taskmanager/metrics/task-metrics-store.ts';
import { GPU_QUERY_OUTPUT } from '../../support/gpu-query-output.ts';

const deployment = (attemptId: string, jobId = 'job-1') =>
  ({
    attemptId,
    jobId,
    jobName: 'count',
    vertexId: 'v',
    subtaskIndex: 0,
    operators: [{ id: 'filter', kind: 'transform/filter' }],
  }) as unknown as TaskDeployment;

function report(attemptId: string, recordsIn: number, inFlight = 0): SubtaskMetrics {
  const stageLatency = new LatencyHistogram();
  for (let n = 0; n < recordsIn; n += 1) stageLatency.record(3);
  const empty = { buckets: [], sumMs: 0 };
  return {
    attemptId,
    recordsIn,
    recordsOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    recordsRejected: 0,
    busyMs: 1_500,
    idleMs: 0,
    backPressuredMs: 0,
    buffersInQueued: 4,
    buffersOutQueued: 0,
    creditsIn: 0,
    creditsOut: 0,
    firstRecordAtMs: 0,
    lastRecordAtMs: 0,
    operators: [
      {
        operatorId: 'filter',
        recordsIn,
        recordsOut: 0,
        recordsRejected: 0,
        inFlight,
        bytesIn: 0,
        bytesOut: 0,
        stageLatency: stageLatency.toSparse(),
        endToEndLatency: empty,
      },
    ],
  };
}

describe('TaskMetricsStore', () => {
  it('when a task ends, then its totals stay, and what was in flight is no more', () => {
    const store = new TaskMetricsStore(systemClock);
    store.taskDeployed(deployment('a'));
    store.taskDeployed(deployment('b'));
    store.metricsReported(report('a', 5, 2));
    store.metricsReported(report('b', 7, 1));
    assert.equal(store.operatorTotals()[0]?.recordsIn, 12);
    assert.equal(store.operatorTotals()[0]?.inFlight, 3);
    store.taskEnded('a', report('a', 6, 2));
    store.metricsReported(report('a', 100));
    assert.equal(store.operatorTotals()[0]?.recordsIn, 13);
    assert.equal(store.operatorTotals()[0]?.inFlight, 1);
    assert.equal(store.operatorTotals()[0]?.stageLatency.count, 13);
    assert.equal(store.operatorTotals()[0]?.recordsIn, 13, 'reading changes nothing');
  });

  it('when more than a hundred jobs have ended, then the oldest is forgotten', () => {
    const store = new TaskMetricsStore(systemClock);
    for (let job = 0; job < 150; job += 1) {
      store.taskDeployed(deployment(`a-${job}`, `job-${job}`));
      store.taskEnded(`a-${job}`, report(`a-${job}`, 1));
    }
    const jobs = new Set(store.operatorTotals().map(({ jobId }) => jobId));
    assert.equal(jobs.size, 100);
    assert.ok(jobs.has('job-149') && !jobs.has('job-0'));
  });

  it('when it is scraped, then tasks and executors are on the page', async () => {
    const store = new TaskMetricsStore(systemClock);
    store.taskDeployed(deployment('a'));
    store.metricsReported(report('a', 5, 2));
    const mainThread = new StorageMeter();
    mainThread.tried('GetObject', { number: 0, outcome: 'ok', durationMs: 20 });
    for (const threadId of [7, 8]) {
      const slot = new StorageMeter();
      slot.tried('GetObject', { number: 1, outcome: 'timeout', durationMs: 30 });
      const eventLoop = { p99Ms: 1, maxMs: 2_000 };
      store.threadReported({ name: 'slot-0', threadId, eventLoop, storage: slot.totals() });
    }
    const refused = new RefusedConnections();
    refused.open('data plane');
    refused.count('metrics', 'handshake');
    const registry = taskManagerMetrics({
      tasks: store,
      inference: () => [
        {
          device: 'cpu',
          executionProvider: 'cpu',
          executors: 2,
          modelsLoaded: 1,
          queued: 3,
          images: 40,
          imagesFailed: 0,
          runs: 10,
          imagesRun: 40,
          runMs: 2_000,
          normalizeMs: 100,
          batchSizes: [
            { sizeMax: 4, runs: 9 },
            { sizeMax: Number.POSITIVE_INFINITY, runs: 1 },
          ],
          models: [
            {
              name: 'scenes',
              durations: [
                { durationMaxMs: 100, runs: 4 },
                { durationMaxMs: 250, runs: 5 },
                { durationMaxMs: Number.POSITIVE_INFINITY, runs: 1 },
              ],
              sumMs: 2_000,
            },
          ],
        },
      ],
      gpus: () => parseGpuQuery(GPU_QUERY_OUTPUT),
      eventLoop: () => ({ p99Ms: 5, maxMs: 50 }),
      storage: () => mainThread.totals(),
      security: { certificateExpiresAtMs: () => 1_800_000_000_500, refused },
    });
    const page = await registry.metrics();
    const sample = (name: string, ...labels: string[]): number => {
      const line = page
        .split('\n')
        .find(
          (text) => text.startsWith(`${name}{`) && labels.every((label) => text.includes(label)),
        );
      assert.ok(line !== undefined, `${name} ${labels.join(' ')} is missing`);
      return Number(line.slice(line.lastIndexOf(' ')));
    };
    const operator = ['job_name="count"', 'operator="filter"', 'kind="transform/filter"'];
    assert.equal(sample('sluice_task_operator_records_in_total', ...operator), 5);
    const latency = 'sluice_task_operator_latency_seconds_bucket';
    assert.equal(sample(latency, ...operator, 'le="0.001"'), 0);
    assert.equal(sample(latency, ...operator, 'le="0.005"'), 5);
    assert.equal(sample('sluice_task_time_seconds_total', 'state="busy"'), 1.5);
    assert.equal(sample('sluice_task_buffers_in_queued', 'subtask="0"'), 4);
    assert.equal(sample('sluice_inference_images_total', 'device="cpu"'), 40);
    assert.equal(sample('sluice_inference_batch_size_bucket', 'le="4"'), 9);
    assert.equal(sample('sluice_inference_batch_size_bucket', 'le="+Inf"'), 10);
    assert.equal(sample('sluice_inference_batch_size_sum', 'device="cpu"'), 40);
    const run = 'sluice_inference_run_duration_seconds';
    assert.equal(sample(`${run}_bucket`, 'le="0.25"', 'model="scenes"'), 9);
    assert.equal(sample(`${run}_count`, 'model="scenes"'), 10);
    assert.equal(sample(`${run}_sum`, 'model="scenes"'), 2);
    assert.equal(sample('sluice_gpu_utilization_ratio', 'gpu="0"'), 0.87);
    assert.equal(sample('sluice_event_loop_delay_max_seconds', 'thread="main"'), 0.05);
    assert.equal(sample('sluice_event_loop_delay_max_seconds', 'thread="slot-0"'), 2);
    const requests = 'sluice_s3_requests_total';
    assert.equal(sample(requests, 'operation="GetObject"', 'outcome="ok"'), 1);
    // Of a slot's thread that is gone, and of the one in its place.
    assert.equal(sample(requests, 'operation="GetObject"', 'outcome="timeout"'), 2);
    assert.equal(sample('sluice_s3_retries_total', 'operation="GetObject"'), 2);
    assert.equal(sample('sluice_s3_request_duration_seconds_count'), 3);
    assert.equal(sample('sluice_certificate_not_after_timestamp_seconds'), 1_800_000_000.5);
    const refusals = 'sluice_connections_refused_total';
    assert.equal(sample(refusals, 'listener="metrics"', 'reason="handshake"'), 1);
    assert.equal(sample(refusals, 'listener="data_plane"', 'reason="role"'), 0);
    registry.clear();
  });
});
