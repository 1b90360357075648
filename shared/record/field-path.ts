import type { RecordValue } from './stream-record.ts';

/**
 * Paths into a record, `label` or `model.name`, compiled once into a getter. Used by `keyBy` and by
 * sinks. Pure functions, any thread.
 */
export type FieldGetter = (value: RecordValue) => unknown;

const SEGMENT = /^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]*$/;
const SEGMENTS_MAX = 16;

/** The segments of a path, or null where it is none. */
export function parseFieldPath(path: string): readonly string[] | null {
  const segments = path.split('.');
  if (segments.length > SEGMENTS_MAX) return null;
  return segments.every((segment) => SEGMENT.test(segment)) ? segments : null;
}

/**
 * The getter of a path; it gives `undefined` where the record has no such field. What `Object` has
 * by birth (`constructor`, `toString`) is no field.
 */
export function compileFieldPath(path: string): FieldGetter {
  const segments = parseFieldPath(path) ?? [path];
  const [first = ''] = segments;
  if (segments.length === 1) {
    return (value) => {
      const field = value[first];
      return typeof field === 'function' ? undefined : field;
    };
  }
  return (value) => {
    let current: unknown = value;
    for (const segment of segments) {
      if (typeof current !== 'object' || current === null) return undefined;
      current = (current as Readonly<Record<string, unknown>>)[segment];
    }
    return typeof current === 'function' ? undefined : current;
  };
}
