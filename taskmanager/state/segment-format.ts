/**
 * The bytes of a segment of keyed state: one format for all backends, stable across versions
 * (checkpoints outlive the program that wrote them). All numbers little-endian.
 *
 *   segment  = format version (1 byte), then per key group its entries, in the order of key groups;
 *              where each group begins is in the KeyedStateSegment
 *   entry    = flags (1 byte), key length (u32), key, [sub length (u32), sub], [value length (u32), value]
 *
 * Key, sub (the key inside a map state) and value are values of `shared/serialization`, each standing
 * alone. A removal has no value. Of several entries of one key the last one counts.
 */
export const SEGMENT_FORMAT = 1;

export const ENTRY_FLAG = { removed: 0x01, sub: 0x02 } as const;

/** A segment is closed when it has grown so large: bounds the memory of writing and of restoring. */
export const SEGMENT_BYTES = 8 * 1024 * 1024;

/** Entries as bytes. */
export interface EncodedEntry {
  readonly keyGroup: number;
  readonly key: Uint8Array;
  readonly sub: Uint8Array | null;
  /** Null: removed. */
  readonly value: Uint8Array | null;
}
