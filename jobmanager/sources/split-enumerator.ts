/**
 * The discovering half of a source (FLIP-27's SplitEnumerator), in the job manager: it finds splits
 * and hands them to the readers that ask. `Split` is plain JSON. All calls come from the source
 * coordinator, one at a time; the enumerator's own callbacks go through the context.
 */
export interface SplitEnumerator<Split> {
  start(context: SplitEnumeratorContext<Split>): Promise<void> | void;
  /** A reader wants up to `count` splits. Answered through `assignSplits`, at once or later. */
  handleSplitRequest(subtask: number, count: number): void;
  /**
   * The reader was replaced by a new attempt of the same subtask, which has asked for nothing yet and
   * was told nothing. What it does not find in its restored state comes back (maybe nothing), to be
   * handed out again; also after `stop`.
   */
  addSplitsBack(splits: readonly Split[], subtask: number): void;
  /**
   * Ends the source early: nothing more is discovered or handed out, and readers are told so. What
   * they hold already is still processed.
   */
  stop(): void;
  /**
   * All that `restoreState` needs to go on with what was not handed out yet: what is not in it and was
   * handed out is in the readers' state. Called between two callbacks, at any time after the start.
   * Values of `shared/serialization`; large parts that do not change may be apart ({@link WithShared}).
   */
  snapshotState(checkpointId: number): unknown;
  /** Before the start. The parallelism may be another one than then. */
  restoreState?(state: unknown): void;
  /**
   * Once, before the start, where readers go on that another job manager assigned these splits to after
   * the state was taken: they are not handed out again. Others that it handed out may be missing here;
   * those are.
   */
  markAssigned?(splits: readonly Split[]): void;
  progress(): EnumeratorProgress;
  close(): Promise<void> | void;
}

/**
 * A state may have such a field: parts that never change. One that is the same object as in an earlier
 * snapshot is stored once for both.
 */
export interface WithShared {
  readonly shared: readonly Uint8Array<ArrayBuffer>[];
}

export interface SplitEnumeratorContext<Split> {
  readonly parallelism: number;
  assignSplits(subtask: number, splits: readonly Split[]): void;
  signalNoMoreSplits(subtask: number): void;
  /** Discovery failed for good: the job fails with this error. */
  fail(error: unknown): void;
}

export interface EnumeratorProgress {
  readonly discovered: number;
  readonly assigned: number;
  /** True once a bounded discovery has seen everything: `discovered` is the total then. */
  readonly discoveryComplete: boolean;
}
