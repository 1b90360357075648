import { invariant } from '../../../shared/errors/invariant.ts';
import type { Barrier } from '../../../shared/record/stream-event.ts';
import {
  barrierOf,
  type ElementQueue,
  type PendingElement,
  type QueuedEvent,
} from './element-queue.ts';

/** The records between two events: they may overtake each other, but not the events. */
interface Segment {
  /** Records that have not left, completed ones included. */
  size: number;
  readonly completed: PendingElement[];
  /** What follows this segment; null for the last one. */
  event: QueuedEvent | null;
}

/**
 * Records leave as they complete, but none overtakes an event (Flink's
 * UnorderedStreamElementQueue): events cut the stream into segments, and a segment's records leave
 * only when everything in front of it has left.
 */
export class UnorderedElementQueue implements ElementQueue {
  readonly #segments: Segment[] = [newSegment()];
  readonly #segmentOf = new Map<PendingElement, Segment>();

  addRecord(element: PendingElement): void {
    const last = this.#segments.at(-1);
    invariant(last !== undefined, 'there is always a segment');
    last.size += 1;
    this.#segmentOf.set(element, last);
  }

  addEvent(event: QueuedEvent): void {
    const last = this.#segments.at(-1);
    invariant(last !== undefined && last.event === null, 'the last segment is open');
    last.event = event;
    this.#segments.push(newSegment());
  }

  complete(element: PendingElement): void {
    const segment = this.#segmentOf.get(element);
    invariant(segment !== undefined, 'an element completes once');
    this.#segmentOf.delete(element);
    segment.completed.push(element);
  }

  peek(): PendingElement | QueuedEvent | null {
    const first = this.#segments[0];
    invariant(first !== undefined, 'there is always a segment');
    const completed = first.completed[0];
    if (completed !== undefined) return completed;
    return first.size === 0 ? first.event : null;
  }

  take(): void {
    const first = this.#segments[0];
    invariant(first !== undefined, 'there is always a segment');
    if (first.completed.shift() === undefined) this.#segments.shift();
    else first.size -= 1;
  }

  records(): readonly PendingElement[] {
    return [...this.#segments.flatMap(({ completed }) => completed), ...this.#segmentOf.keys()];
  }

  takeBarriers(): readonly Barrier[] {
    const taken: Barrier[] = [];
    for (let index = 0; index < this.#segments.length - 1; ) {
      const barrier = barrierOf(this.#segments[index]?.event ?? null);
      if (barrier === null) index += 1;
      else {
        taken.push(barrier);
        this.#joinNext(index);
      }
    }
    return taken;
  }

  /** Nothing lies between the two segments any more. */
  #joinNext(index: number): void {
    const segment = this.#segments[index];
    const [next] = this.#segments.splice(index + 1, 1);
    invariant(segment !== undefined && next !== undefined, 'a barrier lies between two segments');
    segment.size += next.size;
    segment.completed.push(...next.completed);
    segment.event = next.event;
    for (const [element, of] of this.#segmentOf) {
      if (of === next) this.#segmentOf.set(element, segment);
    }
  }

  get isEmpty(): boolean {
    return this.#segments.length === 1 && this.#segments[0]?.size === 0;
  }
}

function newSegment(): Segment {
  return { size: 0, completed: [], event: null };
}
