/**
 * A YAML document as plain data that remembers where each part stands in the text. Pure, any thread.
 */
export type LocatedValue = LocatedScalar | LocatedList | LocatedMap;

/** Offsets in the text; `end` is exclusive. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

export interface LocatedScalar {
  readonly kind: 'scalar';
  readonly range: TextRange;
  readonly value: string | number | boolean | null;
}

export interface LocatedList {
  readonly kind: 'list';
  readonly range: TextRange;
  readonly items: readonly LocatedValue[];
}

export interface LocatedMap {
  readonly kind: 'map';
  readonly range: TextRange;
  /** In the order of the text; keys are unique. */
  readonly entries: ReadonlyMap<string, LocatedEntry>;
}

export interface LocatedEntry {
  readonly keyRange: TextRange;
  readonly value: LocatedValue;
}

export type ValuePath = readonly (string | number)[];

/** The value at a path, or null where there is none. */
export function valueAt(root: LocatedValue | null, path: ValuePath): LocatedValue | null {
  let current = root;
  for (const step of path) {
    if (current === null) return null;
    current = childOf(current, step);
  }
  return current;
}

/** The entry that a path ends at; null where the path ends elsewhere. */
export function entryAt(root: LocatedValue | null, path: ValuePath): LocatedEntry | null {
  const parent = valueAt(root, path.slice(0, -1));
  const key = path.at(-1);
  return parent?.kind === 'map' && typeof key === 'string'
    ? (parent.entries.get(key) ?? null)
    : null;
}

function childOf(value: LocatedValue, step: string | number): LocatedValue | null {
  if (value.kind === 'map') return value.entries.get(String(step))?.value ?? null;
  if (value.kind === 'list' && typeof step === 'number') return value.items[step] ?? null;
  return null;
}

/** Without positions. Objects have no prototype, so no key of a file means anything special. */
export function toPlain(value: LocatedValue): unknown {
  switch (value.kind) {
    case 'scalar':
      return value.value;
    case 'list':
      return value.items.map(toPlain);
    case 'map': {
      const plain: Record<string, unknown> = Object.create(null);
      for (const [key, entry] of value.entries) plain[key] = toPlain(entry.value);
      return plain;
    }
    default:
      return value satisfies never;
  }
}

/** The same value with every scalar replaced by what `replace` gives. */
export function mapScalars(
  value: LocatedValue,
  replace: (scalar: LocatedScalar) => LocatedScalar,
): LocatedValue {
  switch (value.kind) {
    case 'scalar':
      return replace(value);
    case 'list':
      return { ...value, items: value.items.map((item) => mapScalars(item, replace)) };
    case 'map': {
      const entries = new Map<string, LocatedEntry>();
      for (const [key, entry] of value.entries) {
        entries.set(key, { ...entry, value: mapScalars(entry.value, replace) });
      }
      return { ...value, entries };
    }
    default:
      return value satisfies never;
  }
}
