import type { LinkMessage } from './link-message.ts';

/**
 * One end of a message port, as the pure parts of the data plane see it: ordered, reliable, until
 * one end closes. `node-link-port.ts` is the real one.
 */
export interface LinkPort {
  post(messages: readonly LinkMessage[], transfer: readonly unknown[]): void;
  onMessages(callback: (messages: readonly LinkMessage[]) => void): void;
  /** Delivers what the other end has posted already, without waiting for the event loop. */
  receivePending(): void;
  /** Called once when the other end is gone, after everything it sent. */
  onClose(callback: () => void): void;
  close(): void;
}

/** Runs the callback after the current one has returned to its event loop. */
export type Defer = (callback: () => void) => void;
