import type { StreamEvent } from '../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../shared/record/stream-record.ts';

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
  readonly bytesOut: number;
  close(): void;
}
