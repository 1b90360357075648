import type { Mailbox } from '../operators/operator-context.ts';

/**
 * What waits to be run in a task's loop, between two records: timers, splits, coordinator events
 * and operators' callbacks. In the slot's thread; its length is bounded by what operators have under
 * way (reads, timers) and by the splits that were asked for.
 */
export class TaskMailbox implements Mailbox {
  readonly #wake: () => void;
  #mails: (() => void)[] = [];
  #isClosed = false;

  /** `wake` makes the task's loop run soon. */
  constructor(wake: () => void) {
    this.#wake = wake;
  }

  execute(mail: () => void): void {
    if (this.#isClosed) return;
    this.#mails.push(mail);
    this.#wake();
  }

  get isEmpty(): boolean {
    return this.#mails.length === 0;
  }

  /** Runs what is there now; what these mails add waits for the next turn. */
  drain(): void {
    if (this.#mails.length === 0) return;
    const mails = this.#mails;
    this.#mails = [];
    for (const mail of mails) {
      if (this.#isClosed) return;
      mail();
    }
  }

  /** What is in it, and what still comes, is dropped: the operators are about to be closed. */
  close(): void {
    this.#isClosed = true;
    this.#mails = [];
  }
}
