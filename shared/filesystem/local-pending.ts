import type { AbortableFile, PendingFile } from './filesystem.ts';
import { pendingFileGone } from './storage-errors.ts';

/** Both kinds of unfinished files begin with a dot, so that no listing shows them. */
export const PENDING_PREFIX = '.pending-';
export const TEMPORARY_PREFIX = '.put-';

const UUID_LENGTH = 36;
const NAME_BYTES_MAX = 255;

/** What a local pending file's handle holds, as JSON. */
export interface LocalPending {
  /** In the folder of the final file. */
  readonly name: string;
  /** Of the whole content; missing where it was found by a listing. */
  readonly sha256?: string;
}

/** The end of a pending file's name, after its UUID; none where the name would become too long. */
export function pendingSuffix(finalName: string): string {
  const length = PENDING_PREFIX.length + UUID_LENGTH + 1 + Buffer.byteLength(finalName);
  return length > NAME_BYTES_MAX ? '' : `-${finalName}`;
}

/** The final name that a pending file's name tells, or null. */
export function finalNameOf(pendingName: string): string | null {
  const start = PENDING_PREFIX.length + UUID_LENGTH;
  const told = pendingName.startsWith(PENDING_PREFIX) && pendingName[start] === '-';
  return told && pendingName.length > start + 1 ? pendingName.slice(start + 1) : null;
}

export function formatPendingHandle(pending: LocalPending): string {
  return JSON.stringify(pending);
}

/** A handle comes back from a checkpoint: it may name nothing but a pending file of that folder. */
export function parsePendingHandle({ uri, handle }: AbortableFile | PendingFile): LocalPending {
  let value: unknown;
  try {
    value = JSON.parse(handle);
  } catch {
    throw pendingFileGone(uri);
  }
  const { name, sha256 } = (value ?? {}) as Partial<Record<keyof LocalPending, unknown>>;
  if (typeof name !== 'string' || !name.startsWith(PENDING_PREFIX) || name.includes('/')) {
    throw pendingFileGone(uri);
  }
  return typeof sha256 === 'string' ? { name, sha256 } : { name };
}
