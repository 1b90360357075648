import { InvariantError, invariant } from '../../shared/errors/invariant.ts';
import type { Barrier } from '../../shared/record/stream-event.ts';
import type { Clock } from '../../shared/time/clock.ts';
import {
  type BarrierObserver,
  type MemberSnapshot,
  NO_SNAPSHOT,
  type SnapshotContext,
} from '../operators/runtime/member-snapshot.ts';
import { type ChannelSnapshot, inExchange } from './channel-buffers.ts';
import type { AlignedBarrier } from './checkpoint-barrier-handler.ts';
import type { ResultPartition } from './result-partition.ts';
import type { CheckpointStore } from './snapshot-store.ts';

/** A barrier that has passed the whole chain: what its operators contribute. */
export interface ChainSnapshot {
  readonly barrier: Barrier;
  readonly store: CheckpointStore;
  /** By operator id. */
  readonly members: ReadonlyMap<string, MemberSnapshot>;
  /** What the barrier has overtaken at both ends of the chain; one for each exchange. */
  readonly channels: readonly Promise<readonly ChannelSnapshot[]>[];
  /** Thrown by an operator that could not take its snapshot. */
  readonly error: unknown;
  readonly alignmentMs: number;
  /** The operators' own time. */
  readonly syncMs: number;
}

export interface ChainBarriersOptions {
  readonly clock: Clock;
  readonly createStore: (checkpointId: number) => CheckpointStore;
  /** How long a barrier waits for credit in a partition; null: it overtakes nothing. */
  readonly patienceMs: (barrier: Barrier) => number | null;
  /** All operators have been passed. */
  readonly onPassed: (snapshot: ChainSnapshot) => void;
}

interface PassingBarrier {
  readonly barrier: Barrier;
  readonly store: CheckpointStore;
  readonly alignmentMs: number;
  readonly channels: readonly Promise<readonly ChannelSnapshot[]>[];
  readonly missing: Set<string>;
  readonly members: Map<string, MemberSnapshot>;
  error: unknown;
  syncMs: number;
}

/**
 * Barriers on their way through a chain. Asynchronous operators hold those of savepoints behind what
 * is in flight, so a barrier may take a while, and several may be under way; each operator is passed
 * by them in order. The dead-letter sink takes input from all others and is therefore passed last, when all
 * others have been; until then what they reject behind the barrier has to wait (`mayReject`).
 *
 * In the task's loop. Bounded by the checkpoints in flight: usually one.
 */
export class ChainBarriers implements BarrierObserver {
  readonly #options: ChainBarriersOptions;
  #memberIds: readonly string[] = [];
  #deadLetters: { readonly id: string; pass(barrier: Barrier): void } | null = null;
  readonly #passing: PassingBarrier[] = [];
  /** By operator: how many barriers have passed it. */
  readonly #passed = new Map<string, number>();
  #begun = 0;
  /** Edges over which the chain's results leave. */
  readonly #exits = new Set<string>();
  /** By edge and checkpoint: barriers that have not come to the exit. */
  readonly #leaving = new Map<string, PromiseWithResolvers<readonly ChannelSnapshot[]>>();

  constructor(options: ChainBarriersOptions) {
    this.#options = options;
  }

  /** Once, when the chain is built; `deadLetters.pass` lets a barrier into that sink. */
  setMembers(
    memberIds: readonly string[],
    deadLetters: { readonly id: string; pass(barrier: Barrier): void } | null,
  ): void {
    this.#memberIds = memberIds.filter((id) => id !== deadLetters?.id);
    this.#deadLetters = deadLetters;
  }

  addExit(edgeId: string): void {
    this.#exits.add(edgeId);
  }

  /** Before the barrier enters the chain. */
  begin({ barrier, alignmentMs, channels }: AlignedBarrier): void {
    this.#begun += 1;
    const promises = channels === undefined ? [] : [channels];
    for (const edgeId of this.#exits) {
      const leaving = Promise.withResolvers<readonly ChannelSnapshot[]>();
      this.#leaving.set(exitKey(edgeId, barrier), leaving);
      promises.push(leaving.promise);
    }
    // Whoever drops the snapshot leaves these alone.
    for (const promise of promises) promise.catch(() => {});
    const missing = new Set(this.#memberIds);
    if (this.#deadLetters !== null) missing.add(this.#deadLetters.id);
    this.#passing.push({
      barrier,
      store: this.#options.createStore(barrier.checkpointId),
      alignmentMs,
      channels: promises,
      missing,
      members: new Map(),
      error: null,
      syncMs: 0,
    });
  }

  pass(
    operatorId: string,
    barrier: Barrier,
    take: (context: SnapshotContext) => MemberSnapshot,
  ): void {
    const { checkpointId } = barrier;
    const passing = this.#passing.find((entry) => entry.barrier.checkpointId === checkpointId);
    invariant(passing !== undefined, 'a barrier is announced before it passes', { checkpointId });
    invariant(passing.missing.delete(operatorId), 'a barrier passes an operator once', {
      operatorId,
      checkpointId,
    });
    passing.members.set(operatorId, this.#take(passing, take));
    this.#passed.set(operatorId, (this.#passed.get(operatorId) ?? 0) + 1);
    if (passing.missing.size === 0) {
      this.#passing.splice(this.#passing.indexOf(passing), 1);
      this.#options.onPassed(passing);
      return;
    }
    const deadLetters = this.#deadLetters;
    if (passing.missing.size === 1 && deadLetters !== null && passing.missing.has(deadLetters.id)) {
      deadLetters.pass(barrier);
    }
  }

  /** The barrier goes out behind everything that the chain has emitted in front of it. */
  leave(edgeId: string, partition: ResultPartition, barrier: Barrier): void {
    const key = exitKey(edgeId, barrier);
    const leaving = this.#leaving.get(key);
    invariant(leaving !== undefined, 'a barrier leaves once by each exit', { key });
    this.#leaving.delete(key);
    const onOvertaken = inExchange({ edgeId, direction: 'output' }, leaving);
    partition.broadcastBarrier(barrier, this.#options.patienceMs(barrier), onOvertaken);
  }

  /** Whether the dead-letter sink has been passed by as many barriers as this operator. */
  mayReject(operatorId: string): boolean {
    if (this.#begun === 0 || this.#deadLetters === null) return true;
    return this.passedBy(operatorId) <= this.passedBy(this.#deadLetters.id);
  }

  passedBy(operatorId: string): number {
    return this.#passed.get(operatorId) ?? 0;
  }

  #take(
    passing: PassingBarrier,
    take: (context: SnapshotContext) => MemberSnapshot,
  ): MemberSnapshot {
    const { clock } = this.#options;
    const startedAtMs = clock.monotonicMs();
    try {
      const { barrier, store } = passing;
      const snapshot = take({ checkpointId: barrier.checkpointId, barrier, store });
      // It is awaited once the barrier has passed the others; it may fail before.
      snapshot.deferred?.catch(() => {});
      return snapshot;
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      passing.error ??= error;
      return NO_SNAPSHOT;
    } finally {
      passing.syncMs += clock.monotonicMs() - startedAtMs;
    }
  }
}

function exitKey(edgeId: string, { checkpointId }: Barrier): string {
  return `${checkpointId} ${edgeId}`;
}
