import { CheckpointStorage } from '../../jobmanager/checkpoint/checkpoint-storage.ts';
import {
  EnumeratorStates,
  encodeEnumerator,
} from '../../jobmanager/checkpoint/enumerator-states.ts';
import { FilesEnumerator } from '../../jobmanager/sources/files-enumerator.ts';
import { CheckpointPaths } from '../../shared/checkpoint/checkpoint-paths.ts';
import { metadataHandles } from '../../shared/checkpoint/snapshot-handles.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { joinUri } from '../../shared/filesystem/uri.ts';
import { filesSourceSchema } from '../../shared/pipeline/kinds/source-files.ts';
import { systemClock } from '../../shared/time/system-clock.ts';

/** Enough that the listing never waits for readers. */
const REQUEST_SPLITS = 100_000;
const PASS_END_MS = 500;

/** The enumerator of a watch that has found `count` files and handed all of them out. */
export async function watchThatHasSeen(
  source: string,
  count: number,
  fileSystems: FileSystemRegistry,
): Promise<FilesEnumerator> {
  const options = filesSourceSchema.parse({ path: source, watch: '1h' });
  const enumerator = new FilesEnumerator(options, { fileSystems, clock: systemClock });
  await new Promise<void>((resolve, reject) => {
    let assigned = 0;
    enumerator.start({
      parallelism: 1,
      assignSplits: (subtask, splits) => {
        const before = assigned;
        assigned += splits.length;
        if (assigned >= count) resolve();
        const isNextDue =
          Math.floor(before / REQUEST_SPLITS) < Math.floor(assigned / REQUEST_SPLITS);
        if (isNextDue) setImmediate(() => enumerator.handleSplitRequest(subtask, REQUEST_SPLITS));
      },
      signalNoMoreSplits: () => {},
      fail: reject,
    });
    enumerator.handleSplitRequest(0, REQUEST_SPLITS * 2);
  });
  // The pass ends, and knows how to cut the next one.
  await new Promise((resolve) => setTimeout(resolve, PASS_END_MS));
  return enumerator;
}

/** How long the job manager's thread stands still for a snapshot, milliseconds. */
export function snapshotMs(enumerator: FilesEnumerator): number {
  const startedAt = performance.now();
  encodeEnumerator(enumerator.snapshotState());
  return performance.now() - startedAt;
}

/** The same savepoint, but with this state of the source's enumerator. */
export async function savepointWith(
  savepoint: string,
  { operatorId, state }: { readonly operatorId: string; readonly state: unknown },
  fileSystems: FileSystemRegistry,
): Promise<string> {
  const storage = new CheckpointStorage(
    fileSystems,
    new CheckpointPaths(joinUri(savepoint, 'with')),
  );
  const metadata = await storage.readMetadata(savepoint);
  const states = new EnumeratorStates(metadata.jobId, storage);
  const snapshots = new Map([[operatorId, encodeEnumerator(state)]]);
  const { bytes: _, ...stored } = await states.store(1, snapshots, { isCopied: true });
  const folder = `${savepoint}-seen`;
  await storage.writeMetadata(folder, await storage.copyState(folder, { ...metadata, ...stored }));
  return folder;
}

/** All of a checkpoint: `_metadata` and what it refers to. */
export async function checkpointBytes(
  folder: string,
  fileSystems: FileSystemRegistry,
): Promise<number> {
  const storage = new CheckpointStorage(fileSystems, new CheckpointPaths(folder));
  const metadata = await storage.readMetadata(folder);
  let bytes = JSON.stringify(metadata).length;
  for (const handle of metadataHandles(metadata)) {
    // What is inline is in the metadata.
    if (handle.kind === 'object') bytes += handle.length;
  }
  return bytes;
}
