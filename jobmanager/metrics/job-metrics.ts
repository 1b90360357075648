import type { JobGraph, OperatorNode } from '../../shared/job-graph/job-graph.ts';
import { LatencyHistogram } from '../../shared/observability/latency-histogram.ts';
import type {
  OperatorMetricsReport,
  SubtaskMetrics,
} from '../../shared/observability/subtask-metrics.ts';
import type { JobProgress } from '../../shared/rest/rest-types.ts';
import type { EnumeratorProgress } from '../sources/split-enumerator.ts';
import { RecordFlow } from './record-flow.ts';
import { type SubtaskRates, SubtaskWindow } from './subtask-window.ts';

interface AttemptMetrics {
  readonly window: SubtaskWindow;
  latest: SubtaskMetrics | null;
  /** The final totals are in: later reports are late ones. */
  ended: boolean;
}

/** One operator, summed over the attempts. */
export interface OperatorTotals {
  readonly operator: OperatorNode;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly recordsRejected: number;
  readonly inFlight: number;
  readonly stageLatency: LatencyHistogram;
  readonly endToEndLatency: LatencyHistogram;
}

export interface ProgressOptions {
  /** By the source's operator id. */
  readonly sources: ReadonlyMap<string, EnumeratorProgress>;
  readonly ended: boolean;
  readonly wallMs: number;
}

/**
 * A job's numbers, from the running totals that task managers report with their heartbeats and once
 * more, final, with the end of each task. Times are monotonic milliseconds.
 */
export class JobMetrics {
  readonly #operators: readonly OperatorNode[];
  readonly #flow: RecordFlow;
  readonly #attempts = new Map<string, AttemptMetrics>();
  /** By operator: the totals of attempts that were replaced. What they read is read again in part. */
  readonly #replaced = new Map<string, OperatorMetricsReport>();
  /** Of the attempts that were replaced. */
  #firstRecordAtMs = Number.POSITIVE_INFINITY;

  constructor(jobGraph: JobGraph) {
    this.#operators = jobGraph.vertices.flatMap((vertex) => vertex.operators);
    this.#flow = new RecordFlow(jobGraph);
  }

  attemptRunning(attemptId: string, nowMs: number): void {
    // Its first report may come before the news that it runs.
    if (this.#attempts.has(attemptId)) return;
    const window = new SubtaskWindow(nowMs);
    this.#attempts.set(attemptId, { window, latest: null, ended: false });
  }

  report(metrics: SubtaskMetrics, nowMs: number): void {
    this.attemptRunning(metrics.attemptId, nowMs);
    const attempt = this.#attempts.get(metrics.attemptId);
    if (attempt === undefined || attempt.ended) return;
    attempt.latest = metrics;
    attempt.window.add(metrics, this.#recordsRead(metrics.operators), nowMs);
  }

  attemptEnded(attemptId: string, final: SubtaskMetrics | null, nowMs: number): void {
    if (final !== null) this.report(final, nowMs);
    const attempt = this.#attempts.get(attemptId);
    if (attempt !== undefined) attempt.ended = true;
  }

  /** All others were replaced by these, or have ended with them: only their totals are kept. */
  keepOnly(attemptIds: ReadonlySet<string>): void {
    for (const [attemptId, { latest }] of this.#attempts) {
      if (attemptIds.has(attemptId)) continue;
      this.#attempts.delete(attemptId);
      this.#noteFirstRecord(latest);
      for (const report of latest?.operators ?? []) {
        const before = this.#replaced.get(report.operatorId);
        this.#replaced.set(report.operatorId, added(before, report));
      }
    }
  }

  #noteFirstRecord(latest: SubtaskMetrics | null): void {
    if (latest === null || latest.firstRecordAtMs === 0) return;
    this.#firstRecordAtMs = Math.min(this.#firstRecordAtMs, latest.firstRecordAtMs);
  }

  latest(attemptId: string): SubtaskMetrics | null {
    return this.#attempts.get(attemptId)?.latest ?? null;
  }

  /** Over the last seconds, or once it has ended over its life; null before its first report. */
  rates(attemptId: string): SubtaskRates | null {
    const attempt = this.#attempts.get(attemptId);
    if (attempt === undefined) return null;
    return attempt.ended ? attempt.window.lifetimeRates() : attempt.window.rates();
  }

  operatorTotals(): OperatorTotals[] {
    const reports = new Map<string, OperatorMetricsReport[]>();
    for (const [operatorId, report] of this.#replaced) reports.set(operatorId, [report]);
    for (const { latest } of this.#attempts.values()) {
      for (const report of latest?.operators ?? []) {
        const list = reports.get(report.operatorId);
        if (list === undefined) reports.set(report.operatorId, [report]);
        else list.push(report);
      }
    }
    return this.#operators.map((operator) => sum(operator, reports.get(operator.id) ?? []));
  }

  progress(options: ProgressOptions): JobProgress {
    const totals = this.operatorTotals();
    const sources = [...options.sources.values()];
    const recordsRead = total(totals.filter(isSource), (operator) => operator.recordsOut);
    const sinks = totals.filter(isSink);
    const latency = new LatencyHistogram();
    for (const sink of sinks) latency.merge(sink.endToEndLatency.toSparse());
    const activeMs = this.#activeMs(options.ended, options.wallMs);
    const recordsTotal = this.#flow.recordsTotal(options.sources);
    return {
      recordsRead,
      recordsDone: this.#recordsDone(totals, recordsTotal),
      recordsTotal,
      recordsWritten: Object.fromEntries(
        sinks.map((sink) => [sink.operator.id, sink.recordsIn] as const),
      ),
      recordsRejected: this.recordsRejected(totals),
      splitsDiscovered: total(sources, (source) => source.discovered),
      discoveryComplete: sources.length > 0 && sources.every((source) => source.discoveryComplete),
      // Over the whole job once it has ended.
      recordsPerSecond: options.ended ? perSecond(recordsRead, activeMs) : this.#readPerSecond(),
      latencyP50Ms: latency.quantileMs(0.5),
      latencyP99Ms: latency.quantileMs(0.99),
      activeMs,
    };
  }

  /** Of the job with these totals. */
  recordsRejected(totals: readonly OperatorTotals[]): number {
    const rejected = total(totals, (operator) =>
      isDeadLetters(operator) ? 0 : operator.recordsRejected,
    );
    const deadLetters = total(totals.filter(isDeadLetters), (operator) => operator.recordsIn);
    return Math.max(rejected, deadLetters);
  }

  #recordsDone(totals: readonly OperatorTotals[], recordsTotal: number | null): number {
    const done = this.#flow.recordsDone(totals);
    // Records that were read again after a failure count again.
    const isRestarted = this.#replaced.size > 0 && recordsTotal !== null;
    return isRestarted ? Math.min(done, recordsTotal) : done;
  }

  #readPerSecond(): number {
    let rate = 0;
    for (const { window, ended } of this.#attempts.values()) {
      if (!ended) rate += window.rates().readPerSecond;
    }
    return rate;
  }

  /** By the subtasks' own clocks: reports come too seldom to measure a short job by. */
  #activeMs(ended: boolean, wallMs: number): number {
    let firstMs = this.#firstRecordAtMs;
    let lastMs = 0;
    for (const { latest } of this.#attempts.values()) {
      if (latest === null) continue;
      if (latest.firstRecordAtMs > 0) firstMs = Math.min(firstMs, latest.firstRecordAtMs);
      lastMs = Math.max(lastMs, latest.lastRecordAtMs);
    }
    return Math.max(0, (ended ? lastMs : wallMs) - firstMs);
  }

  #recordsRead(reports: readonly OperatorMetricsReport[]): number {
    let read = 0;
    for (const { operatorId, recordsOut } of reports) {
      const operator = this.#operators.find((candidate) => candidate.id === operatorId);
      if (operator?.kind.startsWith('source/')) read += recordsOut;
    }
    return read;
  }
}

function sum(operator: OperatorNode, reports: readonly OperatorMetricsReport[]): OperatorTotals {
  const stageLatency = new LatencyHistogram();
  const endToEndLatency = new LatencyHistogram();
  for (const report of reports) {
    stageLatency.merge(report.stageLatency);
    endToEndLatency.merge(report.endToEndLatency);
  }
  return {
    operator,
    recordsIn: total(reports, (report) => report.recordsIn),
    recordsOut: total(reports, (report) => report.recordsOut),
    recordsRejected: total(reports, (report) => report.recordsRejected),
    inFlight: total(reports, (report) => report.inFlight),
    stageLatency,
    endToEndLatency,
  };
}

/** Nothing of an attempt that has ended is in flight. */
function added(
  before: OperatorMetricsReport | undefined,
  report: OperatorMetricsReport,
): OperatorMetricsReport {
  if (before === undefined) return { ...report, inFlight: 0 };
  const stageLatency = new LatencyHistogram();
  const endToEndLatency = new LatencyHistogram();
  for (const { stageLatency: stage, endToEndLatency: endToEnd } of [before, report]) {
    stageLatency.merge(stage);
    endToEndLatency.merge(endToEnd);
  }
  return {
    operatorId: report.operatorId,
    recordsIn: before.recordsIn + report.recordsIn,
    recordsOut: before.recordsOut + report.recordsOut,
    recordsRejected: before.recordsRejected + report.recordsRejected,
    inFlight: 0,
    bytesIn: before.bytesIn + report.bytesIn,
    bytesOut: before.bytesOut + report.bytesOut,
    stageLatency: stageLatency.toSparse(),
    endToEndLatency: endToEndLatency.toSparse(),
  };
}

function total<Item>(items: readonly Item[], value: (item: Item) => number): number {
  return items.reduce((accumulated, item) => accumulated + value(item), 0);
}

function perSecond(records: number, durationMs: number): number {
  return durationMs > 0 ? (records * 1000) / durationMs : 0;
}

function isSource({ operator }: OperatorTotals): boolean {
  return operator.kind.startsWith('source/');
}

function isDeadLetters({ operator }: OperatorTotals): boolean {
  return operator.kind === 'sink/dead-letters';
}

function isSink(totals: OperatorTotals): boolean {
  return totals.operator.kind.startsWith('sink/') && !isDeadLetters(totals);
}
