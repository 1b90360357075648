import { CheckpointPaths } from '../../shared/checkpoint/checkpoint-paths.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { readLease } from '../../shared/rpc/leader-lease.ts';

/** A storage that does not answer: the list of addresses has its turn. */
const READ_TIMEOUT_MS = 2_000;

/** Asks the lease in the storage who leads; never rejects. */
export function leaderAddress(
  fileSystems: FileSystemRegistry,
  storage: string,
): () => Promise<string | null> {
  const uri = new CheckpointPaths(storage).leader();
  return async () => {
    try {
      const signal = AbortSignal.timeout(READ_TIMEOUT_MS);
      const found = await readLease(fileSystems.forUri(uri), uri, signal);
      return found === null || found.lease.released ? null : found.lease.rpcAddress;
    } catch {
      return null;
    }
  };
}
