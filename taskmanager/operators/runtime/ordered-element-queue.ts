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

  hasBarrier(checkpointId: number): boolean {
    return this.#indexOf(checkpointId) >= 0;
  }

  recordsBefore(checkpointId: number): readonly PendingElement[] {
    const index = this.#indexOf(checkpointId);
    const before = index < 0 ? this.#elements : this.#elements.slice(0, index);
    return before.filter((element) => element.kind === 'record');
  }

  removeBarriers(checkpointId: number): readonly Barrier[] {
    const removed: Barrier[] = [];
    this.#elements = this.#elements.filter((element) => {
      const barrier = barrierOf(element);
      if (barrier === null || barrier.checkpointId > checkpointId) return true;
      removed.push(barrier);
      return false;
    });
    return removed;
  }

  #indexOf(checkpointId: number): number {
    return this.#elements.findIndex((element) => barrierOf(element)?.checkpointId === checkpointId);
  }

  get isEmpty(): boolean {
    return this.#elements.length === 0;
  }
}
