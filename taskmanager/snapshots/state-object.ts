import { crc32 } from 'node:zlib';
import { type StateHandle, storingDeadlineMs } from '../../shared/checkpoint/state-handle.ts';
import type { FileSystem } from '../../shared/filesystem/filesystem.ts';

/** A piece with its place in the object. */
export interface PackedPiece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly handle: StateHandle;
}

/** Checksummed at a time; in between the event loop has its turn (heartbeats, other slots). */
const CHECKSUM_BYTES = 4 * 1024 ** 2;
/** Longer objects are streamed: one put would need them a second time in memory. */
const PUT_BYTES_MAX = 8 * 1024 ** 2;

/** Lays the pieces one behind the other. */
export async function packObject(
  uri: string,
  pieces: readonly { readonly bytes: Uint8Array<ArrayBuffer> }[],
): Promise<readonly PackedPiece[]> {
  const packed: PackedPiece[] = [];
  let offset = 0;
  for (const { bytes } of pieces) {
    const handle = {
      kind: 'object',
      uri,
      offset,
      length: bytes.length,
      crc32: await checksum(bytes),
    } as const;
    packed.push({ bytes, handle });
    offset += bytes.length;
  }
  return packed;
}

/** Resolves once the object is there, whole. */
export async function writeObject(
  fileSystem: FileSystem,
  uri: string,
  pieces: readonly PackedPiece[],
): Promise<void> {
  const length = pieces.reduce((total, { bytes }) => total + bytes.length, 0);
  const contentType = 'application/octet-stream';
  if (length <= PUT_BYTES_MAX) {
    const whole = Buffer.concat(pieces.map(({ bytes }) => bytes));
    await fileSystem.put(uri, whole, { contentType, deadlineMs: storingDeadlineMs(length) });
    return;
  }
  const writer = await fileSystem.openWriter(uri, { contentType });
  try {
    for (const { bytes } of pieces) await writer.write(bytes);
    await fileSystem.commit(await writer.closeForCommit());
  } catch (error) {
    await writer.abort().catch(() => {});
    throw error;
  }
}

async function checksum(bytes: Uint8Array): Promise<number> {
  let value = 0;
  for (let start = 0; start < bytes.length; start += CHECKSUM_BYTES) {
    if (start > 0) await new Promise((resolve) => setImmediate(resolve));
    value = crc32(bytes.subarray(start, start + CHECKSUM_BYTES), value);
  }
  return value;
}
