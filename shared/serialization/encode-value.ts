/**
 * One value as bytes that stand alone: operator state, enumerator state. What records may hold, state
 * may hold (`value-writer.ts`). The first byte is the format's version: state outlives the program
 * that wrote it. Pure functions, any thread.
 */
import { SluiceError } from '../errors/sluice-error.ts';
import { ValueReader } from './value-reader.ts';
import { ValueWriter } from './value-writer.ts';

/** Raised whenever `wire-format.ts` changes its values in a way that old state cannot be read. */
const FORMAT_VERSION = 1;

const FIRST_TRY_BYTES = 1024;

/** Of this thread: it is large, and remembers shapes. */
const reader = new ValueReader();
const NOTHING = new Uint8Array(0);

/** The bytes, alone in their ArrayBuffer. Throws RECORD_INVALID at what cannot be encoded. */
export function encodeValue(value: unknown): Uint8Array<ArrayBuffer> {
  const first = write(value, FIRST_TRY_BYTES);
  // A writer that ran out of room still counts: the second try fits exactly.
  const { bytes, length } = first.length > FIRST_TRY_BYTES ? write(value, first.length) : first;
  return bytes.byteLength === length ? bytes : bytes.slice(0, length);
}

/** The inverse of {@link encodeValue}; throws STATE_CORRUPT at what it never wrote. */
export function decodeValue(bytes: Uint8Array): unknown {
  const version = bytes[0];
  if (version !== FORMAT_VERSION) {
    throw corrupt(version === undefined ? 'It is empty.' : `Its format ${version} is unknown.`);
  }
  reader.reset(bytes, 1, bytes.byteLength);
  try {
    const value = reader.value();
    if (reader.remaining === 0) return value;
  } catch (error) {
    throw corrupt('Its bytes make no sense.', error);
  } finally {
    reader.reset(NOTHING, 0, 0);
  }
  throw corrupt('Bytes follow its end.');
}

function write(
  value: unknown,
  bytesMax: number,
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly length: number } {
  const bytes = new Uint8Array(bytesMax);
  bytes[0] = FORMAT_VERSION;
  const writer = new ValueWriter();
  writer.reset(Buffer.from(bytes.buffer), 1);
  writer.value(value);
  return { bytes, length: writer.position };
}

function corrupt(message: string, cause?: unknown): SluiceError {
  return new SluiceError('STATE_CORRUPT', `A piece of state cannot be read. ${message}`, {
    domain: 'external',
    ...(cause === undefined ? {} : { cause }),
  });
}
