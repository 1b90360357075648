/**
 * What slots and the hub say to each other over ports, in batches. A link has two ends: a slot and
 * the hub, two slots, or a slot and itself. Its consuming end numbers the channels; towards the hub
 * a producing slot uses the numbers that the hub chose for the channels of other task managers.
 *
 * Buffers are ArrayBuffers, transferred. Their first 16 bytes are room for a frame's header, of
 * which the producing slot fills in the sequence number; `bytes` counts from the start of it.
 */
import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { DataAddress } from '../../shared/job-graph/task-deployment.ts';

/** Link numbers that every slot has; links to other slots are numbered from 2 up by the hub. */
export const HUB_LINK = 0;
export const LOOPBACK_LINK = 1;

export type LinkMessage = ExchangeMessage | RecycleMessage | SlotToHubMessage | HubToSlotMessage;

/**
 * Ordinary buffers that go back to where they are filled: from a slot that has read them, from the
 * hub once they are sent.
 */
export interface RecycleMessage {
  readonly kind: 'recycle';
  readonly buffers: readonly ArrayBuffer[];
}

/** Buffers that go back together. */
export const RECYCLED_PER_MESSAGE = 16;

/** Between a producing and a consuming end. */
export type ExchangeMessage =
  /** To the consumer. */
  | {
      readonly kind: 'data';
      readonly channel: number;
      readonly buffer: ArrayBuffer;
      readonly bytes: number;
    }
  /** To the producer: so many units of credit more. */
  | { readonly kind: 'credit'; readonly channel: number; readonly units: number }
  /** To the producer: nothing more is wanted, or (error) nothing more can reach the consumer. */
  | {
      readonly kind: 'released';
      readonly channel: number;
      readonly error: SerializedError | null;
    }
  /** To the consumer: nothing more will come. */
  | { readonly kind: 'failed'; readonly channel: number; readonly error: SerializedError };

export type SlotToHubMessage =
  | {
      readonly kind: 'register-partition';
      readonly partitionId: string;
      readonly subpartitions: number;
    }
  | { readonly kind: 'release-partition'; readonly partitionId: string }
  | {
      readonly kind: 'request';
      readonly channel: number;
      readonly partitionId: string;
      readonly subpartition: number;
      readonly producer: DataAddress;
      readonly credit: number;
    };

export type HubToSlotMessage =
  /** To a producer: someone reads this subpartition over the link, as its channel `channel`. */
  | {
      readonly kind: 'subscribe';
      readonly link: number;
      readonly channel: number;
      readonly partitionId: string;
      readonly subpartition: number;
      readonly credit: number;
    }
  /** To a consumer: the channel's producer is at the other end of the link. */
  | { readonly kind: 'established'; readonly link: number; readonly channel: number }
  /** A link to another slot of this task manager; `port` is transferred. */
  | { readonly kind: 'link'; readonly link: number; readonly port: unknown };
