/**
 * Writes plain values (JSON's, and undefined, bigint, dates, bytes, typed arrays) as `wire-format.ts`
 * says.
 *
 * Per-record code: it trades some beauty for speed. Fields are public and plain; there are no bounds
 * checks per byte, because a typed array ignores a store behind its end: a value that does not fit
 * only moves `position` past `bytes.length`, and the caller, who looks once per record, takes it
 * back. Objects are written while their keys are compared with the shape last seen at that depth.
 * One thread.
 */
import { SluiceError } from '../errors/sluice-error.ts';
import { type RecordShape, RecordShapes } from './record-shapes.ts';
import {
  DEPTH_MAX,
  SHAPED_SHORT_MAX,
  SHAPES_MAX,
  SHORT_STRING_MAX,
  TAG,
  TAG_INTEGER_MAX,
  TAG_SHAPED_SHORT,
  TAG_SHORT_STRING,
  TYPED_ARRAYS,
} from './wire-format.ts';

const EMPTY = Buffer.alloc(0);

export class ValueWriter {
  bytes: Buffer = EMPTY;
  #view: DataView = new DataView(EMPTY.buffer);
  /** Where the next byte goes; past `bytes.length` once something did not fit. */
  position = 0;
  /** How many of `#defined` this buffer has described; the caller may set it back. */
  shapesDefined = 0;
  readonly #defined: RecordShape[] = [];
  readonly #shapes = new RecordShapes();
  /** The shape written last at each depth: streams mostly repeat themselves. */
  readonly #expected: (RecordShape | null)[] = new Array(DEPTH_MAX + 1).fill(null);
  depth = 0;

  /** Starts a buffer of its own. */
  reset(bytes: Buffer, position: number): void {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = position;
    this.shapesDefined = 0;
    this.depth = 0;
  }

  value(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.string(value);
        return;
      case 'number':
        this.number(value);
        return;
      case 'boolean':
        this.bytes[this.position++] = value ? TAG.true : TAG.false;
        return;
      case 'undefined':
        this.bytes[this.position++] = TAG.undefined;
        return;
      case 'object':
        if (value === null) this.bytes[this.position++] = TAG.null;
        else this.#structure(value);
        return;
      case 'bigint':
        this.bytes[this.position++] = TAG.bigint;
        this.string(value.toString());
        return;
      default:
        throw unsupported(`a ${typeof value}`);
    }
  }

  number(value: number): void {
    const { bytes } = this;
    const integer = value | 0;
    if (integer === value && (integer !== 0 || 1 / value > 0)) {
      let position = this.position;
      if (integer >= 0 && integer <= TAG_INTEGER_MAX) {
        bytes[position++] = integer;
      } else if (integer >= 0 && integer <= 0xffff) {
        bytes[position++] = TAG.uint16;
        bytes[position++] = integer;
        bytes[position++] = integer >>> 8;
      } else {
        bytes[position++] = TAG.int32;
        bytes[position++] = integer;
        bytes[position++] = integer >>> 8;
        bytes[position++] = integer >>> 16;
        bytes[position++] = integer >>> 24;
      }
      this.position = position;
      return;
    }
    bytes[this.position++] = TAG.float64;
    this.float64(value);
  }

  /** Eight bytes, no tag. */
  float64(value: number): void {
    const { position } = this;
    this.position = position + 8;
    if (position + 8 <= this.bytes.length) this.#view.setFloat64(position, value, true);
  }

  string(value: string): void {
    const { length } = value;
    if (length <= SHORT_STRING_MAX) {
      const { bytes } = this;
      const start = this.position + 1;
      let bits = 0;
      for (let index = 0; index < length; index += 1) {
        const code = value.charCodeAt(index);
        bits |= code;
        bytes[start + index] = code;
      }
      if (bits < 0x80) {
        bytes[start - 1] = TAG_SHORT_STRING | length;
        this.position = start + length;
        return;
      }
    }
    this.#longString(value);
  }

  varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.position++] = rest;
  }

  /** The bytes alone, no tag and no length. */
  raw(source: Uint8Array): void {
    const end = this.position + source.byteLength;
    if (end <= this.bytes.length) this.bytes.set(source, this.position);
    this.position = end;
  }

  #longString(value: string): void {
    const wellFormed = value.isWellFormed();
    const byteLength = wellFormed ? Buffer.byteLength(value) : value.length * 2;
    this.bytes[this.position++] = wellFormed ? TAG.utf8 : TAG.utf16;
    this.varint(byteLength);
    if (this.position + byteLength <= this.bytes.length) {
      this.bytes.write(value, this.position, wellFormed ? 'utf8' : 'utf16le');
    }
    this.position += byteLength;
  }

  #structure(value: object): void {
    if (this.depth >= DEPTH_MAX) throw unsupported(`values nested ${DEPTH_MAX} deep`);
    this.depth += 1;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype) this.#object(value as Record<string, unknown>);
    else if (Array.isArray(value)) this.#array(value);
    else if (prototype === null) this.#object(value as Record<string, unknown>);
    else this.#instance(value);
    this.depth -= 1;
  }

  /** Writes as if the shape were the expected one; at the first difference it starts anew. */
  #object(object: Record<string, unknown>): void {
    const expected = this.#expected[this.depth];
    if (
      expected !== null &&
      expected !== undefined &&
      (this.shapesDefined < SHAPES_MAX || this.#isDefined(expected))
    ) {
      const { keys } = expected;
      const { position, shapesDefined } = this;
      this.#shapeTag(expected);
      let index = 0;
      let same = true;
      for (const key in object) {
        if (key !== keys[index]) {
          same = false;
          break;
        }
        index += 1;
        this.value(object[key]);
      }
      if (same && index === keys.length) return;
      this.position = position;
      this.shapesDefined = shapesDefined;
    }
    const shape = this.#shapes.of(object);
    if (shape === null || (!this.#isDefined(shape) && this.shapesDefined >= SHAPES_MAX)) {
      this.#unshaped(object);
      return;
    }
    this.#expected[this.depth] = shape;
    this.#shapeTag(shape);
    for (const key of shape.keys) this.value(object[key]);
  }

  #unshaped(object: Record<string, unknown>): void {
    const keys = Object.keys(object);
    this.bytes[this.position++] = TAG.object;
    this.varint(keys.length);
    for (const key of keys) {
      this.string(key);
      this.value(object[key]);
    }
  }

  #isDefined(shape: RecordShape): boolean {
    const { number } = shape;
    return number >= 0 && number < this.shapesDefined && this.#defined[number] === shape;
  }

  #shapeTag(shape: RecordShape): void {
    if (this.#isDefined(shape)) {
      if (shape.number <= SHAPED_SHORT_MAX) {
        this.bytes[this.position++] = TAG_SHAPED_SHORT | shape.number;
      } else {
        this.bytes[this.position++] = TAG.shaped;
        this.varint(shape.number);
      }
      return;
    }
    const number = this.shapesDefined;
    this.shapesDefined += 1;
    shape.number = number;
    this.#defined[number] = shape;
    this.bytes[this.position++] = TAG.shaped;
    this.varint(number);
    this.varint(shape.keys.length);
    for (const key of shape.keys) this.string(key);
  }

  #array(array: readonly unknown[]): void {
    this.bytes[this.position++] = TAG.array;
    this.varint(array.length);
    for (let index = 0; index < array.length; index += 1) this.value(array[index]);
  }

  #instance(value: object): void {
    if (value instanceof Uint8Array) {
      this.bytes[this.position++] = TAG.bytes;
      this.varint(value.byteLength);
      this.raw(value);
      return;
    }
    if (value instanceof Date) {
      this.bytes[this.position++] = TAG.date;
      this.float64(value.getTime());
      return;
    }
    if (ArrayBuffer.isView(value)) {
      const number = TYPED_ARRAYS.findIndex((type) => value instanceof type);
      if (number < 0) throw unsupported(`a ${value.constructor.name}`);
      this.bytes[this.position++] = TAG.typedArray;
      this.bytes[this.position++] = number;
      this.varint(value.byteLength);
      this.raw(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
      return;
    }
    throw unsupported(`an instance of ${value.constructor?.name ?? 'a class'}`);
  }
}

function unsupported(what: string): SluiceError {
  return new SluiceError('RECORD_INVALID', `${what} cannot be sent to another task`, {
    domain: 'user',
    hint: 'records hold plain data: objects, arrays, strings, numbers, booleans, dates, bytes',
  });
}
