import type { StreamEvent } from '../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../shared/record/stream-record.ts';

/** A batch of records, or one event, from one channel; a channel's items come in order. */
export type GateItem =
  | {
      readonly kind: 'records';
      readonly channel: number;
      readonly records: readonly StreamRecord[];
    }
  | { readonly kind: 'event'; readonly channel: number; readonly event: StreamEvent };

/**
 * The consuming end of an exchange (Flink's InputGate), in the slot's thread. Buffers wait here only
 * as far as credit was granted; taking an item grants new credit.
 */
export interface InputGate {
  readonly channelCount: number;
  /** The next item of any channel that is not blocked, fairly; null when there is none. */
  poll(): GateItem | null;
  /** Called whenever `poll` may give something after it gave null; never from within `poll`. */
  onAvailable(callback: () => void): void;
  /** Called once when a producer or its connection is lost; the task fails with this error. */
  onFailure(callback: (error: Error) => void): void;
  /** Alignment: items of a blocked channel stay queued (and its credit runs out). */
  blockChannel(channel: number): void;
  resumeChannel(channel: number): void;
  /** Buffers waiting in this gate. */
  readonly buffersQueued: number;
  readonly bytesIn: number;
  close(): void;
}
