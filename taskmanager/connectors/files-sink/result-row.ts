/**
 * What a sink writes of a record: its fields, and where it comes from an object, when that changed
 * and when the row was written. Pure.
 */
import type { RecordValue, StreamRecord } from '../../../shared/record/stream-record.ts';

export interface RowOptions {
  /** The fields to write, in order, as dotted paths; null: all. */
  readonly fields: readonly string[] | null;
  /** Whether `eventTime` and `processedAt` belong to the rows of records that come from objects. */
  readonly timestamps: boolean;
}

/** One row as an object, in the order of the fields. `nowMs` becomes `processedAt`. */
export function resultRow(record: StreamRecord, options: RowOptions, nowMs: number): RecordValue {
  if (options.fields === null) {
    if (!options.timestamps || record.source === null) return record.value;
    return { ...record.value, ...timestampsOf(record, nowMs) };
  }
  const all = { ...timestampsOf(record, nowMs), ...record.value };
  return Object.fromEntries(options.fields.map((path) => [path, valueAt(all, path) ?? null]));
}

function timestampsOf(record: StreamRecord, nowMs: number): RecordValue {
  return {
    eventTime: new Date(record.eventTimeMs).toISOString(),
    processedAt: new Date(nowMs).toISOString(),
  };
}

/** `model.name` is the field of that name, or else `name` inside `model`. */
function valueAt(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Object.hasOwn(value, path)) return (value as Record<string, unknown>)[path];
  const dot = path.indexOf('.');
  if (dot < 0) return undefined;
  const key = path.slice(0, dot);
  if (!Object.hasOwn(value, key)) return undefined;
  return valueAt((value as Record<string, unknown>)[key], path.slice(dot + 1));
}
