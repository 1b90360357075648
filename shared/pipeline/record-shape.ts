import type { NodeSpec } from './pipeline-spec.ts';

/**
 * What is known about the records between two nodes before anything runs: their fields with CEL
 * types, and the heavy parts beside them. Pure, any thread.
 */

/** A CEL type; `Model` and `Class` are the objects in classification results. */
export type FieldType = 'string' | 'double' | 'bool' | 'dyn' | 'Model' | 'list<Class>';

export interface RecordShape {
  readonly fields: ReadonlyMap<string, FieldType>;
  /** Each record stands for one object of a source, which can be read again. */
  readonly images: boolean;
  /** The `image-tensor` node whose tensor the records carry. */
  readonly tensorFrom: string | null;
}

const FILE_FIELDS: readonly (readonly [string, FieldType])[] = [
  ['uri', 'string'],
  ['etag', 'string'],
  ['bytes', 'double'],
];

const IMAGE_FIELDS: readonly (readonly [string, FieldType])[] = [
  ['format', 'string'],
  ['width', 'double'],
  ['height', 'double'],
];

const CLASS_FIELDS: readonly (readonly [string, FieldType])[] = [
  ['label', 'string'],
  ['index', 'double'],
  ['score', 'double'],
  ['topK', 'list<Class>'],
  ['model', 'Model'],
];

const GENERATED_FIELDS: readonly (readonly [string, FieldType])[] = [
  ['sequence', 'double'],
  ['key', 'dyn'],
  ['value', 'dyn'],
];

/** What sinks add to each line. */
export const SINK_FIELDS = ['eventTime', 'processedAt'] as const;

/** Fields inside `Model` and `Class`. */
export const OBJECT_FIELDS: Readonly<Record<string, readonly string[]>> = {
  Model: ['name', 'version'],
};

/**
 * What comes out of a node. `mapped` are the types of a map's expressions, by field. Null where the
 * input is not known, or the node is a sink.
 */
export function outputShape(
  node: NodeSpec,
  input: RecordShape | null,
  mapped: ReadonlyMap<string, FieldType>,
): RecordShape | null {
  if (node.category === 'sink') return null;
  if (node.category === 'source') {
    return node.kind === 'files'
      ? { fields: new Map(FILE_FIELDS), images: true, tensorFrom: null }
      : { fields: new Map(GENERATED_FIELDS), images: false, tensorFrom: null };
  }
  if (input === null) return null;
  switch (node.kind) {
    case 'image-tensor':
      return { ...input, fields: withFields(input, IMAGE_FIELDS), tensorFrom: node.name };
    case 'onnx':
      return { ...input, fields: withFields(input, CLASS_FIELDS), tensorFrom: null };
    case 'filter':
      return input;
    case 'map': {
      const { keep } = node.options;
      const kept = [...input.fields].filter(
        ([name]) => keep === 'all' || (keep !== 'none' && keep.includes(name)),
      );
      return { ...input, fields: new Map([...kept, ...mapped]) };
    }
    case 'count':
      return countShape(node.keyBy, input);
    default:
      return node satisfies never;
  }
}

function withFields(
  input: RecordShape,
  added: readonly (readonly [string, FieldType])[],
): ReadonlyMap<string, FieldType> {
  return new Map([...input.fields, ...added]);
}

/** Null where a key is no field: that is reported, and what follows from it would not help. */
function countShape(keyBy: readonly string[], input: RecordShape): RecordShape | null {
  const keys: [string, FieldType][] = [];
  for (const path of keyBy) {
    const type = fieldType(input, path);
    if (type === null) return null;
    keys.push([lastSegment(path), type]);
  }
  return { fields: new Map([...keys, ['count', 'double']]), images: false, tensorFrom: null };
}

/** Under which name `count` emits the key `model.name`: `name`. */
export function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

/** The type at a field path, or null where the shape has no such field. */
export function fieldType(shape: RecordShape, path: string): FieldType | null {
  const [first = '', ...rest] = path.split('.');
  const type = shape.fields.get(first);
  if (type === undefined) return null;
  if (rest.length === 0 || type === 'dyn') return rest.length === 0 ? type : 'dyn';
  const inside = OBJECT_FIELDS[type];
  if (rest.length > 1 || !inside?.includes(rest[0] ?? '')) return null;
  return 'string';
}

/** Every path of the shape that leads to a plain value. */
export function fieldPaths(shape: RecordShape): readonly string[] {
  return [...shape.fields].flatMap(([name, type]) => {
    const inside = OBJECT_FIELDS[type];
    return inside === undefined ? [name] : inside.map((field) => `${name}.${field}`);
  });
}

export function sameFields(left: RecordShape, right: RecordShape): boolean {
  return (
    left.fields.size === right.fields.size &&
    left.images === right.images &&
    [...left.fields.keys()].every((name) => right.fields.has(name))
  );
}
