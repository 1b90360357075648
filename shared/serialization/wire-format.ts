/**
 * The binary form of records and events between task managers. One buffer stands alone: whoever has
 * its bytes can decode it. All multi-byte numbers are little-endian; `varint` is LEB128, at most
 * five bytes.
 *
 *   payload  = kind (1 byte) then
 *     RECORDS: count (u32), then per record
 *              flags (1 byte), [event time], [ingestion time], value, [source], [tensor]
 *     EVENT:   value
 *
 *   value    = one tag byte, then what the tag says (table below). Objects name a *shape* (their
 *              list of keys), described where it first occurs in the buffer.
 *   times    = delta to the record before (a small integer as a value) or float64, by the flags
 *   source   = uri, etag (values), unless it is that of the record before
 *   tensor   = varint number of its description (pixels, colour, normalisation), described where it
 *              first occurs as a value, then height × width × channels raw bytes
 *
 * Pure constants.
 */
export const PAYLOAD_KIND = { records: 1, event: 2 } as const;

/** Kind and count. */
export const RECORDS_HEADER_BYTES = 5;

/** Bits of a record's flags byte; bit 7 is always 0. */
export const RECORD_FLAG = {
  eventTimeDelta: 0x01,
  eventTimeAbsolute: 0x02,
  ingestedAtDelta: 0x04,
  ingestedAtAbsolute: 0x08,
  source: 0x10,
  sourceAsBefore: 0x20,
  tensor: 0x40,
} as const;

/** 0x00 to 0x7f: the integer itself. */
export const TAG_INTEGER_MAX = 0x7f;
/** 0x80 to 0xbf: an ASCII string of 0 to 63 characters, which follow. */
export const TAG_SHORT_STRING = 0x80;
export const SHORT_STRING_MAX = 63;

export const TAG = {
  null: 0xc0,
  undefined: 0xc1,
  false: 0xc2,
  true: 0xc3,
  uint16: 0xc4,
  int32: 0xc5,
  float64: 0xc6,
  /** varint byte length, UTF-8. */
  utf8: 0xc7,
  /** varint byte length, UTF-16: strings with lone surrogates, which UTF-8 cannot hold. */
  utf16: 0xc8,
  /** varint count, values. */
  array: 0xc9,
  /** varint count, then key and value in turn: objects whose shape is not worth remembering. */
  object: 0xca,
  /** varint shape number, values; a number not seen before is followed by count and keys. */
  shaped: 0xcb,
  /** varint byte length, bytes. */
  bytes: 0xcc,
  /** Element type (index in TYPED_ARRAYS), varint byte length, bytes. */
  typedArray: 0xcd,
  /** Its decimal digits, as a value. */
  bigint: 0xce,
  /** float64 milliseconds. */
  date: 0xcf,
} as const;

/** 0xe0 to 0xff: an object of shape 0 to 31, already described in this buffer; values follow. */
export const TAG_SHAPED_SHORT = 0xe0;
export const SHAPED_SHORT_MAX = 31;

/** Values nested deeper than this are refused on both sides. */
export const DEPTH_MAX = 64;
/** Keys of one object that are worth a shape; objects with more are written key by key. */
export const SHAPE_KEYS_MAX = 128;
/** Shapes of one buffer. */
export const SHAPES_MAX = 512;
/** Tensor descriptions of one buffer. */
export const TENSOR_DESCRIPTIONS_MAX = 64;

/** By element type number; Uint8Array has a tag of its own. */
export const TYPED_ARRAYS = [
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;
