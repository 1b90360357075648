import type { SluiceError } from '../errors/sluice-error.ts';
import { checkExpression } from '../expression/check-expression.ts';
import { nearest } from './did-you-mean.ts';
import type { PipelineSource } from './pipeline-source.ts';
import type { NodeSpec } from './pipeline-spec.ts';
import type { NodeOutline } from './read-nodes.ts';
import {
  type FieldType,
  fieldPaths,
  fieldType,
  lastSegment,
  outputShape,
  type RecordShape,
  SINK_FIELDS,
  sameFields,
} from './record-shape.ts';

/**
 * What each node asks of the records that reach it: fields that expressions, `keyBy` and sinks name,
 * images for thumbnails, a tensor for a model. Walks the graph from its sources with the records'
 * shapes. Pure, any thread.
 */
export interface NodeChecks {
  /** What comes into each node that was checked; null where it is not known. */
  readonly inputs: ReadonlyMap<string, RecordShape | null>;
}

interface Scope {
  readonly source: PipelineSource;
  readonly problems: SluiceError[];
}

/** `order`: topological, as `checkGraph` gives it. */
export function checkNodes(
  source: PipelineSource,
  order: readonly NodeOutline[],
  problems: SluiceError[],
): NodeChecks {
  const scope = { source, problems };
  const inputs = new Map<string, RecordShape | null>();
  const outputs = new Map<string, RecordShape | null>();
  for (const { spec } of order) {
    if (spec === null) continue;
    const input = inputShape(scope, spec, outputs);
    inputs.set(spec.name, input);
    const mapped = checkNode(scope, spec, input);
    outputs.set(spec.name, outputShape(spec, input, mapped));
  }
  return { inputs };
}

/** The shape of the union of what comes in; streams that differ cannot be joined. */
function inputShape(
  scope: Scope,
  node: NodeSpec,
  outputs: ReadonlyMap<string, RecordShape | null>,
): RecordShape | null {
  const shapes = node.from.map((name) => outputs.get(name) ?? null);
  const [first = null, ...rest] = shapes;
  if (first === null || rest.includes(null)) return null;
  for (const [index, shape] of rest.entries()) {
    if (shape === null || sameFields(first, shape)) continue;
    const [left = '', right = ''] = [node.from[0], node.from[index + 1]];
    const differing = symmetricDifference(first, shape);
    report(scope, node, ['from'], {
      message: `"${left}" and "${right}" give different records and cannot be joined`,
      hint: `Only one of them has: ${differing.join(', ') || 'images'}. A "map" makes them equal.`,
    });
    return null;
  }
  // Tensors of several nodes cannot be told apart, so no model is fed by a union.
  const tensorFrom = new Set(shapes.map((shape) => shape?.tensorFrom)).size === 1;
  return tensorFrom ? first : { ...first, tensorFrom: null };
}

function symmetricDifference(left: RecordShape, right: RecordShape): readonly string[] {
  const only = (a: RecordShape, b: RecordShape) =>
    [...a.fields.keys()].filter((name) => !b.fields.has(name));
  return [...only(left, right), ...only(right, left)];
}

/** Gives the types of the fields that a `map` computes. */
function checkNode(
  scope: Scope,
  node: NodeSpec,
  input: RecordShape | null,
): ReadonlyMap<string, FieldType> {
  checkPartitioning(scope, node, input);
  const mapped = new Map<string, FieldType>();
  if (node.category === 'source') return mapped;
  switch (node.kind) {
    case 'image-tensor':
      if (input?.images === false) needsImages(scope, node);
      break;
    case 'onnx':
      checkFed(scope, node, input);
      break;
    case 'filter':
      checkFilter(scope, node, input);
      break;
    case 'map':
      for (const [field, text] of Object.entries(node.options.fields)) {
        const type = expression(scope, node, { path: ['fields', field], text, input });
        mapped.set(field, type ?? 'dyn');
      }
      checkKeep(scope, node, input);
      break;
    case 'count':
      checkCount(scope, node);
      break;
    case 'files':
    case 'print':
      checkSinkFields(scope, node, input);
      break;
    case 'thumbnails':
      if (input?.images === false) needsImages(scope, node);
      checkKeyTemplate(scope, node, input);
      break;
    case 'blackhole':
      break;
    default:
      node satisfies never;
  }
  return mapped;
}

type NodeOf<Kind extends NodeSpec['kind']> = Exclude<
  Extract<NodeSpec, { kind: Kind }>,
  { category: 'source' }
>;

interface Finding {
  readonly code?: 'PIPELINE_INVALID' | 'EXPRESSION_INVALID';
  readonly message: string;
  readonly hint?: string | undefined;
  readonly within?: { readonly start: number; readonly end: number };
}

function report(
  scope: Scope,
  node: NodeSpec,
  option: readonly (string | number)[],
  finding: Finding,
): void {
  const { within, message, hint, code = 'PIPELINE_INVALID' } = finding;
  const path = ['nodes', node.name, ...option];
  const place = within === undefined ? { path } : { path, within };
  scope.problems.push(scope.source.problemAt(place, { code, message, hint, node: node.name }));
}

function checkPartitioning(scope: Scope, node: NodeSpec, input: RecordShape | null): void {
  if (node.keyBy.length > 0 && node.partition !== null) {
    const message = '"partition" and "keyBy" exclude each other: "keyBy" partitions by fields';
    report(scope, node, ['partition'], { message });
  }
  for (const [index, path] of node.keyBy.entries()) {
    if (input === null) continue;
    const at = node.keyBy.length === 1 ? ['keyBy'] : ['keyBy', index];
    const type = fieldType(input, path);
    if (type === null) unknownField(scope, node, at, { path, known: fieldPaths(input) });
    else if (type === 'Model' || type === 'list<Class>') {
      const message = `"${path}" is no single value and cannot be a key`;
      report(scope, node, at, { message });
    }
  }
}

function unknownField(
  scope: Scope,
  node: NodeSpec,
  option: readonly (string | number)[],
  field: { readonly path: string; readonly known: readonly string[] },
): void {
  const best = nearest(field.path, field.known);
  const question = best === null ? '' : `did you mean "${best}"? `;
  report(scope, node, option, {
    message: `the records that reach "${node.name}" have no field "${field.path}"`,
    hint: `${question}Fields here: ${field.known.join(', ')}`,
  });
}

function needsImages(scope: Scope, node: NodeSpec): void {
  report(scope, node, ['from'], {
    message: `"${node.kind}" needs images, and none reach "${node.name}"`,
    hint: 'There must be a "source: files" upstream, with no "count" in between.',
  });
}

function checkFed(scope: Scope, node: NodeSpec, input: RecordShape | null): void {
  // Several inputs are a mistake of their own.
  if (input === null || input.tensorFrom !== null || node.from.length > 1) return;
  report(scope, node, ['from'], {
    message: `"onnx" must be fed by an "image-tensor", directly or through "filter" and "map"`,
    hint: 'For example: tensors: { transform: image-tensor, from: images }',
  });
}

interface ExpressionPlace {
  readonly path: readonly string[];
  readonly text: string;
  readonly input: RecordShape | null;
}

function expression(scope: Scope, node: NodeSpec, place: ExpressionPlace): FieldType | null {
  const check = checkExpression(place.text, place.input);
  if (check.ok) return check.type;
  const { message, hint, start, end } = check.problem;
  const code = 'EXPRESSION_INVALID';
  report(scope, node, place.path, { code, message, hint, within: { start, end } });
  return null;
}

function checkFilter(scope: Scope, node: NodeOf<'filter'>, input: RecordShape | null): void {
  const type = expression(scope, node, { path: ['where'], text: node.options.where, input });
  if (type === null || type === 'bool' || type === 'dyn') return;
  const gives = type === 'double' ? 'a number' : type === 'string' ? 'text' : 'an object';
  report(scope, node, ['where'], {
    code: 'EXPRESSION_INVALID',
    message: `a filter needs true or false, and this gives ${gives}`,
  });
}

function checkKeep(scope: Scope, node: NodeOf<'map'>, input: RecordShape | null): void {
  const { keep } = node.options;
  if (input === null || typeof keep === 'string') return;
  const known = [...input.fields.keys()];
  for (const [index, name] of keep.entries()) {
    if (known.includes(name)) continue;
    unknownField(scope, node, ['keep', index], { path: name, known });
  }
}

function checkCount(scope: Scope, node: NodeOf<'count'>): void {
  if (node.keyBy.length === 0) {
    const message = '"count" counts by key: "keyBy" is missing';
    report(scope, node, [], { message, hint: 'For example: keyBy: label' });
  }
  const names = node.keyBy.map(lastSegment);
  const twice = names.find((name, index) => name === 'count' || names.indexOf(name) !== index);
  if (twice === undefined) return;
  report(scope, node, ['keyBy'], {
    message: `the result would have two fields "${twice}"`,
    hint: 'Rename one with a "map" in front.',
  });
}

function checkSinkFields(
  scope: Scope,
  node: NodeOf<'files'> | NodeOf<'print'>,
  input: RecordShape | null,
): void {
  const { fields } = node.options;
  if (input === null || fields === undefined) return;
  for (const [index, path] of fields.entries()) {
    if (fieldType(input, path) !== null) continue;
    if (SINK_FIELDS.some((name) => name === path)) continue;
    const known = [...fieldPaths(input), ...SINK_FIELDS];
    unknownField(scope, node, ['fields', index], { path, known });
  }
}

const KEY_PLACEHOLDERS = ['path', 'name', 'etag', 'format'];

function checkKeyTemplate(scope: Scope, node: NodeOf<'thumbnails'>, input: RecordShape | null) {
  if (input === null) return;
  for (const match of node.options.key.matchAll(/\{([^{}]*)\}/g)) {
    const path = match[1] ?? '';
    if (KEY_PLACEHOLDERS.includes(path) || fieldType(input, path) !== null) continue;
    const known = [...KEY_PLACEHOLDERS, ...fieldPaths(input)];
    const best = nearest(path, known);
    const question = best === null ? '' : `did you mean "{${best}}"? `;
    report(scope, node, ['key'], {
      message: `"{${path}}" is neither a placeholder nor a field of the record`,
      hint: `${question}Known: ${[...new Set(known)].map((name) => `{${name}}`).join(', ')}`,
      within: { start: match.index, end: match.index + match[0].length },
    });
  }
}
