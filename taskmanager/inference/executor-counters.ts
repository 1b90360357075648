/**
 * Numbers that several threads share without messages: how many images each executor has
 * (slots add, the executor subtracts) and what it did so far (the executor writes, the main thread reads).
 */

/** Executors are numbered for ever; their queue lengths share this many places. */
const QUEUES = 256;

/** Images sent to each executor and not answered. Guides the choice only; may be a little off. */
export class QueueLengths {
  readonly buffer: SharedArrayBuffer;
  readonly #lengths: Int32Array<SharedArrayBuffer>;

  constructor(buffer = new SharedArrayBuffer(QUEUES * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#lengths = new Int32Array(buffer);
  }

  of(executorId: number): number {
    return Atomics.load(this.#lengths, executorId % QUEUES);
  }

  add(executorId: number, images: number): void {
    Atomics.add(this.#lengths, executorId % QUEUES, images);
  }

  reset(executorId: number): void {
    Atomics.store(this.#lengths, executorId % QUEUES, 0);
  }
}

/** Upper bounds of the batch size histogram; one more place for everything above. */
export const BATCH_SIZE_BOUNDS = [1, 2, 4, 8, 16, 32, 64, 128, 256] as const;

const FIELDS = [
  'images',
  'imagesFailed',
  /** In batches that were run: what the batch sizes add up to. */
  'imagesRun',
  'runs',
  'runMs',
  'normalizeMs',
  'modelsLoaded',
] as const;
export type ExecutorField = (typeof FIELDS)[number];

/**
 * One executor's totals. Only its thread writes; a reader may see numbers of two neighbouring
 * moments, never a torn one (aligned 64-bit stores).
 */
export class ExecutorStats {
  readonly buffer: SharedArrayBuffer;
  readonly #values: Float64Array<SharedArrayBuffer>;

  constructor(buffer?: SharedArrayBuffer) {
    const places = FIELDS.length + BATCH_SIZE_BOUNDS.length + 1;
    this.buffer = buffer ?? new SharedArrayBuffer(places * Float64Array.BYTES_PER_ELEMENT);
    this.#values = new Float64Array(this.buffer);
  }

  get(field: ExecutorField): number {
    return this.#values[FIELDS.indexOf(field)] ?? 0;
  }

  add(field: ExecutorField, amount: number): void {
    const place = FIELDS.indexOf(field);
    this.#values[place] = (this.#values[place] ?? 0) + amount;
  }

  addRun(batchSize: number, durationMs: number): void {
    this.add('runs', 1);
    this.add('imagesRun', batchSize);
    this.add('runMs', durationMs);
    const found = BATCH_SIZE_BOUNDS.findIndex((bound) => batchSize <= bound);
    const place = FIELDS.length + (found === -1 ? BATCH_SIZE_BOUNDS.length : found);
    this.#values[place] = (this.#values[place] ?? 0) + 1;
  }

  /** Runs per bound of {@link BATCH_SIZE_BOUNDS}, then those above. */
  batchSizes(): readonly number[] {
    return [...this.#values.subarray(FIELDS.length)];
  }
}

/** Upper bounds of the histogram of run times; one more place for everything above. */
export const RUN_BOUNDS_MS = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000,
] as const;

/** How long the runs of one model took in one executor. Written and read as {@link ExecutorStats}. */
export class ModelRunStats {
  readonly buffer: SharedArrayBuffer;
  /** Runs by bound, those above, and the sum of their durations. */
  readonly #values: Float64Array<SharedArrayBuffer>;

  constructor(buffer?: SharedArrayBuffer) {
    const places = RUN_BOUNDS_MS.length + 2;
    this.buffer = buffer ?? new SharedArrayBuffer(places * Float64Array.BYTES_PER_ELEMENT);
    this.#values = new Float64Array(this.buffer);
  }

  addRun(durationMs: number): void {
    const found = RUN_BOUNDS_MS.findIndex((bound) => durationMs <= bound);
    const place = found === -1 ? RUN_BOUNDS_MS.length : found;
    this.#values[place] = (this.#values[place] ?? 0) + 1;
    const sum = RUN_BOUNDS_MS.length + 1;
    this.#values[sum] = (this.#values[sum] ?? 0) + durationMs;
  }

  /** Per bound of {@link RUN_BOUNDS_MS}, then those above. */
  counts(): readonly number[] {
    return [...this.#values.subarray(0, RUN_BOUNDS_MS.length + 1)];
  }

  get sumMs(): number {
    return this.#values[RUN_BOUNDS_MS.length + 1] ?? 0;
  }
}
