import { rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasErrorCode } from './storage-errors.ts';

/**
 * Removes the folder if it is empty, then those above it that this leaves empty, as far as they lie
 * below `top`. Whoever creates a file beside that makes its folder anew.
 */
export async function removeEmptyFolders(path: string, top: string): Promise<void> {
  const below = top.endsWith('/') ? top : `${top}/`;
  for (let folder = path; folder.startsWith(below) && folder !== top; folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch (error) {
      // Not empty, or not ours to remove: it is of no consequence.
      if (!hasErrorCode(error, 'ENOENT')) return;
    }
  }
}
