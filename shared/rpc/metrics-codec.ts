import type { Histogram__Output as HistogramOutput } from '../../proto/generated/sluice/v1/Histogram.ts';
import type { OperatorMetrics__Output as OperatorMetricsOutput } from '../../proto/generated/sluice/v1/OperatorMetrics.ts';
import type { ProcessMetrics__Output as ProcessMetricsOutput } from '../../proto/generated/sluice/v1/ProcessMetrics.ts';
import type {
  SubtaskMetrics as SubtaskMetricsInfo,
  SubtaskMetrics__Output as SubtaskMetricsOutput,
} from '../../proto/generated/sluice/v1/SubtaskMetrics.ts';
import type { SparseHistogram } from '../observability/latency-histogram.ts';
import type {
  OperatorMetricsReport,
  ProcessMetrics,
  SubtaskMetrics,
} from '../observability/subtask-metrics.ts';

const EMPTY_HISTOGRAM: SparseHistogram = { buckets: [], sumMs: 0 };

export function encodeSubtaskMetrics(metrics: SubtaskMetrics): SubtaskMetricsInfo {
  return {
    ...metrics,
    operators: metrics.operators.map((operator) => ({
      ...operator,
      stageLatency: encodeHistogram(operator.stageLatency),
      endToEndLatency: encodeHistogram(operator.endToEndLatency),
    })),
  };
}

export function decodeSubtaskMetrics(info: SubtaskMetricsOutput): SubtaskMetrics {
  return { ...info, operators: info.operators.map(decodeOperatorMetrics) };
}

export function decodeProcessMetrics(info: ProcessMetricsOutput | null): ProcessMetrics {
  return {
    rssBytes: info?.rssBytes ?? 0,
    cpuCoresUsed: info?.cpuCoresUsed ?? 0,
    eventLoopDelayMs: info?.eventLoopDelayMs ?? 0,
  };
}

function decodeOperatorMetrics(info: OperatorMetricsOutput): OperatorMetricsReport {
  return {
    ...info,
    stageLatency: decodeHistogram(info.stageLatency),
    endToEndLatency: decodeHistogram(info.endToEndLatency),
  };
}

function encodeHistogram(histogram: SparseHistogram): { buckets: number[]; sumMs: number } {
  return { buckets: [...histogram.buckets], sumMs: histogram.sumMs };
}

function decodeHistogram(info: HistogramOutput | null): SparseHistogram {
  return info === null ? EMPTY_HISTOGRAM : { buckets: info.buckets, sumMs: info.sumMs };
}
