import type { StateHandle } from '../../shared/checkpoint/state-handle.ts';
import { killPoint } from '../../shared/faults/kill-point.ts';
import { buildMetadata, type MetadataParts } from './build-metadata.ts';
import type { CheckpointStorage } from './checkpoint-storage.ts';
import type { CompletedCheckpoint } from './completed-checkpoint.ts';

export interface CheckpointToStore extends Omit<MetadataParts, 'enumerators' | 'completedAtMs'> {
  readonly nowMs: () => number;
  /** By operator id, encoded. */
  readonly enumeratorStates: ReadonlyMap<string, Uint8Array>;
  /** Where a savepoint goes; null: to the job's own checkpoints. */
  readonly savepointFolder: string | null;
}

/**
 * Stores what the job manager adds to a checkpoint that everybody has acknowledged, its `_metadata`
 * last. What it resolves with is restorable; it counts for the job once it is registered.
 */
export async function storeCheckpoint(
  storage: CheckpointStorage,
  checkpoint: CheckpointToStore,
): Promise<CompletedCheckpoint> {
  const { jobId, checkpointId, purpose, savepointFolder } = checkpoint;
  const ownFolder = storage.paths.checkpoint(jobId, checkpointId);
  const folder = savepointFolder ?? ownFolder;
  const enumerators: Record<string, StateHandle> = {};
  let number = 0;
  for (const [operatorId, bytes] of checkpoint.enumeratorStates) {
    // Numbered, not named: operator ids are no file names.
    enumerators[operatorId] = await storage.storeState(ownFolder, `job-manager-${number}`, bytes);
    number += 1;
  }
  const completedAtMs = checkpoint.nowMs();
  const built = buildMetadata({ ...checkpoint, enumerators, completedAtMs });
  const metadata = savepointFolder === null ? built : await storage.copyState(folder, built);
  killPoint('before-metadata');
  // The commit point: from here the checkpoint is restorable, and not before.
  await storage.writeMetadata(folder, metadata);
  killPoint('after-metadata');
  return { checkpointId, purpose, uri: folder, completedAtMs, metadata };
}
