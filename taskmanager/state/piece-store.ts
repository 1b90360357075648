import type { StateHandle } from '../../shared/checkpoint/state-handle.ts';
import type { SnapshotStore } from '../task/snapshot-store.ts';

/**
 * Pieces that are handed over and not stored yet; with `SEGMENT_BYTES` it bounds the memory of a
 * snapshot under way: 256 MiB. As many as that, because the store closes its few objects when
 * everybody has handed over everything.
 */
const PIECES_IN_FLIGHT_MAX = 32;

/** Hands the pieces of one snapshot over without waiting for each, up to a bound. */
export class PieceStore {
  readonly #store: SnapshotStore;
  readonly #scope: 'checkpoint' | 'shared';
  readonly #inFlight = new Set<Promise<unknown>>();
  /** Of all pieces. */
  bytes = 0;

  constructor(store: SnapshotStore, scope: 'checkpoint' | 'shared') {
    this.#store = store;
    this.#scope = scope;
  }

  add(bytes: Uint8Array<ArrayBuffer>): Promise<StateHandle> {
    this.bytes += bytes.byteLength;
    const stored = this.#store.store(bytes, this.#scope);
    // Whoever assembles the handles meets the failure; until then it is not unheard of.
    const settled: Promise<unknown> = stored
      .then(undefined, () => undefined)
      .finally(() => this.#inFlight.delete(settled));
    this.#inFlight.add(settled);
    return stored;
  }

  async hasRoom(): Promise<void> {
    while (this.#inFlight.size >= PIECES_IN_FLIGHT_MAX) await Promise.race(this.#inFlight);
  }
}
