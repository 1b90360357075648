import type { StreamEvent } from '../../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { OperatorMetrics } from '../operator-metrics.ts';
import type { RestoredState } from './member-snapshot.ts';

/** Any operator of a chain, as the task sees its life. */
export interface ChainMember {
  readonly id: string;
  readonly metrics: OperatorMetrics;
  /** Opens and, after a failure or from a savepoint, restores. */
  open(restored: RestoredState | null): Promise<void>;
  /** The input ended and everything in front has finished: emits or commits what is still held. */
  finish(): Promise<void>;
  /** The checkpoint can be restored: resolves when what it makes visible is visible. */
  checkpointComplete?(checkpointId: number): Promise<void>;
  /** The checkpoint never will be. */
  checkpointAborted?(checkpointId: number): void;
  /** Once, always. */
  close(): Promise<void>;
}

/**
 * An operator inside a chain, wrapped by the runtime: synchronous operators, asynchronous functions
 * and sinks look the same to whatever feeds them. Calls come from the task's loop only.
 */
export interface ChainedOperator extends ChainMember {
  /** Whether it takes one more record without holding it back. */
  isReady(): boolean;
  processElement(record: StreamRecord): void;
  /** Forwards the event, behind everything that came before it; snapshots itself at a barrier. */
  processEvent(event: StreamEvent): void;
}
