/**
 * Copies of the state objects that this task manager wrote, on its own disk: a task that starts again
 * here restores from them and not over the network (Flink's local recovery). They are a help and
 * nothing more: what is missing, or is not what the handle says, is read from the storage.
 *
 *   <localStateDirectory>/<task manager>/owner      the process that it belongs to
 *   <localStateDirectory>/<task manager>/<hash>     one object, whole; named by its URI's SHA-256
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { StateHandle } from '../../shared/checkpoint/state-handle.ts';

/** Of the copies of one task manager. */
export function localStateFolder(directory: string, taskManagerId: string): string {
  // Longer names than a file system takes, and two that differ in other characters, stay apart.
  const readable = taskManagerId.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64);
  return join(directory, `${readable}-${localName(taskManagerId).slice(0, 8)}`);
}

/** Of the copy of an object. */
export function localName(uri: string): string {
  return createHash('sha256').update(uri).digest('hex');
}

/** The piece from the local copy of its object; null where there is none that is right. */
export async function readLocalPiece(
  folder: string,
  { uri, offset, length, crc32: checksum }: Extract<StateHandle, { kind: 'object' }>,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const file = await open(join(folder, localName(uri)), 'r').catch(() => null);
  if (file === null) return null;
  try {
    // Not from Buffer's shared pool: the bytes may be transferred to another thread.
    const bytes = new Uint8Array(length);
    const { bytesRead } = await file.read(bytes, 0, length, offset);
    return bytesRead === length && crc32(bytes) === checksum ? bytes : null;
  } catch {
    return null;
  } finally {
    await file.close().catch(() => {});
  }
}
