import type { DatagenSplit } from '../../shared/connectors/splits.ts';
import { invariant } from '../../shared/errors/invariant.ts';
import type { DatagenSourceOptions } from '../../shared/pipeline/kinds/source-datagen.ts';
import { StreamRecord } from '../../shared/record/stream-record.ts';
import type { CancelTimer } from '../../shared/time/clock.ts';
import { TokenBucket } from '../../shared/time/token-bucket.ts';
import type { InputStatus, SourceReader, SourceReaderContext } from '../operators/source-reader.ts';

/** Records in one poll: enough to pay for it, few enough to hold. */
const POLL_RECORDS_MAX = 512;
/** Splits that wait here, so that the reader never waits for the job manager. */
const SPLITS_AHEAD = 2;
const VALUES = 1_000;

/**
 * Generates `{ sequence, key, value }` for ranges of sequence numbers. Key (0 to `keys` − 1) and
 * value (0 to 999) are a function of the sequence number: whoever generates it, it is the same.
 */
export class DatagenReader implements SourceReader<DatagenSplit> {
  readonly #options: DatagenSourceOptions;
  #context: SourceReaderContext | null = null;
  #onAvailable: () => void = () => {};
  #bucket: TokenBucket | null = null;
  #cancelTimer: CancelTimer | null = null;
  #splits: DatagenSplit[] = [];
  /** Of the first split. */
  #next = 0;
  #requested = 0;
  #isLast = false;

  constructor(options: DatagenSourceOptions) {
    this.#options = options;
  }

  open(
    context: SourceReaderContext,
    onAvailable: () => void,
    restored: readonly DatagenSplit[] = [],
  ): void {
    this.#context = context;
    this.#onAvailable = onAvailable;
    this.#splits.push(...restored);
    this.#next = restored[0]?.from ?? 0;
    const { rateMax } = this.#options;
    if (rateMax !== undefined) {
      const ratePerSecond = rateMax / context.parallelism;
      this.#bucket = new TokenBucket({ clock: context.clock, ratePerSecond });
    }
    this.#requestSplits();
  }

  addSplits(splits: readonly DatagenSplit[]): void {
    this.#requested = Math.max(0, this.#requested - splits.length);
    const [first] = splits;
    if (this.#splits.length === 0 && first !== undefined) this.#next = first.from;
    this.#splits.push(...splits);
    this.#onAvailable();
  }

  noMoreSplits(): void {
    this.#isLast = true;
    // An endless sequence was asked to stop: it has no last number, so it ends where it is.
    if (this.#options.count === undefined) this.#splits = [];
    this.#onAvailable();
  }

  pollNext(collect: (record: StreamRecord) => void): InputStatus {
    const [split] = this.#splits;
    if (split === undefined) return this.#isLast ? 'end-of-input' : 'nothing-available';
    const wanted = Math.min(POLL_RECORDS_MAX, split.to - this.#next);
    const count = this.#bucket === null ? wanted : this.#bucket.take(wanted);
    if (count === 0 && wanted > 0) {
      this.#wakeLater();
      return 'nothing-available';
    }
    this.#generate(count, collect);
    if (this.#next >= split.to) {
      this.#splits.shift();
      this.#next = this.#splits[0]?.from ?? 0;
      this.#requestSplits();
    }
    return 'more-available';
  }

  snapshotState(): readonly DatagenSplit[] {
    return this.#splits.map((split, index) =>
      index === 0 ? { from: this.#next, to: split.to } : split,
    );
  }

  close(): void {
    this.#cancelTimer?.();
    this.#splits = [];
  }

  #generate(count: number, collect: (record: StreamRecord) => void): void {
    invariant(this.#context !== null, 'the reader is open');
    // One reading of the clock for all records of a poll: it costs more than making one of them.
    const nowMs = this.#context.clock.nowMs();
    const { keys } = this.#options;
    const end = this.#next + count;
    for (let sequence = this.#next; sequence < end; sequence += 1) {
      const mixed = mix(sequence);
      const value = { sequence, key: mixed % keys, value: (mixed >>> 8) % VALUES };
      collect(new StreamRecord(value, nowMs, nowMs, null, null, null));
    }
    this.#next = end;
  }

  #requestSplits(): void {
    const wanted = SPLITS_AHEAD - this.#splits.length - this.#requested;
    if (this.#isLast || wanted <= 0) return;
    this.#requested += wanted;
    this.#context?.requestSplits(wanted);
  }

  #wakeLater(): void {
    if (this.#cancelTimer !== null) return;
    const waitMs = Math.max(1, this.#bucket?.waitMs() ?? 1);
    this.#cancelTimer =
      this.#context?.setTimer(waitMs, () => {
        this.#cancelTimer = null;
        this.#onAvailable();
      }) ?? null;
  }
}

/** A bijection of the 32-bit integers that spreads neighbours (the finaliser of MurmurHash3). */
function mix(sequence: number): number {
  let hash = sequence | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
