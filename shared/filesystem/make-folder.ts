import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasErrorCode } from './storage-errors.ts';

/**
 * Makes a folder and those above it. Node's own recursive `mkdir` says ENOENT on a disk that is
 * mounted read-only, and never returns in places such as `/proc` where nothing can be made.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    // Another process may have made it in this moment.
    if (hasErrorCode(error, 'EEXIST')) return;
    if (!hasErrorCode(error, 'ENOENT') || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path).catch((second: unknown) => {
      if (!hasErrorCode(second, 'EEXIST')) throw second;
    });
  }
}
