import type { Barrier } from '../../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { InputOutcome, TaskInput } from '../../task/task-input.ts';
import type { TurnQuota } from '../../task/task-loop.ts';
import type { OperatorMetrics } from '../operator-metrics.ts';
import type { SourceReader, SourceReaderContext } from '../source-reader.ts';
import type { Output } from '../stream-operator.ts';
import type { ChainMember } from './chained-operator.ts';
import type { BarrierObserver, ListSnapshot, RestoredState } from './member-snapshot.ts';

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
  readonly #barriers: BarrierObserver;
  readonly #isReady: () => boolean;
  readonly #collect: (record: StreamRecord) => void;
  #wake: () => void = () => {};
  /** Bounded by what one poll gives. */
  #held: StreamRecord[] = [];
  #heldPosition = 0;
  #isPaused = false;

  constructor(options: {
    readonly reader: SourceReader<unknown>;
    readonly context: SourceReaderContext;
    readonly output: Output;
    readonly barriers: BarrierObserver;
    /** Of the whole chain, its dead letters included. */
    readonly isReady: () => boolean;
  }) {
    this.id = options.context.operatorId;
    this.metrics = options.context.metrics;
    this.#reader = options.reader;
    this.#context = options.context;
    this.#output = options.output;
    this.#barriers = options.barriers;
    this.#isReady = options.isReady;
    this.#collect = (record) => {
      this.metrics.recordsIn += 1;
      this.metrics.recordRead(record.ingestedAtMs);
      if (this.#held.length === 0 && this.#isReady()) this.#output.emit(record);
      else this.#held.push(record);
    };
  }

  async open(restored: RestoredState | null): Promise<void> {
    const splits = restored?.lists['splits'] ?? [];
    await this.#reader.open(this.#context, () => this.#wake(), splits);
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

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#wake();
  }

  /**
   * Starts a barrier on its way, behind every record of the splits that the snapshot no longer has.
   * What is held leaves first, ready or not: one poll's records at most.
   */
  emitBarrier(barrier: Barrier): void {
    this.emitHeld();
    this.#barriers.pass(this.id, barrier, ({ checkpointId }) => {
      const entries = this.#reader.snapshotState(checkpointId);
      const lists: Record<string, ListSnapshot> =
        entries.length > 0 ? { splits: { mode: 'split', entries } } : {};
      return { state: { lists, keyed: {} }, deferred: null };
    });
    this.#output.emitEvent(barrier);
  }

  /** Emits what one poll gave beyond what the chain was ready for. */
  emitHeld(): void {
    for (const record of this.#held.slice(this.#heldPosition)) this.#output.emit(record);
    this.#held = [];
    this.#heldPosition = 0;
  }

  process(quota: TurnQuota): InputOutcome {
    if (this.#isPaused) return 'empty';
    for (;;) {
      if (!this.#emitWhileReady()) return 'blocked';
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

  get creditsGranted(): number {
    return 0;
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  checkpointComplete(checkpointId: number): Promise<void> {
    this.#reader.notifyCheckpointComplete?.(checkpointId);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#held = [];
    await this.#reader.close();
  }

  /** True where nothing is left. */
  #emitWhileReady(): boolean {
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
