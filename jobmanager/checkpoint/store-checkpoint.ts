import { killPoint } from '../../shared/faults/kill-point.ts';
import { buildMetadata, type MetadataParts } from './build-metadata.ts';
import type { CheckpointStorage } from './checkpoint-storage.ts';
import type { CompletedCheckpoint } from './completed-checkpoint.ts';
import type {
  EnumeratorSnapshot,
  EnumeratorStates,
  StoredEnumerators,
} from './enumerator-states.ts';

export interface CheckpointToStore
  extends Omit<MetadataParts, keyof StoredEnumerators | 'completedAtMs'> {
  readonly nowMs: () => number;
  /** By operator id. */
  readonly enumeratorStates: ReadonlyMap<string, EnumeratorSnapshot>;
  /** Where a savepoint goes; null: to the job's own checkpoints. */
  readonly savepointFolder: string | null;
}

/**
 * Stores what the job manager adds to a checkpoint that everybody has acknowledged, its `_metadata`
 * last. What it resolves with is restorable; it counts for the job once it is registered.
 */
export async function storeCheckpoint(
  storage: CheckpointStorage,
  states: EnumeratorStates,
  checkpoint: CheckpointToStore,
): Promise<CompletedCheckpoint & { readonly enumeratorBytes: number }> {
  const { jobId, checkpointId, purpose, savepointFolder } = checkpoint;
  const folder = savepointFolder ?? storage.paths.checkpoint(jobId, checkpointId);
  const isCopied = savepointFolder !== null;
  const enumerators = await states.store(checkpointId, checkpoint.enumeratorStates, { isCopied });
  const completedAtMs = checkpoint.nowMs();
  const built = buildMetadata({ ...checkpoint, ...enumerators, completedAtMs });
  const metadata = isCopied ? await storage.copyState(folder, built) : built;
  killPoint('before-metadata');
  // The commit point: from here the checkpoint is restorable, and not before.
  await storage.writeMetadata(folder, metadata);
  killPoint('after-metadata');
  const enumeratorBytes = enumerators.bytes;
  return { checkpointId, purpose, uri: folder, completedAtMs, metadata, enumeratorBytes };
}
