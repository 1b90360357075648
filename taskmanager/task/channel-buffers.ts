import { SluiceError } from '../../shared/errors/sluice-error.ts';

/**
 * What was in flight in one channel when a barrier overtook it: payloads (`wire-format.ts`), records
 * and also watermarks and statuses, in the order of the channel. Never empty.
 */
export interface ChannelBuffers {
  /** An input's channel, or an output's subpartition. */
  readonly channel: number;
  readonly buffers: readonly Uint8Array[];
}

/** The same, with the exchange it was in. */
export interface ChannelSnapshot extends ChannelBuffers {
  readonly edgeId: string;
  readonly direction: 'input' | 'output';
}

/**
 * Once; maybe before the call that it was given to returns. Null: it will never be known, because a
 * newer checkpoint has begun, the exchange has failed or closed, or there is too much.
 */
export type OnOvertaken = (channels: readonly ChannelBuffers[] | null) => void;

/** Settles a promise with what the exchange gives. */
export function inExchange(
  exchange: Pick<ChannelSnapshot, 'edgeId' | 'direction'>,
  promise: {
    resolve(channels: readonly ChannelSnapshot[]): void;
    reject(error: SluiceError): void;
  },
): OnOvertaken {
  return (channels) => {
    if (channels === null) promise.reject(notRecorded(exchange.edgeId));
    else promise.resolve(channels.map((channel) => ({ ...channel, ...exchange })));
  };
}

function notRecorded(edgeId: string): SluiceError {
  return new SluiceError('CHECKPOINT_FAILED', `The buffers in flight of ${edgeId} are not known.`, {
    domain: 'external',
    context: { edgeId },
  });
}
