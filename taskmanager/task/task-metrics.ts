import type {
  OperatorMetricsReport,
  SubtaskMetrics,
} from '../../shared/observability/subtask-metrics.ts';
import type { ChainMember } from '../operators/runtime/chained-operator.ts';
import type { ResultPartition } from './result-partition.ts';
import type { TaskInput } from './task-input.ts';
import type { TimeAccounting } from './time-accounting.ts';

/** The parts of a task that know something to report; those not made yet are null or empty. */
export interface MeasuredTask {
  readonly attemptId: string;
  readonly input: TaskInput | null;
  readonly members: readonly ChainMember[];
  /** By the operator whose output they carry. */
  readonly partitions: ReadonlyMap<string, readonly ResultPartition[]>;
  readonly time: TimeAccounting;
}

/** The running totals of one attempt. */
export function reportSubtaskMetrics(task: MeasuredTask): SubtaskMetrics {
  const operators = task.members.map(reportOperator);
  const partitions = [...task.partitions.values()].flat();
  const timesMs = task.time.totalsMs();
  let recordsOut = 0;
  for (const operator of operators) {
    recordsOut += operator.recordsOut * (task.partitions.get(operator.operatorId)?.length ?? 0);
  }
  return {
    attemptId: task.attemptId,
    recordsIn: operators[0]?.recordsIn ?? 0,
    recordsOut,
    bytesIn: task.input?.bytesIn ?? 0,
    bytesOut: sum(partitions, (partition) => partition.bytesOut),
    recordsRejected: sum(operators, (operator) => operator.recordsRejected),
    busyMs: timesMs.busy,
    idleMs: timesMs.idle,
    backPressuredMs: timesMs['back-pressured'],
    buffersInQueued: task.input?.buffersQueued ?? 0,
    buffersOutQueued: sum(partitions, (partition) => partition.buffersQueued),
    creditsIn: task.input?.creditsGranted ?? 0,
    creditsOut: sum(partitions, (partition) => partition.creditsAvailable),
    operators,
    firstRecordAtMs: Math.max(0, ...task.members.map(({ metrics }) => metrics.firstRecordAtMs)),
    lastRecordAtMs: Math.max(0, ...task.members.map(({ metrics }) => metrics.lastRecordAtMs)),
  };
}

function reportOperator({ id, metrics }: ChainMember): OperatorMetricsReport {
  return {
    operatorId: id,
    recordsIn: metrics.recordsIn,
    recordsOut: metrics.recordsOut,
    recordsRejected: metrics.recordsRejected,
    inFlight: metrics.inFlight,
    bytesIn: metrics.bytesIn,
    bytesOut: metrics.bytesOut,
    stageLatency: metrics.stageLatency.toSparse(),
    endToEndLatency: metrics.endToEndLatency.toSparse(),
  };
}

function sum<Item>(items: readonly Item[], value: (item: Item) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
