/**
 * A cursor over the fields of one protobuf message: enough to walk an ONNX file without copying or
 * even looking at its weights. Bounded by construction: every length is checked against the message
 * it lies in, and skipping costs nothing. Pure; any thread.
 */
export interface ProtobufField {
  readonly number: number;
  /** The value of a varint or fixed-size field; NaN for a length-delimited one. */
  readonly value: number;
  /** The content of a length-delimited field; a view, never a copy. */
  readonly bytes: Uint8Array;
}

/** The bytes are no protobuf message; callers say what they expected instead. */
export class ProtobufFormatError extends Error {
  override readonly name = 'ProtobufFormatError';
}

const NO_BYTES = new Uint8Array(0);
const VARINT_BYTES_MAX = 10;

/** All fields of the message, in the order of the file. */
export function* protobufFields(message: Uint8Array): Generator<ProtobufField, void, void> {
  const cursor = new Cursor(message);
  while (!cursor.atEnd) {
    const tag = cursor.varint();
    const number = Math.floor(tag / 8);
    if (number < 1 || number > 0x1fff_ffff) throw new ProtobufFormatError('a bad field number');
    switch (tag % 8) {
      case 0:
        yield { number, value: cursor.varint(), bytes: NO_BYTES };
        break;
      case 1:
        cursor.take(8);
        yield { number, value: Number.NaN, bytes: NO_BYTES };
        break;
      case 2:
        yield { number, value: Number.NaN, bytes: cursor.take(cursor.varint()) };
        break;
      case 5:
        cursor.take(4);
        yield { number, value: Number.NaN, bytes: NO_BYTES };
        break;
      default:
        throw new ProtobufFormatError('an unknown wire type');
    }
  }
}

/** The numbers of a repeated varint field, whether packed or not. */
export function* packedVarints(field: ProtobufField): Generator<number, void, void> {
  if (!Number.isNaN(field.value)) {
    yield field.value;
    return;
  }
  const cursor = new Cursor(field.bytes);
  while (!cursor.atEnd) yield cursor.varint();
}

class Cursor {
  readonly #message: Uint8Array;
  #offset = 0;

  constructor(message: Uint8Array) {
    this.#message = message;
  }

  get atEnd(): boolean {
    return this.#offset >= this.#message.length;
  }

  /** Exact up to 2^53; a negative int64 (ten bytes) becomes its negative value. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < VARINT_BYTES_MAX; count += 1) {
      const byte = this.#message[this.#offset];
      if (byte === undefined) throw new ProtobufFormatError('it ends inside a number');
      this.#offset += 1;
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return value >= 2 ** 63 ? value - 2 ** 64 : value;
    }
    throw new ProtobufFormatError('a number is too long');
  }

  take(length: number): Uint8Array {
    const end = this.#offset + length;
    if (length < 0 || end > this.#message.length) {
      throw new ProtobufFormatError('a field is longer than what it lies in');
    }
    const bytes = this.#message.subarray(this.#offset, end);
    this.#offset = end;
    return bytes;
  }
}
