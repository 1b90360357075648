import type { CheckpointDeclineReason } from '../../shared/checkpoint/checkpoint-failure-reason.ts';
import type {
  ListStateHandle,
  OperatorSubtaskState,
  SnapshotTimings,
  SubtaskSnapshot,
} from '../../shared/checkpoint/snapshot.ts';
import { InvariantError } from '../../shared/errors/invariant.ts';
import { SluiceError, serializeError } from '../../shared/errors/sluice-error.ts';
import { encodeValue } from '../../shared/serialization/encode-value.ts';
import type { Clock } from '../../shared/time/clock.ts';
import {
  type ListSnapshot,
  type MemberSnapshot,
  type MemberState,
  NO_STATE,
} from '../operators/runtime/member-snapshot.ts';
import type { ChainSnapshot } from './chain-barriers.ts';
import { storeChannel } from './channel-states.ts';
import type { CheckpointStore } from './snapshot-store.ts';
import type { TaskControl } from './task-environment.ts';

/** Snapshots of one task that are being stored at a time; further ones are declined. */
const STORING_MAX = 4;

/**
 * The asynchronous half of a task's snapshots: what its operators gave at the barrier is awaited,
 * stored and acknowledged while the task goes on; what cannot be stored is declined, and the task
 * goes on as well. A snapshot whose checkpoint is aborted meanwhile is dropped.
 */
export class TaskCheckpoints {
  readonly #attemptId: string;
  readonly #clock: Clock;
  readonly #control: TaskControl;
  readonly #storing = new Set<number>();
  /** Barriers of aborted checkpoints may still be on their way through the chain. */
  #abortedId = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: {
    readonly attemptId: string;
    readonly clock: Clock;
    readonly control: TaskControl;
  }) {
    this.#attemptId = options.attemptId;
    this.#clock = options.clock;
    this.#control = options.control;
  }

  /** The barrier has passed the chain. */
  readonly passed = (snapshot: ChainSnapshot): void => {
    const { checkpointId } = snapshot.barrier;
    if (this.#isClosed || checkpointId <= this.#abortedId) {
      snapshot.store.handedOver();
      return;
    }
    if (snapshot.error !== null || this.#storing.size >= STORING_MAX) {
      snapshot.store.handedOver();
      this.decline(checkpointId, 'SNAPSHOT_FAILED', snapshot.error ?? tooMany());
      return;
    }
    this.#storing.add(checkpointId);
    this.#acknowledge(snapshot).catch((error: unknown) => {
      if (error instanceof InvariantError) {
        queueMicrotask(() => {
          throw error;
        });
      }
      if (this.#storing.delete(checkpointId)) this.decline(checkpointId, reasonOf(error), error);
    });
  };

  decline(checkpointId: number, reason: CheckpointDeclineReason, error: unknown): void {
    if (this.#isClosed) return;
    this.#control.checkpoint({
      kind: 'decline-checkpoint',
      attemptId: this.#attemptId,
      checkpointId,
      reason,
      error: serializeError(error),
    });
  }

  aborted(checkpointId: number): void {
    this.#abortedId = Math.max(this.#abortedId, checkpointId);
    this.#storing.delete(checkpointId);
  }

  /** The task ends: nothing more is said. */
  close(): void {
    this.#isClosed = true;
    this.#storing.clear();
  }

  async #acknowledge(snapshot: ChainSnapshot): Promise<void> {
    const { checkpointId } = snapshot.barrier;
    const startedAtMs = this.#clock.monotonicMs();
    const stored = await this.#store(snapshot);
    if (!this.#storing.delete(checkpointId)) return;
    const timings: SnapshotTimings = {
      alignmentMs: snapshot.alignmentMs,
      syncMs: snapshot.syncMs,
      asyncMs: this.#clock.monotonicMs() - startedAtMs,
      bytes: snapshot.store.bytes,
    };
    this.#control.checkpoint({
      kind: 'acknowledge-checkpoint',
      attemptId: this.#attemptId,
      checkpointId,
      snapshot: stored,
      timings,
    });
  }

  async #store({ members, channels, store }: ChainSnapshot): Promise<SubtaskSnapshot> {
    const operators: Record<string, OperatorSubtaskState> = {};
    const storing = [...members].map(async ([operatorId, member]) => {
      const state = await storeMember(member, store);
      if (state !== null) operators[operatorId] = state;
    });
    const storingChannels = channels.map(async (ofExchange) => {
      return Promise.all((await ofExchange).map((channel) => storeChannel(channel, store)));
    });
    for (const promise of storingChannels) promise.catch(() => {});
    // Every piece is handed over once the deferred parts are there and the stores have begun.
    const ofMembers = [...members.values()].map(
      ({ handedOver, deferred }) => handedOver ?? deferred,
    );
    await Promise.allSettled([...ofMembers, ...channels]);
    await Promise.resolve();
    store.handedOver();
    await Promise.all(storing);
    return { operators, channels: (await Promise.all(storingChannels)).flat() };
  }
}

/** Null where there is no state. */
async function storeMember(
  member: MemberSnapshot,
  store: CheckpointStore,
): Promise<OperatorSubtaskState | null> {
  // What is there is handed over at once: the deferred part may wait for what is stored.
  const [taken, deferred] = await Promise.all([
    storeLists(member.state.lists, store),
    storeDeferred(member.deferred, store),
  ]);
  const keyed = { ...member.state.keyed, ...deferred.keyed };
  const lists = { ...taken, ...deferred.lists };
  const isEmpty = Object.keys(keyed).length === 0 && Object.keys(lists).length === 0;
  return isEmpty ? null : { lists, keyed };
}

async function storeDeferred(
  part: Promise<MemberState> | null,
  store: CheckpointStore,
): Promise<OperatorSubtaskState> {
  const { lists, keyed } = part === null ? NO_STATE : await part;
  return { lists: await storeLists(lists, store), keyed };
}

async function storeLists(
  lists: Readonly<Record<string, ListSnapshot>>,
  store: CheckpointStore,
): Promise<Record<string, ListStateHandle>> {
  const stored = await Promise.all(
    Object.entries(lists).map(async ([name, { mode, entries }]) => {
      const handle = await store.store(encodeValue(entries), 'checkpoint');
      return [name, { mode, handle, entries: entries.length }] as const;
    }),
  );
  return Object.fromEntries(stored);
}

function reasonOf(error: unknown): CheckpointDeclineReason {
  const isStorage = error instanceof SluiceError && error.code.startsWith('STORAGE_');
  return isStorage ? 'STORAGE_FAILED' : 'SNAPSHOT_FAILED';
}

function tooMany(): SluiceError {
  return new SluiceError('CHECKPOINT_FAILED', 'too many snapshots are being stored already', {
    domain: 'external',
    context: { storingMax: STORING_MAX },
  });
}
