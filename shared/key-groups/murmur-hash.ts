/**
 * MurmurHash3, x86, 32 bits (Austin Appleby, public domain), on the forms that keys have. Pure.
 *
 * The result decides where state lies, also in snapshots: it may never change.
 */
const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

/** Of bytes. Gives a signed 32-bit integer. */
export function murmurHashBytes(bytes: Uint8Array, seed: number): number {
  const { length } = bytes;
  const whole = length & ~3;
  let hash = seed | 0;
  for (let index = 0; index < whole; index += 4) {
    hash = mix(
      hash,
      (bytes[index] as number) |
        ((bytes[index + 1] as number) << 8) |
        ((bytes[index + 2] as number) << 16) |
        ((bytes[index + 3] as number) << 24),
    );
  }
  let tail = 0;
  for (let index = length - 1; index >= whole; index -= 1) {
    tail = (tail << 8) | (bytes[index] as number);
  }
  return finish(length === whole ? hash : hash ^ scramble(tail), length);
}

const encoder = new TextEncoder();
/** Longer strings are flattened and encoded by the runtime faster than character by character. */
const DIRECT_LENGTH_MAX = 256;

/** Of a string's UTF-8 bytes, which are only made where it is long or not ASCII. */
export function murmurHashString(text: string, seed: number): number {
  const { length } = text;
  if (length > DIRECT_LENGTH_MAX) return murmurHashBytes(encoder.encode(text), seed);
  const whole = length & ~3;
  let hash = seed | 0;
  let bits = 0;
  for (let index = 0; index < whole; index += 4) {
    const first = text.charCodeAt(index);
    const second = text.charCodeAt(index + 1);
    const third = text.charCodeAt(index + 2);
    const fourth = text.charCodeAt(index + 3);
    bits |= first | second | third | fourth;
    hash = mix(hash, first | (second << 8) | (third << 16) | (fourth << 24));
  }
  let tail = 0;
  for (let index = length - 1; index >= whole; index -= 1) {
    const code = text.charCodeAt(index);
    bits |= code;
    tail = (tail << 8) | code;
  }
  if (bits > 0x7f) return murmurHashBytes(encoder.encode(text), seed);
  return finish(length === whole ? hash : hash ^ scramble(tail), length);
}

/** Of the four little-endian bytes of a 32-bit integer. */
export function murmurHashInt32(value: number, seed: number): number {
  return finish(mix(seed | 0, value | 0), 4);
}

const FLOAT = new Float64Array(1);
const FLOAT_WORDS = new Int32Array(FLOAT.buffer);

/** Of the eight little-endian bytes of a float64. */
export function murmurHashFloat64(value: number, seed: number): number {
  FLOAT[0] = value;
  const low = mix(seed | 0, FLOAT_WORDS[0] as number);
  return finish(mix(low, FLOAT_WORDS[1] as number), 8);
}

function scramble(block: number): number {
  const product = Math.imul(block, C1);
  return Math.imul((product << 15) | (product >>> 17), C2);
}

function mix(hash: number, block: number): number {
  const mixed = hash ^ scramble(block);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number, length: number): number {
  let final = hash ^ length;
  final = Math.imul(final ^ (final >>> 16), 0x85ebca6b);
  final = Math.imul(final ^ (final >>> 13), 0xc2b2ae35);
  return final ^ (final >>> 16);
}
