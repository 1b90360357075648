import type { SparseHistogram } from './latency-histogram.ts';

/** Running totals of one attempt since its start, as a task manager reports them. */
export interface SubtaskMetrics {
  readonly attemptId: string;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly recordsRejected: number;
  readonly busyMs: number;
  readonly idleMs: number;
  readonly backPressuredMs: number;
  /** Buffers waiting now. */
  readonly buffersInQueued: number;
  readonly buffersOutQueued: number;
  /** Buffers that its producers may still send to it, and that it may send at once. */
  readonly creditsIn: number;
  readonly creditsOut: number;
  readonly operators: readonly OperatorMetricsReport[];
  /**
   * When its source began to read the first record that it emitted, and when its sinks took (where
   * there are none: its source read) the last one; the task manager's wall clock, 0: not yet.
   */
  readonly firstRecordAtMs: number;
  readonly lastRecordAtMs: number;
}

/** Where a subtask's time goes: the label `state` of metrics, and the field that counts it. */
export const SUBTASK_TIMES = [
  ['busy', 'busyMs'],
  ['idle', 'idleMs'],
  ['back_pressured', 'backPressuredMs'],
] as const satisfies readonly (readonly [string, keyof SubtaskMetrics])[];

/** Of one operator of the attempt's chain, likewise running totals. */
export interface OperatorMetricsReport {
  readonly operatorId: string;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly recordsRejected: number;
  /** Elements inside the operator now. */
  readonly inFlight: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly stageLatency: SparseHistogram;
  readonly endToEndLatency: SparseHistogram;
}

export interface ProcessMetrics {
  readonly rssBytes: number;
  /** In cores: 1.5 is one core and a half. */
  readonly cpuCoresUsed: number;
  readonly eventLoopDelayMs: number;
}
