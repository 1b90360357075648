/**
 * Reads what `value-writer.ts` writes. The bytes may come from anywhere: every length is checked
 * against the bytes that are there, so that garbage ends in `PROTOCOL_VIOLATION` and nothing is
 * allocated that the sender did not pay for with bytes.
 *
 * Per-record code: objects are made by a function generated once per shape (a literal with all keys,
 * so that V8 gives all of them one hidden class), and short strings come from a small cache, because
 * keys repeat (and a string met before has its hash computed already). One thread.
 */
import { SluiceError } from '../errors/sluice-error.ts';
import {
  DEPTH_MAX,
  SHAPE_KEYS_MAX,
  SHAPES_MAX,
  TAG,
  TAG_INTEGER_MAX,
  TAG_SHAPED_SHORT,
  TYPED_ARRAYS,
} from './wire-format.ts';

/** Node's decoders without the dispatch of `toString`: a third of a short string's time. */
type DecodableBuffer = Buffer & {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
};

const EMPTY = Buffer.alloc(0) as DecodableBuffer;

/** Shapes remembered from buffer to buffer; when there are more, all are forgotten. */
const KNOWN_SHAPES_MAX = 1024;
/** A function takes some 50 µs to generate: only for shapes that come back. */
const GENERATE_AFTER_OBJECTS = 32;
const STRING_CACHE_SIZE = 4096;
const CACHED_STRING_MAX = 24;

type ShapeReader = (reader: ValueReader) => object;

interface KnownShape {
  readonly keys: readonly string[];
  objectsRead: number;
  generated: ShapeReader | null;
}

export class ValueReader {
  #bytes = EMPTY;
  #view: DataView = new DataView(EMPTY.buffer);
  #position = 0;
  #end = 0;
  #depth = 0;
  #shapes: KnownShape[] = [];
  readonly #known = new Map<string, KnownShape>();
  readonly #strings: string[] = new Array(STRING_CACHE_SIZE).fill('');

  reset(bytes: Uint8Array, start: number, end: number): void {
    const { buffer, byteOffset, byteLength } = bytes;
    this.#bytes = Buffer.from(buffer, byteOffset, byteLength) as DecodableBuffer;
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#position = start;
    this.#end = Math.min(end, bytes.byteLength);
    this.#depth = 0;
    this.#shapes = [];
  }

  get remaining(): number {
    return this.#end - this.#position;
  }

  byte(): number {
    if (this.#position >= this.#end) throw violation('ends too early');
    return this.#bytes[this.#position++] as number;
  }

  value(): unknown {
    const tag = this.byte();
    if (tag <= TAG_INTEGER_MAX) return tag;
    if (tag < TAG.null) return this.#shortString(tag & 0x3f);
    if (tag >= TAG_SHAPED_SHORT) return this.#shaped(this.#shapes[tag & 0x1f]);
    switch (tag) {
      case TAG.float64:
        return this.float64();
      case TAG.int32:
        return this.#int32();
      case TAG.uint16:
        return this.byte() | (this.byte() << 8);
      case TAG.null:
        return null;
      case TAG.undefined:
        return undefined;
      case TAG.false:
        return false;
      case TAG.true:
        return true;
      default:
        return this.#longValue(tag);
    }
  }

  /** A value that must be a number. */
  number(): number {
    const value = this.value();
    if (typeof value !== 'number') throw violation('lacks a number');
    return value;
  }

  /** A value that must be a string. */
  string(): string {
    const value = this.value();
    if (typeof value !== 'string') throw violation('lacks a string');
    return value;
  }

  float64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  uint32(): number {
    return this.#int32() >>> 0;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw violation('has a number of too many bytes');
  }

  /** The next bytes, in memory of their own. */
  copy(byteLength: number): Uint8Array<ArrayBuffer> {
    const start = this.#take(byteLength);
    const { buffer, byteOffset } = this.#bytes;
    // `ArrayBuffer.slice` does not fill the memory with zeros before it copies.
    const from = byteOffset + start;
    return new Uint8Array((buffer as ArrayBuffer).slice(from, from + byteLength));
  }

  #take(byteLength: number): number {
    const start = this.#position;
    if (byteLength > this.#end - start) throw violation('ends too early');
    this.#position = start + byteLength;
    return start;
  }

  #int32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  #shortString(length: number): string {
    const start = this.#take(length);
    const bytes = this.#bytes;
    if (length > CACHED_STRING_MAX) return bytes.latin1Slice(start, start + length);
    let hash = length;
    for (let index = 0; index < length; index += 1) {
      hash = (hash * 31 + (bytes[start + index] as number)) | 0;
    }
    const slot = (hash ^ (hash >>> 12)) & (STRING_CACHE_SIZE - 1);
    const cached = this.#strings[slot] as string;
    if (cached.length === length) {
      let index = 0;
      while (index < length && cached.charCodeAt(index) === bytes[start + index]) index += 1;
      if (index === length) return cached;
    }
    const string = bytes.latin1Slice(start, start + length);
    this.#strings[slot] = string;
    return string;
  }

  #longValue(tag: number): unknown {
    switch (tag) {
      case TAG.utf8: {
        const length = this.varint();
        const start = this.#take(length);
        return this.#bytes.utf8Slice(start, start + length);
      }
      case TAG.utf16: {
        const length = this.varint();
        const start = this.#take(length);
        return this.#bytes.ucs2Slice(start, start + length);
      }
      case TAG.array:
        return this.#array();
      case TAG.object:
        return this.#unshaped();
      case TAG.shaped:
        return this.#shaped(this.#shape());
      case TAG.bytes:
        return this.copy(this.varint());
      case TAG.typedArray:
        return this.#typedArray();
      case TAG.bigint:
        return toBigInt(this.string());
      case TAG.date:
        return new Date(this.float64());
      default:
        throw violation(`has the unknown tag ${tag}`);
    }
  }

  #array(): unknown[] {
    const count = this.#count(1);
    this.#enter();
    const array: unknown[] = [];
    for (let index = 0; index < count; index += 1) array.push(this.value());
    this.#depth -= 1;
    return array;
  }

  #unshaped(): object {
    const count = this.#count(2);
    this.#enter();
    const object = {};
    for (let index = 0; index < count; index += 1) define(object, this.string(), this.value());
    this.#depth -= 1;
    return object;
  }

  #typedArray(): unknown {
    const TypedArray = TYPED_ARRAYS[this.byte()];
    if (TypedArray === undefined) throw violation('has an unknown type of array');
    const bytes = this.copy(this.varint());
    if (bytes.byteLength % TypedArray.BYTES_PER_ELEMENT !== 0) {
      throw violation('has an array of a wrong length');
    }
    return new TypedArray(bytes.buffer);
  }

  /** A count of things that take at least `bytesEach`. */
  #count(bytesEach: number): number {
    const count = this.varint();
    if (count * bytesEach > this.remaining) throw violation('has a count that cannot be');
    return count;
  }

  #enter(): void {
    if (this.#depth >= DEPTH_MAX) throw violation(`nests values over ${DEPTH_MAX} deep`);
    this.#depth += 1;
  }

  #shaped(shape: KnownShape | undefined): object {
    if (shape === undefined) throw violation('names an unknown shape');
    this.#enter();
    const { generated } = shape;
    const object = generated === null ? this.#readByKey(shape) : generated(this);
    this.#depth -= 1;
    return object;
  }

  #shape(): KnownShape {
    const number = this.varint();
    const known = this.#shapes[number];
    if (known !== undefined) return known;
    if (number !== this.#shapes.length || number >= SHAPES_MAX) {
      throw violation('names an unknown shape');
    }
    const count = this.#count(1);
    if (count > SHAPE_KEYS_MAX) throw violation(`has a shape of over ${SHAPE_KEYS_MAX} keys`);
    const keys: string[] = [];
    for (let index = 0; index < count; index += 1) keys.push(this.string());
    const shape = this.#knownShape(keys);
    this.#shapes.push(shape);
    return shape;
  }

  #knownShape(keys: readonly string[]): KnownShape {
    const name = JSON.stringify(keys);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#known.size >= KNOWN_SHAPES_MAX) this.#known.clear();
    const shape: KnownShape = { keys, objectsRead: 0, generated: null };
    this.#known.set(name, shape);
    return shape;
  }

  #readByKey(shape: KnownShape): object {
    const object = {};
    for (const key of shape.keys) define(object, key, this.value());
    shape.objectsRead += 1;
    if (shape.objectsRead === GENERATE_AFTER_OBJECTS) shape.generated = generateReader(shape.keys);
    return object;
  }
}

function generateReader(keys: readonly string[]): ShapeReader {
  // Keys enter the code as JSON strings: data, whatever they hold. Only `__proto__` needs brackets
  // to be a key like any other.
  const fields = keys.map((key) => {
    const literal = JSON.stringify(key);
    return `${key === '__proto__' ? `[${literal}]` : literal}: reader.value()`;
  });
  return new Function('reader', `return { ${fields.join(', ')} };`) as ShapeReader;
}

/** Sets an own property, also one that is called `__proto__`. */
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
}

function toBigInt(digits: string): bigint {
  if (!/^-?\d{1,4096}$/u.test(digits)) throw violation('has an integer that is none');
  return BigInt(digits);
}

export function violation(what: string): SluiceError {
  return new SluiceError('PROTOCOL_VIOLATION', `a buffer from another task ${what}`, {
    domain: 'external',
    retry: 'restart-job',
  });
}
