import type { DatagenSplit } from '../../shared/connectors/splits.ts';
import { invariant } from '../../shared/errors/invariant.ts';
import type { DatagenSourceOptions } from '../../shared/pipeline/kinds/source-datagen.ts';
import type {
  EnumeratorProgress,
  SplitEnumerator,
  SplitEnumeratorContext,
} from './split-enumerator.ts';

/** Sequence numbers in one split, at most: enough that asking for the next one costs nothing. */
const SPLIT_RECORDS_MAX = 250_000;

/** What a checkpoint keeps. */
interface DatagenEnumeratorState {
  readonly next: number;
  readonly returned: readonly DatagenSplit[];
  readonly assigned: number;
  readonly stopped: boolean;
}

/**
 * Cuts the sequence 0, 1, 2, … into splits, made only when a reader asks: without `count` it never
 * ends, and nothing accumulates. The readers keep to `rateMax`.
 */
export class DatagenEnumerator implements SplitEnumerator<DatagenSplit> {
  readonly #count: number;
  readonly #rateMax: number;
  #splitRecords = SPLIT_RECORDS_MAX;
  readonly #returned: DatagenSplit[] = [];
  #context: SplitEnumeratorContext<DatagenSplit> | null = null;
  #next = 0;
  #assigned = 0;
  #stopped = false;

  constructor(options: DatagenSourceOptions) {
    this.#count = options.count ?? Number.POSITIVE_INFINITY;
    this.#rateMax = options.rateMax ?? Number.POSITIVE_INFINITY;
  }

  start(context: SplitEnumeratorContext<DatagenSplit>): void {
    this.#context = context;
    // A reader ends its split before it stops: at a low rate that should take about a second.
    const perSecond = Math.ceil(this.#rateMax / context.parallelism);
    this.#splitRecords = Math.min(SPLIT_RECORDS_MAX, perSecond);
  }

  handleSplitRequest(subtask: number, count: number): void {
    invariant(this.#context !== null, 'requests come after the start');
    const splits: DatagenSplit[] = [];
    while (splits.length < count) {
      const split = this.#returned.shift() ?? this.#nextSplit();
      if (split === undefined) break;
      splits.push(split);
    }
    this.#assigned += splits.length;
    if (splits.length > 0) this.#context.assignSplits(subtask, splits);
    if (splits.length < count) this.#context.signalNoMoreSplits(subtask);
  }

  addSplitsBack(splits: readonly DatagenSplit[]): void {
    this.#returned.push(...splits);
    this.#assigned -= splits.length;
  }

  stop(): void {
    this.#stopped = true;
  }

  snapshotState(): DatagenEnumeratorState {
    return {
      next: this.#next,
      returned: [...this.#returned],
      assigned: this.#assigned,
      stopped: this.#stopped,
    };
  }

  restoreState(state: unknown): void {
    const { next, returned, assigned, stopped } = state as DatagenEnumeratorState;
    this.#next = next;
    this.#assigned = assigned;
    this.#stopped = stopped;
    this.#returned.splice(0, this.#returned.length, ...returned);
  }

  markAssigned(splits: readonly DatagenSplit[]): void {
    const same = (one: DatagenSplit) => (other: DatagenSplit) => one.from === other.from;
    for (const split of splits.toSorted((left, right) => left.from - right.from)) {
      this.#assigned += 1;
      const returned = this.#returned.findIndex(same(split));
      if (returned >= 0) this.#returned.splice(returned, 1);
      if (split.to <= this.#next) continue;
      // What lies between was handed out too, to a reader that is lost or never got it.
      if (split.from > this.#next) this.#returned.push({ from: this.#next, to: split.from });
      this.#next = split.to;
    }
  }

  progress(): EnumeratorProgress {
    return {
      discovered: this.#assigned + this.#returned.length,
      assigned: this.#assigned,
      discoveryComplete: this.#stopped || this.#next >= this.#count,
    };
  }

  close(): void {
    this.#context = null;
  }

  /** Undefined at the end; after `stop` only what readers gave back is handed out. */
  #nextSplit(): DatagenSplit | undefined {
    if (this.#stopped || this.#next >= this.#count) return undefined;
    const from = this.#next;
    this.#next = Math.min(this.#count, from + this.#splitRecords);
    return { from, to: this.#next };
  }
}
