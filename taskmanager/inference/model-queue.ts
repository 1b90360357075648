import type { MessagePort } from 'node:worker_threads';
import {
  type BatchDecision,
  decideBatch,
  InterArrivalMean,
  WaitingRecord,
} from './batch-policy.ts';
import type { InferRequest } from './messages.ts';
import type { ModelSession } from './model-session.ts';

/** One image that waits in an executor, and whom to answer. */
export interface QueuedRequest {
  readonly port: MessagePort;
  readonly request: InferRequest;
  readonly arrivedMs: number;
}

/**
 * The images that wait for one model in one executor, in order of arrival. Bounded by its senders:
 * each slot has at most its operator's `concurrency` in flight.
 */
export class ModelQueue {
  readonly session: ModelSession;
  readonly #limits: { readonly sizeEfficient: number; readonly delayMaxMs: number };
  readonly #arrivals = new InterArrivalMean();
  readonly #waits = new WaitingRecord();
  #waiting: QueuedRequest[] = [];

  constructor(
    session: ModelSession,
    limits: { readonly sizeEfficient: number; readonly delayMaxMs: number },
  ) {
    this.session = session;
    this.#limits = limits;
  }

  get oldestMs(): number {
    return this.#waiting[0]?.arrivedMs ?? Number.POSITIVE_INFINITY;
  }

  get length(): number {
    return this.#waiting.length;
  }

  push(queued: QueuedRequest, nowMs: number): void {
    this.#arrivals.record(nowMs);
    this.#waiting.push(queued);
  }

  /** Must not be called on an empty queue. */
  decide(nowMs: number): BatchDecision {
    const decision = decideBatch(
      {
        queued: this.#waiting.length,
        oldestAgeMs: nowMs - this.oldestMs,
        interArrivalMs: this.#arrivals.meanMs,
        waitingPays: this.#waits.pays,
      },
      { ...this.#limits, sizeMax: this.session.batchSizeMax },
    );
    if (decision.kind === 'wait') this.#waits.recordWait();
    else this.#waits.recordRun(decision.size >= this.#limits.sizeEfficient);
    return decision;
  }

  take(size: number): readonly QueuedRequest[] {
    return this.#waiting.splice(0, size);
  }

  /** Takes out what a slot that is gone will not fetch. */
  takeOf(port: MessagePort): readonly QueuedRequest[] {
    const dropped = this.#waiting.filter((queued) => queued.port === port);
    this.#waiting = this.#waiting.filter((queued) => queued.port !== port);
    return dropped;
  }
}
