import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { StreamEvent } from '../../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { OperatorContext } from '../operator-context.ts';
import type { OperatorMetrics } from '../operator-metrics.ts';
import type { OperatorSnapshot, Output, StreamOperator } from '../stream-operator.ts';
import type { ChainedOperator } from './chained-operator.ts';
import type {
  BarrierObserver,
  KeyedStateParticipant,
  ListSnapshot,
  MemberSnapshot,
  RestoredState,
  SnapshotContext,
} from './member-snapshot.ts';

/** A synchronous operator in its chain: counts, rejects, forwards events, snapshots. */
export class ChainedStreamOperator implements ChainedOperator {
  readonly id: string;
  readonly metrics: OperatorMetrics;
  readonly #operator: StreamOperator;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #barriers: BarrierObserver;
  readonly #keyedState: KeyedStateParticipant | null;

  constructor(options: {
    readonly operator: StreamOperator;
    readonly context: OperatorContext;
    readonly output: Output;
    readonly barriers: BarrierObserver;
    readonly keyedState: KeyedStateParticipant | null;
  }) {
    this.id = options.context.operatorId;
    this.metrics = options.context.metrics;
    this.#operator = options.operator;
    this.#context = options.context;
    this.#output = options.output;
    this.#barriers = options.barriers;
    this.#keyedState = options.keyedState;
  }

  async open(restored: RestoredState | null): Promise<void> {
    if (restored !== null) await this.#keyedState?.restore(restored);
    await this.#operator.open(this.#context, this.#output);
    if (restored === null || Object.keys(restored.lists).length === 0) return;
    await this.#operator.restoreState?.([{ operatorId: this.id, lists: restored.lists }]);
  }

  isReady(): boolean {
    return this.#output.isReady();
  }

  processElement(record: StreamRecord): void {
    this.metrics.recordsIn += 1;
    try {
      this.#operator.processElement(record);
    } catch (error) {
      // What fails the task has been wrapped by nobody: it passes through every operator in front.
      if (!(error instanceof SluiceError)) throw error;
      this.#context.reject(record, error);
    }
  }

  processEvent(event: StreamEvent): void {
    if (event.kind === 'barrier') {
      this.#barriers.pass(this.id, event, (context) => this.#snapshot(context));
    } else {
      this.#operator.processEvent?.(event);
    }
    this.#output.emitEvent(event);
  }

  async finish(): Promise<void> {
    await this.#operator.finish?.();
  }

  checkpointComplete(checkpointId: number): Promise<void> {
    this.#operator.notifyCheckpointComplete?.(checkpointId);
    this.#keyedState?.checkpointComplete(checkpointId);
    return Promise.resolve();
  }

  checkpointAborted(checkpointId: number): void {
    this.#operator.notifyCheckpointAborted?.(checkpointId);
    this.#keyedState?.checkpointAborted(checkpointId);
  }

  async close(): Promise<void> {
    await this.#operator.close?.();
    await this.#keyedState?.close();
  }

  #snapshot(context: SnapshotContext): MemberSnapshot {
    const taken = this.#operator.snapshotState?.(context.checkpointId);
    const state = { lists: taken === undefined ? {} : listsOf(taken), keyed: {} };
    const keyed = this.#keyedState?.snapshot(context) ?? null;
    if (keyed === null) return { state, deferred: null };
    const deferred = keyed.handles.then((handles) => ({ lists: {}, keyed: handles }));
    return { state, deferred, handedOver: keyed.handedOver };
  }
}

function listsOf({ lists, modes }: OperatorSnapshot): Record<string, ListSnapshot> {
  return Object.fromEntries(
    Object.entries(lists).map(([name, entries]) => [
      name,
      { mode: modes?.[name] ?? 'split', entries },
    ]),
  );
}
