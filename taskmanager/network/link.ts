/**
 * Gathers what one end sends over a port into few messages: everything of one turn leaves together,
 * and a turn that sends much is cut, so that the other thread has something to do meanwhile.
 */
import type { LinkMessage } from './link-message.ts';
import type { Defer, LinkPort } from './link-port.ts';

/** Buffers that leave without waiting for the end of the turn. */
const BUFFERS_PER_POST = 8;

export class Link {
  readonly number: number;
  readonly #port: LinkPort;
  readonly #defer: Defer;
  #messages: LinkMessage[] = [];
  #transfer: unknown[] = [];
  #isScheduled = false;
  #isClosed = false;

  constructor(number: number, port: LinkPort, defer: Defer) {
    this.number = number;
    this.#port = port;
    this.#defer = defer;
  }

  send(message: LinkMessage): void {
    if (this.#isClosed) return;
    this.#messages.push(message);
    if (message.kind === 'data') this.#transfer.push(message.buffer);
    else if (message.kind === 'link') this.#transfer.push(message.port);
    else if (message.kind === 'recycle') this.#transfer.push(...message.buffers);
    // What goes back is in no hurry: it wakes nobody, but leaves with what does.
    if (message.kind === 'recycle') return;
    if (this.#transfer.length >= BUFFERS_PER_POST) {
      this.flush();
    } else if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#defer(() => {
        this.#isScheduled = false;
        this.flush();
      });
    }
  }

  receivePending(): void {
    this.#port.receivePending();
  }

  flush(): void {
    if (this.#messages.length === 0 || this.#isClosed) return;
    const messages = this.#messages;
    const transfer = this.#transfer;
    this.#messages = [];
    this.#transfer = [];
    this.#port.post(messages, transfer);
  }

  close(): void {
    this.flush();
    this.#isClosed = true;
    this.#port.close();
  }
}
