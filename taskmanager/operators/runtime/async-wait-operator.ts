import { InvariantError, invariant } from '../../../shared/errors/invariant.ts';
import type { StreamEvent } from '../../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { AsyncFunction } from '../async-function.ts';
import type { OperatorContext } from '../operator-context.ts';
import type { OperatorMetrics } from '../operator-metrics.ts';
import type { Output } from '../stream-operator.ts';
import type { ChainedOperator } from './chained-operator.ts';
import type { ElementQueue, PendingElement } from './element-queue.ts';
import { type BarrierObserver, NO_SNAPSHOT } from './member-snapshot.ts';
import { OrderedElementQueue } from './ordered-element-queue.ts';
import { isRecordError } from './record-errors.ts';
import { UnorderedElementQueue } from './unordered-element-queue.ts';

/**
 * Runs an AsyncFunction inside a chain (Flink's AsyncWaitOperator). At most `concurrency` records
 * are under way or wait, completed, for the downstream to be ready; a record beyond that (one input
 * may have several results) waits unstarted. Completions arrive as mails; `drain`, called by the
 * task in every turn, lets out what may leave. Events wait behind the records in front of them, so
 * nothing in flight is ever behind a barrier that has left; a rejection, too, takes effect when its
 * record leaves, so that it lies on the same side of a barrier as the record did.
 */
export class AsyncWaitOperator implements ChainedOperator {
  readonly id: string;
  readonly metrics: OperatorMetrics;
  readonly #function: AsyncFunction;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #barriers: BarrierObserver;
  readonly #recordsEndToEnd: boolean;
  #queue: ElementQueue = new OrderedElementQueue();
  #concurrency = 1;
  /** Records that were started and have not left; at most `#concurrency`. */
  #occupied = 0;
  readonly #unstarted: PendingElement[] = [];
  #onEmpty: (() => void) | null = null;
  #isClosed = false;

  constructor(options: {
    readonly function: AsyncFunction;
    readonly context: OperatorContext;
    readonly output: Output;
    readonly barriers: BarrierObserver;
    /** For sinks: a record has arrived when its work is done. */
    readonly isSink: boolean;
  }) {
    this.id = options.context.operatorId;
    this.metrics = options.context.metrics;
    this.#function = options.function;
    this.#context = options.context;
    this.#output = options.output;
    this.#barriers = options.barriers;
    this.#recordsEndToEnd = options.isSink;
  }

  async open(): Promise<void> {
    await this.#function.open(this.#context);
    this.#concurrency = this.#function.concurrency;
    invariant(this.#concurrency >= 1, 'an async function takes a record', { operator: this.id });
    if (!this.#function.ordered) this.#queue = new UnorderedElementQueue();
  }

  isReady(): boolean {
    return this.#occupied + this.#unstarted.length < this.#concurrency;
  }

  processElement(record: StreamRecord): void {
    this.metrics.recordsIn += 1;
    this.metrics.inFlight += 1;
    const element = pendingElement(record);
    this.#queue.addRecord(element);
    if (this.#occupied < this.#concurrency) this.#startWork(element);
    else this.#unstarted.push(element);
  }

  processEvent(event: StreamEvent): void {
    if (this.#queue.isEmpty) this.#emitEvent(event);
    else this.#queue.addEvent({ kind: 'event', event });
  }

  /** Lets out what may leave, for as long as the downstream is ready. */
  drain(): void {
    for (let next = this.#queue.peek(); next !== null; next = this.#queue.peek()) {
      if (next.kind === 'event') {
        this.#queue.take();
        this.#emitEvent(next.event);
        continue;
      }
      const results = next.results ?? [];
      if (results.length > 0 && !this.#output.isReady()) return;
      this.#queue.take();
      this.#release();
      if (next.error !== null) this.#context.reject(next.record, next.error);
      else for (const result of results) this.#output.emit(result);
    }
    if (this.#queue.isEmpty && this.#onEmpty !== null) {
      this.#onEmpty();
      this.#onEmpty = null;
    }
  }

  /** Resolves when everything has left. */
  finish(): Promise<void> {
    if (this.#queue.isEmpty) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#function.close?.();
  }

  #emitEvent(event: StreamEvent): void {
    if (event.kind === 'barrier') this.#barriers.pass(this.id, event, () => NO_SNAPSHOT);
    this.#output.emitEvent(event);
  }

  #startWork(element: PendingElement): void {
    this.#occupied += 1;
    element.startedAtMs = this.#context.clock.monotonicMs();
    this.#invoke(element).then(
      (results) => this.#context.mailbox.execute(() => this.#complete(element, results)),
      (error: unknown) => {
        // A bug ends the slot's thread, as everywhere; after `close` nobody waits for the answer.
        if (error instanceof InvariantError) throw error;
        if (!this.#isClosed) this.#context.mailbox.execute(() => this.#refuse(element, error));
      },
    );
  }

  async #invoke(element: PendingElement): Promise<readonly StreamRecord[]> {
    return this.#function.invoke(element.record);
  }

  #complete(element: PendingElement, results: readonly StreamRecord[]): void {
    const { clock, metrics } = this.#context;
    metrics.stageLatency.record(clock.monotonicMs() - element.startedAtMs);
    if (this.#recordsEndToEnd) {
      const nowMs = clock.nowMs();
      metrics.recordWritten(nowMs);
      metrics.endToEndLatency.record(nowMs - element.record.ingestedAtMs);
      metrics.recordsOut += 1;
    }
    element.results = results;
    this.#queue.complete(element);
  }

  #refuse(element: PendingElement, error: unknown): void {
    if (!isRecordError(error)) {
      this.#context.fail(error);
      return;
    }
    element.results = [];
    element.error = error;
    this.#queue.complete(element);
  }

  #release(): void {
    this.metrics.inFlight -= 1;
    this.#occupied -= 1;
    const next = this.#unstarted.shift();
    if (next !== undefined) this.#startWork(next);
  }
}

function pendingElement(record: StreamRecord): PendingElement {
  return { kind: 'record', record, startedAtMs: 0, results: null, error: null };
}
