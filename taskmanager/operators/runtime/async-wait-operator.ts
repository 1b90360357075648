import { InvariantError, invariant } from '../../../shared/errors/invariant.ts';
import type { Barrier, StreamEvent } from '../../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { AsyncFunction } from '../async-function.ts';
import type { OperatorContext } from '../operator-context.ts';
import type { OperatorMetrics } from '../operator-metrics.ts';
import type { Output } from '../stream-operator.ts';
import type { ChainedOperator } from './chained-operator.ts';
import type { ElementQueue, PendingElement } from './element-queue.ts';
import {
  canRestart,
  doneEntry,
  inputEntry,
  isBestDoneAnew,
  restoredElements,
} from './in-flight-records.ts';
import {
  type BarrierObserver,
  type MemberSnapshot,
  type MemberState,
  NO_SNAPSHOT,
  NO_STATE,
  type RestoredState,
} from './member-snapshot.ts';
import { OrderedElementQueue } from './ordered-element-queue.ts';
import { isRecordError } from './record-errors.ts';
import { UnorderedElementQueue } from './unordered-element-queue.ts';

/** The name of the list state. */
const IN_FLIGHT = 'in-flight';

/**
 * Runs an AsyncFunction inside a chain (Flink's AsyncWaitOperator). At most `concurrency` records
 * are under way or wait, completed, for the downstream to be ready; a record beyond that (one input
 * may have several results) waits unstarted. Completions arrive as mails; `drain`, called by the
 * task in every turn, lets out what may leave. Events wait behind the records in front of them; a
 * rejection, too, takes effect when its record leaves, so that it lies on the same side of an event
 * as the record did.
 *
 * A checkpoint's barrier leaves at once, and what is in flight joins the snapshot: results where the
 * work is done, the input where it can begin anew, and else the results once they are there. A
 * watermark that it overtakes is not part of it; the next one says as much. The barrier of a
 * savepoint waits: behind it nothing is in flight.
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

  async open(restored: RestoredState | null): Promise<void> {
    await this.#function.open(this.#context);
    this.#concurrency = this.#function.concurrency;
    invariant(this.#concurrency >= 1, 'an async function takes a record', { operator: this.id });
    if (!this.#function.ordered) this.#queue = new UnorderedElementQueue();
    for (const entry of restored?.lists[IN_FLIGHT] ?? []) {
      for (const element of restoredElements(entry)) this.#add(element);
    }
  }

  isReady(): boolean {
    return this.#occupied + this.#unstarted.length < this.#concurrency;
  }

  processElement(record: StreamRecord): void {
    this.metrics.recordsIn += 1;
    this.#add(pendingElement(record));
  }

  processEvent(event: StreamEvent): void {
    if (this.#queue.isEmpty) this.#emitEvent(event);
    else if (event.kind === 'barrier' && event.purpose === 'checkpoint') this.#overtake(event);
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

  /** Barriers that wait here belong to checkpoints that were given up; they keep their order. */
  #overtake(barrier: Barrier): void {
    const inFlight = this.#inFlight();
    for (const older of this.#queue.takeBarriers()) this.#emitEvent(older);
    this.#barriers.pass(this.id, barrier, () => inFlight);
    this.#output.emitEvent(barrier);
  }

  #inFlight(): MemberSnapshot {
    const entries = this.#queue.records().map((element) => {
      const { record, results } = element;
      if (isBestDoneAnew(element)) return inputEntry(record);
      if (results !== null) return doneEntry(element);
      const isUntouched = this.#unstarted.includes(element) || canRestart(record);
      if (isUntouched) return inputEntry(this.#function.inputToStore?.(record) ?? record);
      return new Promise<unknown>((resolve) => {
        element.onDone ??= [];
        element.onDone.push(() => resolve(doneEntry(element)));
      });
    });
    const deferred = Promise.all(entries).then((all): MemberState => {
      const left = all.filter((entry) => entry !== null);
      if (left.length === 0) return NO_STATE;
      return { lists: { [IN_FLIGHT]: { mode: 'split', entries: left } }, keyed: {} };
    });
    return { state: NO_STATE, deferred };
  }

  #add(element: PendingElement): void {
    this.metrics.inFlight += 1;
    this.#queue.addRecord(element);
    if (element.results !== null) {
      this.#occupied += 1;
      this.#queue.complete(element);
    } else if (this.#occupied < this.#concurrency) this.#startWork(element);
    else this.#unstarted.push(element);
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
    this.#done(element);
  }

  #refuse(element: PendingElement, error: unknown): void {
    if (!isRecordError(error)) {
      this.#context.fail(error);
      return;
    }
    element.results = [];
    element.error = error;
    this.#done(element);
  }

  #done(element: PendingElement): void {
    if (element.onDone !== null) for (const onDone of element.onDone) onDone();
    element.onDone = null;
    this.#queue.complete(element);
  }

  #release(): void {
    this.metrics.inFlight -= 1;
    this.#occupied -= 1;
    // More may be occupied than that after a restore.
    if (this.#occupied >= this.#concurrency) return;
    const next = this.#unstarted.shift();
    if (next !== undefined) this.#startWork(next);
  }
}

function pendingElement(record: StreamRecord): PendingElement {
  return {
    kind: 'record',
    record,
    isRestored: false,
    startedAtMs: 0,
    results: null,
    error: null,
    onDone: null,
  };
}
