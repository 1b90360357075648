import type { Barrier } from '../../../shared/record/stream-event.ts';
import {
  barrierOf,
  type ElementQueue,
  type PendingElement,
  type QueuedEvent,
} from './element-queue.ts';

/** Elements leave in the order in which they came. */
export class OrderedElementQueue implements ElementQueue {
  #elements: (PendingElement | QueuedEvent)[] = [];

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

  records(): readonly PendingElement[] {
    return this.#elements.filter((element) => element.kind === 'record');
  }

  takeBarriers(): readonly Barrier[] {
    const barriers = this.#elements.map(barrierOf).filter((barrier) => barrier !== null);
    this.#elements = this.#elements.filter((element) => barrierOf(element) === null);
    return barriers;
  }

  get isEmpty(): boolean {
    return this.#elements.length === 0;
  }
}
