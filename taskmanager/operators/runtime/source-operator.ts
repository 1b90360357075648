import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { InputOutcome, TaskInput } from '../../task/task-input.ts';
import type { TurnQuota } from '../../task/task-loop.ts';
import type { OperatorMetrics } from '../operator-metrics.ts';
import type { SourceReader, SourceReaderContext } from '../source-reader.ts';
import type { Output } from '../stream-operator.ts';
import type { ChainMember } from './chained-operator.ts';

/**
 * A source at the head of its chain (Flink's SourceOperator): polls the reader while the chain is
 * ready. What one poll gives beyond that waits here and leaves first, so the chain never gets a
 * record that it did not ask for.
 */
export class SourceOperator implements ChainMember, TaskInput {
  readonly id: string;
  readonly metrics: OperatorMetrics;
  readonly #reader: SourceReader<unknown>;
  readonly #context: SourceReaderContext;
  readonly #output: Output;
  readonly #isReady: () => boolean;
  readonly #collect: (record: StreamRecord) => void;
  #wake: () => void = () => {};
  /** Bounded by what one poll gives. */
  #held: StreamRecord[] = [];
  #heldPosition = 0;

  constructor(options: {
    readonly reader: SourceReader<unknown>;
    readonly context: SourceReaderContext;
    readonly output: Output;
    /** Of the whole chain, its dead letters included. */
    readonly isReady: () => boolean;
  }) {
    this.id = options.context.operatorId;
    this.metrics = options.context.metrics;
    this.#reader = options.reader;
    this.#context = options.context;
    this.#output = options.output;
    this.#isReady = options.isReady;
    this.#collect = (record) => {
      this.metrics.recordsIn += 1;
      this.metrics.recordRead(record.ingestedAtMs);
      if (this.#held.length === 0 && this.#isReady()) this.#output.emit(record);
      else this.#held.push(record);
    };
  }

  async open(): Promise<void> {
    await this.#reader.open(this.#context, () => this.#wake());
  }

  start(wake: () => void): void {
    this.#wake = wake;
  }

  addSplits(splits: readonly unknown[]): void {
    this.#reader.addSplits(splits);
    this.#wake();
  }

  noMoreSplits(): void {
    this.#reader.noMoreSplits();
    this.#wake();
  }

  process(quota: TurnQuota): InputOutcome {
    for (;;) {
      if (!this.#emitHeld()) return 'blocked';
      const status = this.#reader.pollNext(this.#collect);
      if (status === 'nothing-available') return this.#held.length === 0 ? 'empty' : 'blocked';
      // The records of the last poll must leave before the input ends: the next turn sees to it.
      if (status === 'end-of-input' && this.#held.length === 0) return 'ended';
      if (quota.isSpent()) return 'more';
    }
  }

  get bytesIn(): number {
    return this.metrics.bytesIn;
  }

  get buffersQueued(): number {
    return 0;
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#held = [];
    await this.#reader.close();
  }

  /** True where nothing is left. */
  #emitHeld(): boolean {
    while (this.#heldPosition < this.#held.length) {
      if (!this.#isReady()) return false;
      this.#output.emit(this.#held[this.#heldPosition] as StreamRecord);
      this.#heldPosition += 1;
    }
    if (this.#heldPosition > 0) {
      this.#held = [];
      this.#heldPosition = 0;
    }
    return true;
  }
}
