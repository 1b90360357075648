/**
 * When an executor runs what has queued, and how much of it. Pure.
 *
 * An executor takes everything that queued during its last run at once: under load batches grow by
 * themselves. It waits for more only where waiting pays: the batch is still small, the oldest image
 * is young, at the rate of late another image comes before the oldest has waited `delayMaxMs`, and
 * waiting has paid lately. The last condition is for senders that have all their images here and
 * send the next ones only when these come back: waiting for them would be in vain every time.
 */
export interface BatchSituation {
  readonly queued: number;
  /** How long the first of them has waited. */
  readonly oldestAgeMs: number;
  /** Mean time between arrivals at this executor, of late. */
  readonly interArrivalMs: number;
  readonly waitingPays: boolean;
}

export interface BatchLimits {
  /** Images in a run at most. */
  readonly sizeMax: number;
  /** A batch of this size gains nothing worth waiting for from growing. */
  readonly sizeEfficient: number;
  readonly delayMaxMs: number;
}

export type BatchDecision =
  | { readonly kind: 'run'; readonly size: number }
  | { readonly kind: 'wait'; readonly delayMs: number };

/** `queued` must be positive. */
export function decideBatch(situation: BatchSituation, limits: BatchLimits): BatchDecision {
  const { queued, oldestAgeMs, interArrivalMs, waitingPays } = situation;
  const size = Math.min(queued, limits.sizeMax);
  const remainingMs = limits.delayMaxMs - oldestAgeMs;
  const enough = size >= Math.min(limits.sizeEfficient, limits.sizeMax);
  const hopeless = !waitingPays || interArrivalMs > remainingMs;
  if (enough || remainingMs <= 0 || hopeless) return { kind: 'run', size };
  return { kind: 'wait', delayMs: remainingMs };
}

/**
 * Measured on 2 cores (Zen 4, intraOpThreads 1), milliseconds per image at batch 1 / 4 / 8 / 16:
 * MobileNetV2 uint8 7.1 / 6.6 / 6.5 / 6.5, ResNet-18 int8 9.8 / 9.3 / 9.2 / 9.2. So on the CPU four
 * images are enough; on a GPU the whole batch is worth the wait.
 */
export function efficientBatchSize(executionProvider: string, sizeMax: number): number {
  return executionProvider === 'cpu' ? Math.min(4, sizeMax) : sizeMax;
}

/**
 * How many images a run of `size` is made of, padding included. The CPU takes any size: with eight
 * different sizes memory grew by 2 to 10 MB over one size, while padding costs whole images. A GPU
 * picks (and caches) kernels per shape, so there sizes are rounded up to a power of two.
 */
export function paddedBatchSize(
  size: number,
  limits: { executionProvider: string; sizeMax: number; batchFixed: number | null },
): number {
  if (limits.batchFixed !== null) return limits.batchFixed;
  if (limits.executionProvider === 'cpu') return size;
  return Math.min(limits.sizeMax, 2 ** Math.ceil(Math.log2(size)));
}

/** All sizes that {@link paddedBatchSize} gives; what a GPU warms up with. */
export function paddedBatchSizes(limits: {
  executionProvider: string;
  sizeMax: number;
  batchFixed: number | null;
}): number[] {
  const sizes = Array.from({ length: limits.sizeMax }, (_, index) =>
    paddedBatchSize(index + 1, limits),
  );
  return [...new Set(sizes)];
}

/** A mean of the times between arrivals that forgets: the last ten or so count. */
export class InterArrivalMean {
  static readonly #WEIGHT = 0.1;
  /** Longer pauses say no more than this: the stream stood still. */
  static readonly #PAUSE_MAX_MS = 1000;
  #meanMs = Number.POSITIVE_INFINITY;
  #lastMs: number | null = null;

  get meanMs(): number {
    return this.#meanMs;
  }

  record(nowMs: number): void {
    if (this.#lastMs !== null) {
      const gapMs = Math.min(nowMs - this.#lastMs, InterArrivalMean.#PAUSE_MAX_MS);
      const known = Number.isFinite(this.#meanMs);
      this.#meanMs = known
        ? this.#meanMs + (gapMs - this.#meanMs) * InterArrivalMean.#WEIGHT
        : gapMs;
    }
    this.#lastMs = nowMs;
  }
}

/** Remembers whether waiting for a fuller batch paid: each failure halves how often it is tried. */
export class WaitingRecord {
  static readonly #SKIPS_MAX = 256;
  #skipsNext = 1;
  #skipsLeft = 0;
  #waited = false;

  get pays(): boolean {
    return this.#skipsLeft === 0;
  }

  recordWait(): void {
    this.#waited = true;
  }

  recordRun(isFull: boolean): void {
    if (this.#waited && isFull) {
      this.#skipsNext = 1;
    } else if (this.#waited) {
      this.#skipsLeft = this.#skipsNext;
      this.#skipsNext = Math.min(this.#skipsNext * 2, WaitingRecord.#SKIPS_MAX);
    } else if (this.#skipsLeft > 0) {
      this.#skipsLeft -= 1;
    }
    this.#waited = false;
  }
}
