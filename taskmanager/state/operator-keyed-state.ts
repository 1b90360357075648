import type {
  KeyedSnapshot,
  KeyedStateParticipant,
  RestoredState,
  SnapshotContext,
} from '../operators/runtime/member-snapshot.ts';
import type { KeyedState } from './keyed-state.ts';
import type { KeyedStateBackend } from './keyed-state-backend.ts';

/**
 * The keyed state that an operator may or may not have: its backend is made when the operator first
 * asks, or when there is something to restore. Slot's thread.
 */
export class OperatorKeyedState implements KeyedStateParticipant {
  readonly #create: () => KeyedStateBackend;
  #backend: KeyedStateBackend | null = null;

  constructor(create: () => KeyedStateBackend) {
    this.#create = create;
  }

  get state(): KeyedState {
    return this.#made().state;
  }

  async restore({ keyed, loader }: RestoredState): Promise<void> {
    if (Object.keys(keyed).length > 0) await this.#made().restore({ keyed, loader });
  }

  snapshot({ checkpointId, barrier, store }: SnapshotContext): KeyedSnapshot | null {
    const isSavepoint = barrier.purpose === 'savepoint' || barrier.purpose === 'suspend';
    return this.#backend?.snapshot({ checkpointId, isSavepoint, store }) ?? null;
  }

  checkpointComplete(checkpointId: number): void {
    this.#backend?.notifyCheckpointComplete(checkpointId);
  }

  checkpointAborted(checkpointId: number): void {
    this.#backend?.notifyCheckpointAborted(checkpointId);
  }

  async close(): Promise<void> {
    await this.#backend?.close();
  }

  #made(): KeyedStateBackend {
    this.#backend ??= this.#create();
    return this.#backend;
  }
}
