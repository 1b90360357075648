import type { ElementQueue, PendingElement, QueuedEvent } from './element-queue.ts';

/** Elements leave in the order in which they came. */
export class OrderedElementQueue implements ElementQueue {
  readonly #elements: (PendingElement | QueuedEvent)[] = [];

  addRecord(element: PendingElement): void {
    this.#elements.push(element);
  }

  addEvent(event: QueuedEvent): void {
    this.#elements.push(event);
  }

  complete(): void {
    // `results` says it all: the order does not depend on who is done first.
  }

  peek(): PendingElement | QueuedEvent | null {
    const head = this.#elements[0];
    if (head === undefined) return null;
    return head.kind === 'event' || head.results !== null ? head : null;
  }

  take(): void {
    this.#elements.shift();
  }

  get isEmpty(): boolean {
    return this.#elements.length === 0;
  }
}
