/**
 * Incremental snapshots over any engine: which ones hold everything (a base) and which only what
 * changed since the last complete checkpoint. A chain grows until its changes weigh half of the base
 * or are too many pieces; then a new base follows. Nothing of a snapshot counts before
 * `notifyCheckpointComplete`: an aborted one's changes are part of the next one. Slot's thread.
 */
import type { KeyedStateHandle, KeyedStateSegment } from '../../shared/checkpoint/snapshot.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { KeyedSnapshot } from '../operators/runtime/member-snapshot.ts';
import type { SnapshotLoader } from '../task/snapshot-store.ts';
import { KeyedState } from './keyed-state.ts';
import type { KeyedHandles, KeyedStateBackend, SnapshotRequest } from './keyed-state-backend.ts';
import { Pace } from './pace.ts';
import { PieceStore } from './piece-store.ts';
import { readSegments } from './segment-reader.ts';
import { type OpenSegment, SegmentWriter } from './segment-writer.ts';
import type { FrozenState, StateEngine } from './state-engine.ts';
import type { KeyGroups } from './state-key.ts';

/** Pieces of one state; more would make restoring slow. */
export const CHAIN_SEGMENTS_MAX = 32;

export interface IncrementalBackendOptions {
  readonly engine: StateEngine;
  readonly keyGroups: KeyGroups;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly segmentBytes?: number;
}

/** A snapshot that later ones build on. */
interface Chain {
  readonly epoch: number;
  readonly handles: KeyedHandles;
  readonly baseBytes: number;
  readonly changesBytes: number;
}

interface PendingSnapshot {
  isCancelled: boolean;
  /** Null until everything is stored, and for savepoints: nothing builds on them. */
  chain: Chain | null;
}

export class IncrementalBackend implements KeyedStateBackend {
  readonly state: KeyedState;
  readonly #engine: StateEngine;
  readonly #options: IncrementalBackendOptions;
  #confirmed: Chain | null = null;
  /** By checkpoint id. */
  readonly #pending = new Map<number, PendingSnapshot>();
  #isClosed = false;

  constructor(options: IncrementalBackendOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.state = new KeyedState((descriptor) => options.engine.table(descriptor));
  }

  snapshot(request: SnapshotRequest): KeyedSnapshot {
    const { checkpointId, isSavepoint, store } = request;
    const before = isSavepoint || this.#needsBase() ? null : this.#confirmed;
    // From here on the snapshot is fixed: changes go to the next epoch.
    const frozen = this.#engine.freeze();
    const pending: PendingSnapshot = { isCancelled: false, chain: null };
    this.#pending.set(checkpointId, pending);
    const pieces = new PieceStore(store, isSavepoint ? 'checkpoint' : 'shared');
    const handedOver = this.#handOver(frozen, pending, { before, pieces });
    const handles = handedOver.then(async (written) => {
      const stored = await storedHandles(written, before);
      if (!isSavepoint) pending.chain = chainOf(frozen.epoch, stored, { before, pieces });
      return stored;
    });
    return { handedOver: handedOver.then(undefined, () => undefined), handles };
  }

  notifyCheckpointComplete(checkpointId: number): void {
    const chain = this.#pending.get(checkpointId)?.chain ?? null;
    for (const id of this.#pending.keys()) if (id <= checkpointId) this.#drop(id);
    if (chain === null || chain.epoch <= (this.#confirmed?.epoch ?? 0)) return;
    this.#confirmed = chain;
    this.#engine.forgetChanges(chain.epoch);
  }

  notifyCheckpointAborted(checkpointId: number): void {
    this.#drop(checkpointId);
  }

  async restore(restored: {
    readonly keyed: Readonly<Record<string, readonly KeyedStateHandle[]>>;
    readonly loader: SnapshotLoader;
  }): Promise<void> {
    const { keyGroups, clock } = this.#options;
    const source = { loader: restored.loader, range: keyGroups.range, pace: new Pace(clock) };
    for (const [name, parts] of Object.entries(restored.keyed)) {
      for (const part of parts) {
        await readSegments(part, source, (entry) => this.#engine.load(name, entry));
      }
    }
    this.#engine.finishLoading();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const id of this.#pending.keys()) this.#drop(id);
    await this.#engine.close();
  }

  #drop(checkpointId: number): void {
    const pending = this.#pending.get(checkpointId);
    if (pending !== undefined) pending.isCancelled = true;
    this.#pending.delete(checkpointId);
  }

  /** Restored state begins with a base too: what it came from may belong to somebody else. */
  #needsBase(): boolean {
    const { entryCount, changedCount, changesKnownSince } = this.#engine;
    const chain = this.#confirmed;
    if (chain === null || changesKnownSince > chain.epoch) return true;
    if (chain.changesBytes * 2 > chain.baseBytes || changedCount * 2 > entryCount) return true;
    return Object.values(chain.handles).some(
      ({ segments }) => changesOf(segments) >= CHAIN_SEGMENTS_MAX,
    );
  }

  /** Writes everything; when it resolves, nothing is left to be handed over. */
  async #handOver(
    frozen: FrozenState,
    pending: PendingSnapshot,
    { before, pieces }: { before: Chain | null; pieces: PieceStore },
  ): Promise<readonly WrittenState[]> {
    const written: WrittenState[] = [];
    try {
      const pace = new Pace(this.#options.clock);
      // The caller goes on first.
      await pace.rest();
      for (const name of frozen.names) {
        const kind = before === null ? 'base' : 'changes';
        const writer = new SegmentWriter(kind, pieces, this.#options.segmentBytes);
        const entries = before === null ? frozen.all(name) : frozen.changes(name, before.epoch);
        for (const entry of entries) {
          if (entry !== null) {
            if (writer.mustCut(entry.keyGroup)) await writer.cut();
            writer.put(entry);
          }
          if (pace.isDue()) await pace.rest();
          if (pending.isCancelled || this.#isClosed) throw cancelled();
        }
        await writer.cut();
        written.push({ name, segments: writer.segments });
      }
    } finally {
      frozen.release();
    }
    return written;
  }
}

interface WrittenState {
  readonly name: string;
  readonly segments: readonly OpenSegment[];
}

async function storedHandles(
  written: readonly WrittenState[],
  before: Chain | null,
): Promise<KeyedHandles> {
  const handles: Record<string, KeyedStateHandle> = {};
  for (const { name, segments } of written) {
    const stored = segments.map(async (segment) => ({ ...segment, handle: await segment.handle }));
    const earlier = before?.handles[name]?.segments ?? [];
    handles[name] = { segments: [...earlier, ...(await Promise.all(stored))] };
  }
  return handles;
}

function chainOf(
  epoch: number,
  handles: KeyedHandles,
  { before, pieces: { bytes } }: { before: Chain | null; pieces: PieceStore },
): Chain {
  if (before === null) return { epoch, handles, baseBytes: bytes, changesBytes: 0 };
  return { ...before, epoch, handles, changesBytes: before.changesBytes + bytes };
}

function changesOf(segments: readonly KeyedStateSegment[]): number {
  return segments.filter(({ kind }) => kind === 'changes').length;
}

function cancelled(): SluiceError {
  return new SluiceError('CANCELLED', 'the checkpoint was given up while its state was written', {
    domain: 'external',
  });
}
