import { LatencyHistogram } from '../../shared/observability/latency-histogram.ts';

/**
 * Counters of one operator in one subtask. Plain fields, incremented on the per-record path and
 * read once per report by the slot's thread; the runtime counts records in, out and rejected.
 */
export class OperatorMetrics {
  recordsIn = 0;
  recordsOut = 0;
  recordsRejected = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** Elements inside the operator now (asynchronous operators, sinks). */
  inFlight = 0;
  /** Wall clock, 0 before there is one; the first of sources, the last of sinks, too. */
  firstRecordAtMs = 0;
  lastRecordAtMs = 0;
  /** Time that one record spends in this operator's stage, milliseconds. */
  readonly stageLatency = new LatencyHistogram();
  /** From the source's read to this operator, milliseconds; kept by sinks. */
  readonly endToEndLatency = new LatencyHistogram();

  /** By a source; `atMs` is when the reading began. */
  recordRead(atMs: number): void {
    if (this.firstRecordAtMs === 0) this.firstRecordAtMs = atMs;
    this.lastRecordAtMs = atMs;
  }

  /** By a sink. */
  recordWritten(atMs: number): void {
    this.lastRecordAtMs = atMs;
  }
}
