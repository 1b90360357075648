import type { Barrier, StreamEvent } from '../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { ChannelBuffers, OnOvertaken } from './channel-buffers.ts';

/** A batch of records, or one event, from one channel; a channel's items come in order. */
export type GateItem =
  | {
      readonly kind: 'records';
      readonly channel: number;
      readonly records: readonly StreamRecord[];
    }
  | { readonly kind: 'event'; readonly channel: number; readonly event: StreamEvent };

/** The rest of a batch. */
export interface UnreadRecords {
  readonly channel: number;
  readonly records: readonly StreamRecord[];
}

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
  /**
   * Called as soon as a barrier of a newer checkpoint than any before comes in a channel, aligned or
   * not, whatever waits in front of it; never from within `poll`. The barrier also keeps its place in
   * the channel, but for an older one, of which nobody hears any more.
   */
  onBarrier(callback: (channel: number, barrier: Barrier) => void): void;
  /**
   * The barrier of this checkpoint overtakes what waits in front of it, in every channel that has not
   * handed it out yet: it will not be handed out, and `onOvertaken` gets copies of what it passed. Of
   * channels where it has not come yet, that is all that waits and what comes until it does. `unread`
   * are records of the item taken last that have not been processed. Blocked channels resume.
   */
  overtake(checkpointId: number, unread: UnreadRecords | null, onOvertaken: OnOvertaken): void;
  /** Puts buffers of a checkpoint in front of everything; before the first `poll`. */
  restore(channels: readonly ChannelBuffers[]): void;
  /** Buffers waiting in this gate. */
  readonly buffersQueued: number;
  /** Buffers that the producers may still send, as far as this side knows. */
  readonly creditsGranted: number;
  readonly bytesIn: number;
  close(): void;
}
