import type { Link } from './link.ts';

/** A slot as the hub knows it. */
export interface HubSlot {
  readonly link: Link;
  /** The numbers of its links to other slots. */
  readonly peers: Map<HubSlot, number>;
  /** Buffers of its producers that have been sent, on their way back. */
  recycled: ArrayBuffer[];
  /** Local requests that wait for their partition, by channel: how to forget them. */
  readonly waiting: Map<number, () => void>;
  /** How many such links it ever had: numbers are not used again. */
  linksMade: number;
}
