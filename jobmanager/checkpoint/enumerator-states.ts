import type { CheckpointMetadata } from '../../shared/checkpoint/checkpoint-metadata.ts';
import type { StateHandle } from '../../shared/checkpoint/state-handle.ts';
import { relativePath } from '../../shared/filesystem/uri.ts';
import { decodeValue, encodeValue } from '../../shared/serialization/encode-value.ts';
import { enumeratorHandle } from './assign-state.ts';
import type { CheckpointStorage } from './checkpoint-storage.ts';

type Part = Uint8Array<ArrayBuffer>;

/** An enumerator's state: encoded but for the parts that never change. */
export interface EnumeratorSnapshot {
  readonly bytes: Uint8Array;
  readonly shared: readonly Part[];
}

/** What a checkpoint's metadata says of its enumerators. */
export type StoredEnumerators = Pick<CheckpointMetadata, 'enumerators' | 'enumeratorParts'> & {
  /** Written for this checkpoint. */
  readonly bytes: number;
};

/** `state`: what an enumerator gave; its field `shared`, if it has one, is kept apart. */
export function encodeEnumerator(state: unknown): EnumeratorSnapshot {
  if (!hasShared(state)) return { bytes: encodeValue(state), shared: [] };
  const { shared, ...others } = state;
  return { bytes: encodeValue({ ...others, shared: [] }), shared };
}

/**
 * The enumerators' states of one job on their way to storage and back. Parts that never change are
 * stored once, as shared state: a watch that has seen a million files has 8 MB of them, and a second
 * later nearly the same. A part is known by its identity, and where it lies counts only when a
 * completed checkpoint refers to it. One checkpoint is stored at a time.
 */
export class EnumeratorStates {
  readonly #jobId: string;
  readonly #storage: CheckpointStorage;
  /** Parts that a completed checkpoint of this job refers to. */
  readonly #known = new WeakMap<Part, StateHandle>();
  /** Of the checkpoint under way. */
  #stored = new Map<Part, StateHandle>();

  constructor(jobId: string, storage: CheckpointStorage) {
    this.#jobId = jobId;
    this.#storage = storage;
  }

  /**
   * `isCopied`: the checkpoint will be a savepoint, made of copies; what is stored on the way lies in
   * the checkpoint's own folder and goes with it.
   */
  async store(
    checkpointId: number,
    states: ReadonlyMap<string, EnumeratorSnapshot>,
    { isCopied }: { readonly isCopied: boolean },
  ): Promise<StoredEnumerators> {
    const { paths } = this.#storage;
    const ownFolder = paths.checkpoint(this.#jobId, checkpointId);
    const sharedFolder = isCopied ? ownFolder : paths.shared(this.#jobId);
    const enumerators: Record<string, StateHandle> = {};
    const enumeratorParts: Record<string, readonly StateHandle[]> = {};
    this.#stored = new Map();
    let number = 0;
    let stored = 0;
    const put = async (folder: string, bytes: Uint8Array): Promise<StateHandle> => {
      // Numbered, not named: operator ids are no file names.
      const name = `job-manager-${number}`;
      number += 1;
      stored += bytes.length;
      const prefix = folder === ownFolder ? '' : `${checkpointId}-`;
      return this.#storage.storeState(folder, `${prefix}${name}`, bytes);
    };
    for (const [operatorId, { bytes, shared }] of states) {
      enumerators[operatorId] = await put(ownFolder, bytes);
      if (shared.length === 0) continue;
      const handles: StateHandle[] = [];
      for (const part of shared) {
        const handle = this.#known.get(part) ?? (await put(sharedFolder, part));
        if (!isCopied) this.#stored.set(part, handle);
        handles.push(handle);
      }
      enumeratorParts[operatorId] = handles;
    }
    const hasParts = Object.keys(enumeratorParts).length > 0;
    return { enumerators, bytes: stored, ...(hasParts ? { enumeratorParts } : {}) };
  }

  /** The checkpoint that was stored last is complete. */
  completed(): void {
    for (const [part, handle] of this.#stored) this.#known.set(part, handle);
    this.#stored = new Map();
  }

  /** It is not, and never will be: what was stored for it, and nothing else needs. */
  failed(): readonly StateHandle[] {
    const handles = [...this.#stored].flatMap(([part, handle]) =>
      this.#known.has(part) ? [] : [handle],
    );
    this.#stored = new Map();
    return handles;
  }

  /** Null where the checkpoint knows nothing of the operator. */
  async load(
    metadata: CheckpointMetadata,
    operatorId: string,
  ): Promise<{ readonly state: unknown } | null> {
    const handle = enumeratorHandle(metadata, operatorId);
    if (handle === null) return null;
    const handles = metadata.enumeratorParts?.[operatorId] ?? [];
    const state = decodeValue(await this.#storage.loadState(handle));
    if (handles.length === 0) return { state };
    const shared = await Promise.all(handles.map((part) => this.#loadPart(part)));
    return { state: { ...(state as object), shared } };
  }

  async #loadPart(handle: StateHandle): Promise<Part> {
    const part = (await this.#storage.loadState(handle)) as Part;
    const isOwn =
      handle.kind === 'object' &&
      relativePath(this.#storage.paths.shared(this.#jobId), handle.uri) !== null;
    // Of a savepoint, or of another job: not ours to build on.
    if (isOwn) this.#known.set(part, handle);
    return part;
  }
}

function hasShared(state: unknown): state is { readonly shared: readonly Part[] } {
  return (
    typeof state === 'object' &&
    state !== null &&
    'shared' in state &&
    Array.isArray(state.shared) &&
    state.shared.length > 0
  );
}
