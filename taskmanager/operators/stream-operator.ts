import type { ListStateMode } from '../../shared/checkpoint/snapshot.ts';
import type { StreamEvent } from '../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { OperatorContext } from './operator-context.ts';

/**
 * Where an operator's results go: the next operator of the chain (a direct call), several of them,
 * or a result partition.
 */
export interface Output {
  /**
   * Takes a record; never refuses one, so an operator may emit several for one input. Callers that
   * can wait ask `isReady` first; what is emitted beyond it is bounded by one input's results.
   */
  emit(record: StreamRecord): void;
  emitEvent(event: StreamEvent): void;
  /** Whether everything downstream, as far as it is synchronous, takes one more record. */
  isReady(): boolean;
}

/**
 * A synchronous operator (Flink's OneInputStreamOperator). All calls come from the task's loop, one
 * at a time. Asynchronous work is an `AsyncFunction`; writing is a `SinkWriter`; reading a
 * `SourceReader`: the runtime wraps each of them in a StreamOperator.
 *
 * Order of calls: `open`, then `restoreState` (only when there is something to restore), then any
 * number of `processElement`, `processEvent`, `snapshotState`, then `finish` (the input ended) or
 * nothing (cancelled), then `close`, always.
 */
export interface StreamOperator {
  open(context: OperatorContext, output: Output): Promise<void> | void;
  restoreState?(snapshots: readonly OperatorSnapshot[]): Promise<void> | void;
  /** Throwing a SluiceError rejects this record; anything else fails the task. */
  processElement(record: StreamRecord): void;
  /** Called for each event before it is forwarded; for barriers `snapshotState` is called instead. */
  processEvent?(event: StreamEvent): void;
  /** Takes the state as of now, synchronously; what is slow (uploading) happens in the result. */
  snapshotState?(checkpointId: number): OperatorSnapshot;
  notifyCheckpointComplete?(checkpointId: number): void;
  notifyCheckpointAborted?(checkpointId: number): void;
  /** The input ended: emit what is still held. Runs before `end-of-input` is forwarded. */
  finish?(): Promise<void> | void;
  /** Releases everything; called once, also after failures. Must not emit. */
  close?(): Promise<void> | void;
}

/** The state of one operator of one subtask in one checkpoint. */
export interface OperatorSnapshot {
  readonly operatorId: string;
  /** Named operator state; each entry of a list can be redistributed on its own. */
  readonly lists: Readonly<Record<string, readonly unknown[]>>;
  /** By the same names; left out: `split`. */
  readonly modes?: Readonly<Record<string, ListStateMode>>;
}
