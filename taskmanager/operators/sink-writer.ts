import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { OperatorContext } from './operator-context.ts';

/**
 * The writing half of a sink (FLIP-143's two-phase sink). The runtime calls, at a barrier or at the
 * end of the input, `flush` and `prepareCommit`; the committables join the snapshot and go to the
 * Committer once the checkpoint is complete. Without checkpoints the runtime commits whenever the
 * writer says that something is finished (`onCommittable`) and at the end of the input.
 */
export interface SinkWriter<Committable> {
  open(context: OperatorContext, onCommittable: () => void): Promise<void> | void;
  /** State that `snapshotState` gave, of this and possibly of other subtasks. */
  restoreState?(states: readonly unknown[]): Promise<void> | void;
  /** Takes a record; never blocks. Throwing a SluiceError rejects the record. */
  write(record: StreamRecord): void;
  /** False while its buffers are full: the task stops reading. */
  isReady(): boolean;
  /** Called by the runtime after open; the writer calls it whenever `isReady` may have changed. */
  onReady(callback: () => void): void;
  /** Everything written so far is handed to storage (not necessarily visible). */
  flush(endOfInput: boolean): Promise<void>;
  /** Closes what is to become visible with the next commit. Called after `flush`. */
  prepareCommit(endOfInput: boolean): Promise<readonly Committable[]>;
  snapshotState?(checkpointId: number): readonly unknown[];
  /** Releases everything. What was not prepared is discarded. */
  close(): Promise<void>;
}

/** The committing half. Every method is idempotent: it is called again after a recovery. */
export interface Committer<Committable> {
  commit(committables: readonly Committable[]): Promise<void>;
  abort(committables: readonly Committable[]): Promise<void>;
}

/** A sink: a writer, and a committer where writing alone does not make results visible. */
export interface Sink<Committable = never> {
  readonly writer: SinkWriter<Committable>;
  readonly committer: Committer<Committable> | null;
}
