import type { Barrier, StreamEvent } from '../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { OperatorMetrics } from '../operators/operator-metrics.ts';
import type { ChainedOperator } from '../operators/runtime/chained-operator.ts';
import type { Output } from '../operators/stream-operator.ts';
import type { ResultPartition } from './result-partition.ts';

/**
 * Where an operator of a chain emits to. All of it runs in the task's loop, by direct calls: an
 * emitted record has passed through the whole synchronous rest of the chain when `emit` returns.
 */

/** To the next operator of the chain. */
export class DirectOutput implements Output {
  readonly #next: ChainedOperator;

  constructor(next: ChainedOperator) {
    this.#next = next;
  }

  emit(record: StreamRecord): void {
    this.#next.processElement(record);
  }

  emitEvent(event: StreamEvent): void {
    this.#next.processEvent(event);
  }

  isReady(): boolean {
    return this.#next.isReady();
  }
}

/** Over an edge of the job graph. */
export class PartitionOutput implements Output {
  readonly #partition: ResultPartition;
  readonly #leave: (barrier: Barrier) => void;

  /** `leave` lets barriers out. */
  constructor(partition: ResultPartition, leave: (barrier: Barrier) => void) {
    this.#partition = partition;
    this.#leave = leave;
  }

  emit(record: StreamRecord): void {
    this.#partition.emit(record);
  }

  emitEvent(event: StreamEvent): void {
    if (event.kind === 'barrier') this.#leave(event);
    else this.#partition.broadcastEvent(event);
  }

  isReady(): boolean {
    return this.#partition.isAvailable();
  }
}

/** To several consumers: each gets the same record. */
export class BroadcastingOutput implements Output {
  readonly #outputs: readonly Output[];

  constructor(outputs: readonly Output[]) {
    this.#outputs = outputs;
  }

  emit(record: StreamRecord): void {
    for (const output of this.#outputs) output.emit(record);
  }

  emitEvent(event: StreamEvent): void {
    for (const output of this.#outputs) output.emitEvent(event);
  }

  isReady(): boolean {
    for (const output of this.#outputs) if (!output.isReady()) return false;
    return true;
  }
}

/** Nobody reads it (the end of a chain is a sink, or a transform without consumers). */
export const endOutput: Output = {
  emit: () => {},
  emitEvent: () => {},
  isReady: () => true,
};

/** Counts what an operator emits, on the way to its real output. */
export class CountingOutput implements Output {
  readonly #metrics: OperatorMetrics;
  readonly #output: Output;

  constructor(metrics: OperatorMetrics, output: Output) {
    this.#metrics = metrics;
    this.#output = output;
  }

  emit(record: StreamRecord): void {
    this.#metrics.recordsOut += 1;
    this.#output.emit(record);
  }

  emitEvent(event: StreamEvent): void {
    this.#output.emitEvent(event);
  }

  isReady(): boolean {
    return this.#output.isReady();
  }
}
