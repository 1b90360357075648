/** Splits kept over all readers; beyond it only counts are kept. A file's split takes about 300 B. */
const TRACKED_SPLITS_MAX = 50_000;

/**
 * Which splits each attempt got (Flink's SplitAssignmentTracker): what a recovery hands out again
 * when an attempt ends before it has read them. Readers do not report single splits; an attempt's
 * splits are forgotten when it finishes.
 */
export class SplitAssignmentTracker {
  readonly #byAttempt = new Map<string, unknown[]>();
  #tracked = 0;
  #complete = true;

  /** False once splits had to be dropped: a recovery must read the source from its beginning. */
  get complete(): boolean {
    return this.#complete;
  }

  assigned(attemptId: string, splits: readonly unknown[]): void {
    if (this.#tracked + splits.length > TRACKED_SPLITS_MAX) {
      this.#complete = false;
      this.#byAttempt.clear();
      this.#tracked = 0;
    }
    if (!this.#complete) return;
    const list = this.#byAttempt.get(attemptId) ?? [];
    list.push(...splits);
    this.#byAttempt.set(attemptId, list);
    this.#tracked += splits.length;
  }

  /** Takes out what the attempt got. */
  take(attemptId: string): readonly unknown[] {
    const splits = this.#byAttempt.get(attemptId) ?? [];
    this.#byAttempt.delete(attemptId);
    this.#tracked -= splits.length;
    return splits;
  }
}
