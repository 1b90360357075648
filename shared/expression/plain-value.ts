import { Duration, UnsignedInt } from '@marcbachmann/cel-js/evaluator';

/**
 * What an expression gives, as the plain data that records hold: CEL's integers become numbers,
 * timestamps ISO strings, durations seconds. Pure, any thread.
 */
export function toPlainValue(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'undefined':
      return value;
    case 'bigint':
      return toNumber(value);
    case 'object':
      return value === null ? null : fromObject(value);
    default:
      throw new TypeError(`a ${typeof value} cannot be a field of a record`);
  }
}

function fromObject(value: object): unknown {
  if (Array.isArray(value)) return value.map(toPlainValue);
  if (value instanceof Set) return [...value].map(toPlainValue);
  if (value instanceof Uint8Array) return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Duration) return Number(value.seconds) + value.nanos / 1e9;
  if (value instanceof UnsignedInt) return toNumber(value.valueOf());
  const prototype = Object.getPrototypeOf(value);
  if (value instanceof Map || prototype === Object.prototype || prototype === null) {
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    return Object.fromEntries(entries.map(([key, entry]) => [String(key), toPlainValue(entry)]));
  }
  throw new TypeError('a CEL type cannot be a field of a record');
}

function toNumber(value: bigint): number {
  const converted = Number(value);
  if (!Number.isSafeInteger(converted)) {
    throw new RangeError(`${value} is too large for a number of a record`);
  }
  return converted;
}
