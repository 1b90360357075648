import type { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { Barrier, StreamEvent } from '../../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';

/** A record whose asynchronous work is under way, with its results once it is done. */
export interface PendingElement {
  readonly kind: 'record';
  readonly record: StreamRecord;
  /** Its work was done before a recovery: `record` need not be the input. */
  readonly isRestored: boolean;
  startedAtMs: number;
  /** Null while the work is under way (or waits to be started). */
  results: readonly StreamRecord[] | null;
  /** The record is rejected, when it leaves; it has no results then. */
  error: SluiceError | null;
  /** A snapshot waits for the outcome; called before the element may leave. */
  onDone: (() => void)[] | null;
}

export interface QueuedEvent {
  readonly kind: 'event';
  readonly event: StreamEvent;
}

export function barrierOf(element: PendingElement | QueuedEvent | null): Barrier | null {
  if (element?.kind !== 'event' || element.event.kind !== 'barrier') return null;
  return element.event;
}

/**
 * What entered an asynchronous operator and has not left it (Flink's StreamElementQueue): decides
 * which element may leave next. Owned by one operator, in the task's loop.
 */
export interface ElementQueue {
  addRecord(element: PendingElement): void;
  addEvent(event: QueuedEvent): void;
  /** The work on this element is done: its `results` are set. */
  complete(element: PendingElement): void;
  /** The element that may leave now; null where the work must go on first. */
  peek(): PendingElement | QueuedEvent | null;
  /** Removes what `peek` gave. */
  take(): void;
  /** All that have not left; in the order in which they came, where the queue keeps it. */
  records(): readonly PendingElement[];
  /** Removes the barriers that wait; gives them in order. */
  takeBarriers(): readonly Barrier[];
  readonly isEmpty: boolean;
}
