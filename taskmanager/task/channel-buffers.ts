/**
 * What was in flight in one channel when a barrier overtook it: payloads (`wire-format.ts`), records
 * and also watermarks and statuses, in the order of the channel. Never empty.
 */
export interface ChannelBuffers {
  /** An input's channel, or an output's subpartition. */
  readonly channel: number;
  readonly buffers: readonly Uint8Array[];
}

/**
 * Once; maybe before the call that it was given to returns. Null: it will never be known, because a
 * newer checkpoint has begun, the exchange has failed or closed, or there is too much.
 */
export type OnOvertaken = (channels: readonly ChannelBuffers[] | null) => void;
