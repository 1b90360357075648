/** Operators for tests of the runtime around them. */
import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { AsyncFunction } from '../../taskmanager/operators/async-function.ts';
import type { OperatorContext } from '../../taskmanager/operators/operator-context.ts';
import type { PreCommit, SinkWriter } from '../../taskmanager/operators/sink-writer.ts';
import type {
  InputStatus,
  SourceReader,
  SourceReaderContext,
} from '../../taskmanager/operators/source-reader.ts';
import type {
  OperatorSnapshot,
  Output,
  StreamOperator,
} from '../../taskmanager/operators/stream-operator.ts';

/** Emits what `map` makes of each record. */
export class MappingOperator implements StreamOperator {
  readonly #map: (record: StreamRecord) => readonly StreamRecord[];
  readonly #atEnd: readonly StreamRecord[];
  #output: Output | null = null;
  finished = 0;
  closed = 0;

  constructor(
    map: (record: StreamRecord) => readonly StreamRecord[] = (record) => [record],
    atEnd: readonly StreamRecord[] = [],
  ) {
    this.#map = map;
    this.#atEnd = atEnd;
  }

  open(_context: OperatorContext, output: Output): void {
    this.#output = output;
  }

  processElement(record: StreamRecord): void {
    for (const result of this.#map(record)) this.#output?.emit(result);
  }

  finish(): void {
    this.finished += 1;
    for (const result of this.#atEnd) this.#output?.emit(result);
  }

  close(): void {
    this.closed += 1;
  }
}

/** Asynchronous work that takes as long as the clock and `delayMs` say. */
export class DelayingFunction implements AsyncFunction {
  readonly concurrency: number;
  readonly ordered: boolean;
  readonly #work: (record: StreamRecord) => { delayMs: number; error?: Error };
  readonly #clock: Clock;
  readonly #copies: number;
  inFlight = 0;
  inFlightMax = 0;
  closed = 0;

  constructor(options: {
    clock: Clock;
    concurrency: number;
    ordered: boolean;
    work: (record: StreamRecord) => { delayMs: number; error?: Error };
    copies?: number;
  }) {
    this.concurrency = options.concurrency;
    this.ordered = options.ordered;
    this.#work = options.work;
    this.#clock = options.clock;
    this.#copies = options.copies ?? 1;
  }

  open(): void {}

  async invoke(record: StreamRecord): Promise<readonly StreamRecord[]> {
    this.inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight);
    const { delayMs, error } = this.#work(record);
    await new Promise<void>((resolve) => this.#clock.setTimer(delayMs, resolve));
    this.inFlight -= 1;
    if (error !== undefined) throw error;
    return Array.from({ length: this.#copies }, () => record);
  }

  close(): void {
    this.closed += 1;
  }
}

/** Remembers what it was told, in order. */
export class RecordingWriter implements SinkWriter<string> {
  readonly calls: string[] = [];
  readonly written: StreamRecord[] = [];
  ready = true;
  onCommittable: () => void = () => {};
  notifyReady: () => void = () => {};
  #prepared = 0;

  open(_context: OperatorContext, onCommittable: () => void): void {
    this.onCommittable = onCommittable;
  }

  write(record: StreamRecord): void {
    this.written.push(record);
  }

  isReady(): boolean {
    return this.ready;
  }

  onReady(callback: () => void): void {
    this.notifyReady = callback;
  }

  async prepareCommit(preCommit: PreCommit): Promise<readonly string[]> {
    this.calls.push(`prepare ${preCommit}`);
    this.#prepared += 1;
    return [`part-${this.#prepared}`];
  }

  async close(): Promise<void> {
    this.calls.push('close');
  }
}

/** A source of numbered records that come when the test says so. */
export class ListReader implements SourceReader<number> {
  readonly #records: StreamRecord[] = [];
  readonly #perPoll: number;
  #isLast = false;
  #available: () => void = () => {};
  closed = 0;
  splits: number[] = [];

  constructor(perPoll = 4) {
    this.#perPoll = perPoll;
  }

  open(
    context: SourceReaderContext,
    onAvailable: () => void,
    restored: readonly number[] = [],
  ): void {
    this.#available = onAvailable;
    this.splits.push(...restored);
    context.requestSplits(1);
  }

  add(...records: StreamRecord[]): void {
    this.#records.push(...records);
    this.#available();
  }

  addSplits(splits: readonly number[]): void {
    this.splits.push(...splits);
  }

  noMoreSplits(): void {
    this.#isLast = true;
    this.#available();
  }

  pollNext(collect: (record: StreamRecord) => void): InputStatus {
    for (const record of this.#records.splice(0, this.#perPoll)) collect(record);
    if (this.#records.length > 0) return 'more-available';
    return this.#isLast ? 'end-of-input' : 'nothing-available';
  }

  snapshotState(): readonly number[] {
    return this.splits;
  }

  close(): void {
    this.closed += 1;
  }
}

/** Counts records and says so at the end: the simplest state there is. */
export class CountingOperator implements StreamOperator {
  count = 0;
  finished = 0;
  completed: number[] = [];
  aborted: number[] = [];
  #output: Output | null = null;

  open(_context: OperatorContext, output: Output): void {
    this.#output = output;
  }

  restoreState(snapshots: readonly OperatorSnapshot[]): void {
    for (const { lists } of snapshots) {
      for (const count of lists['count'] ?? []) this.count += Number(count);
    }
  }

  processElement(record: StreamRecord): void {
    this.count += 1;
    this.#output?.emit(record);
  }

  snapshotState(): OperatorSnapshot {
    return { operatorId: '', lists: { count: [this.count] } };
  }

  notifyCheckpointComplete(checkpointId: number): void {
    this.completed.push(checkpointId);
  }

  notifyCheckpointAborted(checkpointId: number): void {
    this.aborted.push(checkpointId);
  }

  finish(): void {
    this.finished += 1;
  }
}
