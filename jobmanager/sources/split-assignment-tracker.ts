/** Splits kept over all readers; beyond it they are forgotten. A file's split takes about 300 B. */
const TRACKED_SPLITS_MAX = 50_000;

/** By subtask: what it was assigned, in order. */
type Assignments = Map<number, unknown[]>;

/**
 * Which splits each reader was assigned since the latest completed checkpoint (Flink's
 * SplitAssignmentTracker): what its next attempt does not find in its restored state, and what the
 * enumerator therefore hands out again. Every snapshot of the enumerator closes an epoch: splits
 * assigned before it are in the readers' snapshots of the same checkpoint, later ones are not.
 * Readers do not report single splits, so splits that were read meanwhile come back too; what was
 * made of them was never committed.
 */
export class SplitAssignmentTracker {
  /** Closed epochs by the checkpoint that closed them; ids ascend. */
  readonly #closed = new Map<number, Assignments>();
  #open: Assignments = new Map();
  #tracked = 0;
  /** Splits were dropped; in the open epoch, or else before this checkpoint. */
  #droppedBefore: number | 'open' | null = null;

  /**
   * False while splits are missing: no single reader can be started again then, but only the whole
   * source, from the latest completed checkpoint. True again once a checkpoint has completed.
   */
  get complete(): boolean {
    return this.#droppedBefore === null;
  }

  assigned(subtask: number, splits: readonly unknown[]): void {
    if (this.#tracked + splits.length > TRACKED_SPLITS_MAX) this.#drop();
    if (this.#droppedBefore === 'open') return;
    const list = this.#open.get(subtask) ?? [];
    list.push(...splits);
    this.#open.set(subtask, list);
    this.#tracked += splits.length;
  }

  /** The enumerator's state was taken for this checkpoint. */
  snapshot(checkpointId: number): void {
    this.#closed.set(checkpointId, this.#open);
    this.#open = new Map();
    if (this.#droppedBefore === 'open') this.#droppedBefore = checkpointId;
  }

  /** What the readers were assigned before it is in their restorable state. */
  checkpointComplete(checkpointId: number): void {
    for (const [id, assignments] of this.#closed) {
      if (id > checkpointId) continue;
      this.#closed.delete(id);
      this.#tracked -= count(assignments);
    }
    const dropped = this.#droppedBefore;
    if (dropped !== null && dropped !== 'open' && dropped <= checkpointId) {
      this.#droppedBefore = null;
    }
  }

  /** Takes out what the reader was assigned since the latest completed checkpoint. */
  takeBack(subtask: number): readonly unknown[] {
    const splits: unknown[] = [];
    for (const assignments of [...this.#closed.values(), this.#open]) {
      splits.push(...(assignments.get(subtask) ?? []));
      assignments.delete(subtask);
    }
    this.#tracked -= splits.length;
    return splits;
  }

  #drop(): void {
    for (const assignments of this.#closed.values()) assignments.clear();
    this.#open = new Map();
    this.#tracked = 0;
    this.#droppedBefore = 'open';
  }
}

function count(assignments: Assignments): number {
  let splits = 0;
  for (const list of assignments.values()) splits += list.length;
  return splits;
}
