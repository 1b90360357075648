/**
 * `model.yaml`: what the ONNX file does not say about itself (preprocessing, labels, what the output
 * means), kept beside it. Complaints name file, line and column. Pure, but for `loadModelYaml`.
 */
import { closest, distance } from 'fastest-levenshtein';
import { isMap, isNode, isScalar, LineCounter, type ParsedNode, parseDocument } from 'yaml';
import { z } from 'zod';
import { SluiceError } from '../errors/sluice-error.ts';
import type { FileSystemRegistry } from '../filesystem/filesystem-registry.ts';
import { preprocessingSchema } from '../pipeline/kinds/transform-image-tensor.ts';

const outputKindSchema = z.enum(['logits', 'probabilities']);

export const modelYamlSchema = z.strictObject({
  name: z.string().min(1).optional().describe('name in the results'),
  version: z
    .union([z.string().min(1), z.number().transform(String)])
    .optional()
    .describe('version in the results'),
  file: z.string().min(1).describe('the .onnx file, relative to this file'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits')
    .optional()
    .describe('checksum of the .onnx file'),
  input: z
    .strictObject({
      name: z.string().min(1).optional(),
      layout: z.enum(['NCHW', 'NHWC']).optional(),
      type: z.enum(['f32', 'f16', 'u8']).optional(),
    })
    .optional()
    .describe("the model's input"),
  preprocessing: preprocessingSchema.optional().describe('from pixels to the input'),
  output: z
    .union([
      outputKindSchema,
      z.strictObject({ name: z.string().min(1).optional(), kind: outputKindSchema.optional() }),
    ])
    .optional()
    .describe('which output, and what it means'),
  labels: z
    .union([z.string().min(1), z.array(z.string()).min(1)])
    .optional()
    .describe('a file with a label a line, relative to this file, or the labels'),
});

export type ModelYaml = z.output<typeof modelYamlSchema>;

const BYTES_MAX = 4 * 1024 ** 2;

/** Rejects with MODEL_INVALID, or with what the storage says. */
export async function loadModelYaml(
  uri: string,
  fileSystems: FileSystemRegistry,
): Promise<ModelYaml> {
  const content = await fileSystems.forUri(uri).read(uri, { sizeMax: BYTES_MAX });
  return parseModelYaml(new TextDecoder().decode(content.bytes), uri);
}

/** Rejects with MODEL_INVALID; `uri` names the file in the message. */
export function parseModelYaml(text: string, uri: string): ModelYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [syntaxError] = document.errors;
  if (syntaxError !== undefined) {
    throw invalid(uri, lines, syntaxError.pos[0], syntaxError.message.replace(/\.$/, ''));
  }
  const result = modelYamlSchema.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (result.success) return result.data;
  const issue = deepest(result.error.issues);
  const root = document.contents as ParsedNode | null;
  const key = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const offset = offsetOf(root, issue.path, key);
  const field = [...issue.path, ...(key === undefined ? [] : [key])].join('.');
  const isMissing = nodeAt(root, issue.path) == null;
  throw invalid(uri, lines, offset, describe(issue, field, isMissing), hintFor(issue, root));
}

type Issue = z.core.$ZodIssue;

/** A union fails in all its branches; the branch that got furthest is the one that was meant. */
function deepest(issues: readonly Issue[]): Issue {
  const [first] = issues;
  if (first === undefined) throw new TypeError('a failed parse has an issue');
  if (first.code !== 'invalid_union') return first;
  const branches = first.errors
    .filter((branch) => branch.length > 0)
    .map((branch) => deepest(branch))
    .filter((issue) => issue.code !== 'invalid_type' || issue.path.length > 0);
  const [branch] = branches.sort((left, right) => right.path.length - left.path.length);
  return branch === undefined ? first : { ...branch, path: [...first.path, ...branch.path] };
}

function describe(issue: Issue, field: string, isMissing: boolean): string {
  if (field === '') return 'this is no model description: it must be a map with a key `file`';
  if (issue.code === 'unrecognized_keys') return `unknown key "${field}"`;
  if (isMissing) return `"${field}" is missing`;
  switch (issue.code) {
    case 'invalid_value':
      return `"${field}" must be ${issue.values.map(String).join(' or ')}`;
    case 'invalid_type':
      return `"${field}" must be a ${issue.expected}`;
    case 'invalid_union':
      return `"${field}" has the wrong form`;
    default:
      return `"${field}": ${issue.message}`;
  }
}

function hintFor(issue: Issue, root: ParsedNode | null): string | undefined {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path);
    return didYouMean(issue.keys[0] ?? '', known) ?? `Known keys: ${known.join(', ')}.`;
  }
  if (issue.code === 'invalid_value') {
    const written = nodeAt(root, issue.path);
    const text = isScalar(written) ? String(written.value) : '';
    const allowed = issue.values.map(String);
    return didYouMean(text, allowed) ?? `Allowed: ${allowed.join(', ')}.`;
  }
  return undefined;
}

function didYouMean(written: string, known: readonly string[]): string | undefined {
  const nearest = closest(written.toLowerCase(), known);
  const isNear = distance(written.toLowerCase(), nearest.toLowerCase()) <= 3;
  return isNear ? `Did you mean "${nearest}"?` : undefined;
}

function knownKeys(path: readonly PropertyKey[]): string[] {
  switch (path[0]) {
    case 'input':
      return ['name', 'layout', 'type'];
    case 'preprocessing':
      return Object.keys(preprocessingSchema.shape);
    case 'output':
      return ['name', 'kind'];
    default:
      return Object.keys(modelYamlSchema.shape);
  }
}

function nodeAt(root: ParsedNode | null, path: readonly PropertyKey[]): unknown {
  let node: unknown = root;
  for (const step of path) {
    if (!isNode(node) || !('get' in node)) return null;
    node = (node as { get(key: unknown, keepScalar: boolean): unknown }).get(step, true);
  }
  return node;
}

/** Where the key or the value is written; the nearest parent where it is missing. */
function offsetOf(
  root: ParsedNode | null,
  path: readonly PropertyKey[],
  key: string | undefined,
): number {
  const node = nodeAt(root, path);
  if (key !== undefined && isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
    if (isScalar(pair?.key)) return pair.key.range?.[0] ?? 0;
  }
  if (isNode(node)) return node.range?.[0] ?? 0;
  return path.length === 0 ? 0 : offsetOf(root, path.slice(0, -1), undefined);
}

function invalid(
  uri: string,
  lines: LineCounter,
  offset: number,
  reason: string,
  hint?: string,
): SluiceError {
  const { line, col } = lines.linePos(offset);
  const position = { line: Math.max(1, line), column: Math.max(1, col) };
  return new SluiceError(
    'MODEL_INVALID',
    `${uri}:${position.line}:${position.column}: ${reason}.`,
    {
      domain: 'user',
      context: { file: uri, ...position },
      ...(hint === undefined ? {} : { hint }),
    },
  );
}
