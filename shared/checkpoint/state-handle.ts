/**
 * Where the bytes of a piece of state lie. Small pieces travel inside the acknowledgement and lie in
 * the checkpoint's `_metadata`; larger ones are ranges of the few objects that a task manager writes.
 * Plain JSON.
 */
export type StateHandle =
  | { readonly kind: 'inline'; readonly base64: string }
  | {
      readonly kind: 'object';
      /** In a stored `_metadata` relative to its folder where it lies beside it, else absolute. */
      readonly uri: string;
      readonly offset: number;
      readonly length: number;
      /** CRC-32 of the range, verified when it is read. */
      readonly crc32: number;
    };

/** Pieces of at most so many bytes are inlined (Flink's `state.storage.fs.memory-threshold`). */
export const INLINE_STATE_BYTES_MAX = 20 * 1024;

/**
 * How long one object of a checkpoint may take to be stored, retries included: a storage that is away
 * fails the checkpoint, which is reported and tried again, instead of holding it up. Milliseconds.
 */
export function storingDeadlineMs(bytes: number): number {
  return 10_000 + bytes / 1024;
}
