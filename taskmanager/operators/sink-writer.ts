import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { OperatorContext } from './operator-context.ts';

/**
 * What a pre-commit takes: `all` that was written so far, at a barrier and at the end of the input;
 * or what is `finished` anyway (a part file that is large enough), where there are no checkpoints.
 */
export type PreCommit = 'all' | 'finished';

/**
 * The writing half of a sink (FLIP-143's two-phase sink); `docs/sinks.md` has the contract. The
 * runtime calls `prepareCommit` at every barrier; the committables join the snapshot and go to the
 * Committer once the checkpoint is complete. Without checkpoints it commits whenever the writer says
 * that something is finished (`onCommittable`), and everything at the end of the input.
 *
 * Committables are plain data (JSON's types): they lie in checkpoints, and another process commits
 * them.
 */
export interface SinkWriter<Committable> {
  open(context: OperatorContext, onCommittable: () => void): Promise<void> | void;
  /** Entries that `snapshotState` gave, of this and possibly of other subtasks. After `open`. */
  restoreState?(entries: readonly unknown[]): Promise<void> | void;
  /** Takes a record; never blocks. Throwing a SluiceError rejects the record. */
  write(record: StreamRecord): void;
  /** False while its buffers are full: the task stops reading. */
  isReady(): boolean;
  /** Called by the runtime after open; the writer calls it whenever `isReady` may have changed. */
  onReady(callback: () => void): void;
  /**
   * The pre-commit. The cut is made before this returns: what was written earlier belongs to the
   * result, what is written later does not. Resolves once all of it is durable, though not visible;
   * each committable is given once. It may be called again before it has resolved. Rejecting fails
   * the task: what was written would be in no checkpoint. Sinks that make results visible as they
   * are written resolve with nothing, once everything has left.
   */
  prepareCommit(preCommit: PreCommit): Promise<readonly Committable[]>;
  /** Further state, as of the cut; called right after `prepareCommit('all')`. */
  snapshotState?(checkpointId: number): readonly unknown[];
  /** Releases everything. What was in no pre-commit is discarded. */
  close(): Promise<void>;
}

/** The committing half. Every method is idempotent: it is called again after a recovery. */
export interface Committer<Committable> {
  /** Makes them visible. One call at a time; rejecting fails the task, and its restart repeats it. */
  commit(committables: readonly Committable[]): Promise<void>;
  /** Discards them: they are in no checkpoint that can still be restored. */
  abort(committables: readonly Committable[]): Promise<void>;
  /**
   * Before the first record of an attempt that follows others: discards what they prepared or began
   * and that is not among `restored`, the committables of all subtasks that some subtask commits.
   */
  recover?(context: OperatorContext, restored: readonly Committable[]): Promise<void>;
}

/** A sink: a writer, and a committer where writing alone does not make results visible. */
export interface Sink<Committable = never> {
  readonly writer: SinkWriter<Committable>;
  readonly committer: Committer<Committable> | null;
}
