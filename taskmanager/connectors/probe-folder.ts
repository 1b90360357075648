import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';

/**
 * Finds out before the first record whether an output can be reached at all: a bucket that does not
 * exist would otherwise show when the first part file is full. A refusal proves nothing (writers
 * need no right to list), so it passes.
 */
export async function probeFolder(fileSystems: FileSystemRegistry, uri: string): Promise<void> {
  try {
    await fileSystems.forUri(uri).list(uri, { limit: 1 });
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'STORAGE_DENIED') return;
    throw error;
  }
}
