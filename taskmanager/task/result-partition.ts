import type { Barrier, StreamEvent } from '../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { ChannelBuffers, OnOvertaken } from './channel-buffers.ts';

/**
 * The producing end of an exchange (Flink's ResultPartition), in the slot's thread: the partitioner
 * chooses a subpartition, records are gathered and encoded in batches, and a buffer leaves when it is
 * full, when the buffer time-out passes, or before an event.
 */
export interface ResultPartition {
  /** Never refuses: what is emitted while `isAvailable` is false is overdraft, bounded by the caller. */
  emit(record: StreamRecord): void;
  /** To every subpartition, behind everything emitted before. */
  broadcastEvent(event: StreamEvent): void;
  /**
   * A barrier to every subpartition, behind everything emitted before. Where it still waits for
   * credit after `overtakeAfterMs` (0: at once, null: never) it becomes an unaligned one, goes in
   * front of what waits there and leaves without credit. `onOvertaken` gets copies of what it passed
   * once the barrier has left every subpartition or overtaken in it; at once where it never
   * overtakes. A barrier of an older checkpoint that still waits is dropped.
   */
  broadcastBarrier(
    barrier: Barrier,
    overtakeAfterMs: number | null,
    onOvertaken: OnOvertaken,
  ): void;
  /** Puts buffers of a checkpoint in front of everything; before the first `emit`. */
  restore(channels: readonly ChannelBuffers[]): void;
  /** Whether every subpartition that the next record may go to has room for a buffer. */
  isAvailable(): boolean;
  onAvailable(callback: () => void): void;
  /** Called once when a consumer or its connection is lost; the task fails with this error. */
  onFailure(callback: (error: Error) => void): void;
  /** Sends what is gathered, full or not. */
  flush(): void;
  /** Resolves when every buffer has left for its consumer: the task may end then. */
  drained(): Promise<void>;
  /** Buffers waiting for credit. */
  readonly buffersQueued: number;
  /** Buffers that may leave at once: what the consumers granted. */
  readonly creditsAvailable: number;
  readonly bytesOut: number;
  close(): void;
}
