import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobMetrics } from '../../../jobmanager/metrics/job-metrics.ts';
import { SubtaskWindow } from '../../../jobmanager/metrics/subtask-window.ts';
import { LatencyHistogram } from '../../../shared/observability/latency-histogram.ts';
import type {
  OperatorMetricsReport,
  SubtaskMetrics,
} from '../../../shared/observability/subtask-metrics.ts';
import { pipeline, sinkVertex, sourceVertex } from '../../support/jobmanager/job-graphs.ts';

const NO_LATENCY = { buckets: [], sumMs: 0 };

function operator(
  operatorId: string,
  numbers: Partial<OperatorMetricsReport>,
): OperatorMetricsReport {
  return {
    operatorId,
    recordsIn: 0,
    recordsOut: 0,
    recordsRejected: 0,
    inFlight: 0,
    bytesIn: 0,
    bytesOut: 0,
    stageLatency: NO_LATENCY,
    endToEndLatency: NO_LATENCY,
    ...numbers,
  };
}

function report(attemptId: string, more: Partial<SubtaskMetrics> = {}): SubtaskMetrics {
  return {
    attemptId,
    recordsIn: 0,
    recordsOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    recordsRejected: 0,
    busyMs: 0,
    idleMs: 0,
    backPressuredMs: 0,
    buffersInQueued: 0,
    buffersOutQueued: 0,
    creditsIn: 0,
    creditsOut: 0,
    operators: [],
    firstRecordAtMs: 0,
    lastRecordAtMs: 0,
    ...more,
  };
}

test('when reports come every second, then rates are over the last three', () => {
  const window = new SubtaskWindow(0);
  assert.equal(window.rates().recordsPerSecond, 0);
  window.add(report('a', { recordsOut: 100, busyMs: 800, idleMs: 200 }), 100, 1_000);
  assert.equal(window.rates().recordsPerSecond, 100);
  assert.equal(window.rates().busy, 0.8);
  for (let second = 2; second <= 10; second += 1) {
    const backPressuredMs = (second - 1) * 1_000;
    window.add(
      report('a', {
        recordsOut: 100 + (second - 1) * 10,
        busyMs: 800,
        idleMs: 200,
        backPressuredMs,
      }),
      100 + (second - 1) * 10,
      second * 1_000,
    );
  }
  assert.deepEqual(window.rates(), {
    recordsPerSecond: 10,
    readPerSecond: 10,
    busy: 0,
    idle: 0,
    backPressured: 1,
  });
});

test('when two reports come at one moment, then the later one counts', () => {
  const window = new SubtaskWindow(0);
  window.add(report('a', { recordsIn: 5 }), 0, 1_000);
  window.add(report('a', { recordsIn: 50 }), 0, 1_000);
  assert.equal(window.rates().recordsPerSecond, 50);
});

test('when tasks report, then progress counts what sources read and sinks wrote', () => {
  const metrics = new JobMetrics(pipeline([sourceVertex('read'), sinkVertex('write')]));
  metrics.attemptRunning('j/read/0/0', 1_000);
  metrics.attemptRunning('j/write/0/0', 1_000);
  const latency = new LatencyHistogram();
  for (let index = 0; index < 99; index += 1) latency.record(10);
  latency.record(1_000);
  metrics.report(
    report('j/read/0/0', {
      operators: [operator('read', { recordsOut: 120 })],
      firstRecordAtMs: 500_000,
    }),
    2_000,
  );
  const written = [
    operator('write', { recordsIn: 100, recordsRejected: 5, endToEndLatency: latency.toSparse() }),
    operator('write-rejected', { recordsIn: 5, endToEndLatency: latency.toSparse() }),
  ];
  metrics.report(report('j/write/0/0', { operators: written }), 2_000);
  const source = { discovered: 7, assigned: 7, discoveryComplete: true };
  const sources = new Map([['read', source]]);
  const live = metrics.progress({ sources, ended: false, wallMs: 502_000 });
  assert.equal(live.recordsRead, 120);
  assert.deepEqual(live.recordsWritten, { write: 100 });
  assert.equal(live.recordsRejected, 5);
  assert.equal(live.recordsPerSecond, 120);
  assert.equal(live.activeMs, 2_000);
  assert.deepEqual([live.splitsDiscovered, live.discoveryComplete], [7, true]);
  assert.ok(Math.abs(live.latencyP50Ms - 10) < 0.5, `${live.latencyP50Ms}`);
  assert.ok(live.latencyP99Ms < 11, `${live.latencyP99Ms}`);
});

test('when a task has ended, then its final totals stay and late reports do not count', () => {
  const metrics = new JobMetrics(pipeline([sourceVertex('read')]));
  metrics.attemptRunning('j/read/0/0', 0);
  const final = report('j/read/0/0', {
    recordsOut: 400,
    busyMs: 500,
    idleMs: 1_500,
    operators: [operator('read', { recordsOut: 400 })],
    firstRecordAtMs: 700_100,
    lastRecordAtMs: 702_100,
  });
  metrics.attemptEnded('j/read/0/0', final, 2_000);
  metrics.report(report('j/read/0/0', { operators: [operator('read', { recordsOut: 1 })] }), 2_100);
  const progress = metrics.progress({ sources: new Map(), ended: true, wallMs: 760_000 });
  assert.equal(progress.recordsRead, 400);
  assert.equal(progress.activeMs, 2_000);
  assert.equal(progress.recordsPerSecond, 200);
  assert.equal(metrics.rates('j/read/0/0')?.recordsPerSecond, 200);
  assert.equal(metrics.rates('j/read/0/0')?.busy, 0.25);
  assert.equal(metrics.rates('j/read/1/0'), null);
});

test('when attempts are replaced, then their totals stay, and nothing else of them', () => {
  const metrics = new JobMetrics(pipeline([sourceVertex('r'), sinkVertex('w')]));
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const attemptId = `j/r/0/${attempt}`;
    metrics.keepOnly(new Set([attemptId]));
    metrics.report(
      report(attemptId, {
        firstRecordAtMs: 1_000 * (attempt + 1),
        operators: [operator('r', { recordsOut: 10, inFlight: 1 })],
      }),
      attempt,
    );
  }
  assert.equal(metrics.latest('j/r/0/1'), null);
  assert.equal(metrics.latest('j/r/0/2')?.attemptId, 'j/r/0/2');
  const [source] = metrics.operatorTotals();
  assert.deepEqual([source?.recordsOut, source?.inFlight], [30, 1]);
  const progress = metrics.progress({ sources: new Map(), ended: false, wallMs: 5_000 });
  assert.equal(progress.activeMs, 4_000);
});

test('when subtasks say when they read and wrote, then the job was active from first to last', () => {
  const metrics = new JobMetrics(pipeline([sourceVertex('read'), sinkVertex('write')]));
  const at = (firstRecordAtMs: number, lastRecordAtMs: number) => ({
    firstRecordAtMs,
    lastRecordAtMs,
  });
  const active = (ended: boolean) =>
    metrics.progress({ sources: new Map(), ended, wallMs: 90_000 }).activeMs;
  assert.equal(active(false), 0);
  metrics.report(report('j/read/0/0', at(10_250, 10_250)), 1_000);
  metrics.report(report('j/read/1/0', at(10_240, 13_000)), 1_000);
  assert.equal(active(false), 90_000 - 10_240);
  metrics.attemptEnded('j/read/0/0', report('j/read/0/0', at(10_250, 12_000)), 2_000);
  metrics.attemptEnded('j/read/1/0', report('j/read/1/0', at(10_240, 13_000)), 2_000);
  metrics.attemptEnded('j/write/0/0', report('j/write/0/0', at(0, 13_371)), 60_000);
  assert.equal(active(true), 13_371 - 10_240);
});
