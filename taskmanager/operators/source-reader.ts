import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { OperatorContext } from './operator-context.ts';

/** What `pollNext` found: try again at once, wait for `onAvailable`, or all splits are read. */
export type InputStatus = 'more-available' | 'nothing-available' | 'end-of-input';

/**
 * The reading half of a source (FLIP-27's SourceReader), in the slot's thread. The other half, the
 * SplitEnumerator in the job manager, hands out splits. `Split` is plain JSON.
 */
export interface SourceReader<Split> {
  /**
   * `onAvailable` may be called at any time, from any callback, also needlessly. `restored` are the
   * splits that `snapshotState` gave; the reader asks for others only beyond them.
   */
  open(
    context: SourceReaderContext,
    onAvailable: () => void,
    restored: readonly Split[],
  ): Promise<void> | void;
  addSplits(splits: readonly Split[]): void;
  /** No split follows those that were added. */
  noMoreSplits(): void;
  /** Emits at most a few records through `collect`; must not block. */
  pollNext(collect: (record: StreamRecord) => void): InputStatus;
  /** The splits not yet (fully) emitted, with their positions. */
  snapshotState(checkpointId: number): readonly Split[];
  notifyCheckpointComplete?(checkpointId: number): void;
  close(): Promise<void> | void;
}

export interface SourceReaderContext extends OperatorContext {
  /** Asks the enumerator for up to `count` more splits; they come through `addSplits`. */
  requestSplits(count: number): void;
}
