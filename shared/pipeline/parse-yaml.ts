import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type ParsedNode,
  parseDocument,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import type { SluiceError } from '../errors/sluice-error.ts';
import type { LocatedEntry, LocatedMap, LocatedValue, TextRange } from './located-value.ts';
import type { PipelineSource } from './pipeline-source.ts';

/**
 * YAML 1.2 (core schema) → located values. Stricter than YAML: one document, a map at the top, no
 * duplicate keys, no aliases (which can grow without bound), no tags. Pure, any thread.
 */
export const PIPELINE_BYTES_MAX = 1024 ** 2;
const PROBLEMS_MAX = 20;

export type YamlResult =
  | { readonly ok: true; readonly root: LocatedMap }
  | { readonly ok: false; readonly problems: readonly SluiceError[] };

export function parseYaml(source: PipelineSource): YamlResult {
  const refused = refuse(source);
  if (refused !== null) return { ok: false, problems: [refused] };
  try {
    return parseWhole(source);
  } catch (error) {
    // The parser and the conversion are recursive; no honest pipeline comes near the stack's end.
    if (error instanceof RangeError) return { ok: false, problems: [tooDeep(source, 0)] };
    throw error;
  }
}

function parseWhole(source: PipelineSource): YamlResult {
  const document = parseDocument<ParsedNode>(source.text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    strict: true,
    uniqueKeys: true,
    prettyErrors: false,
    logLevel: 'error',
  });
  // One slip often makes the parser complain several times at the same place.
  const found = new Map<number, YAMLError>();
  for (const error of [...document.errors, ...document.warnings]) {
    const [start] = error.pos;
    if (!found.has(start)) found.set(start, error);
  }
  const problems = [...found.values()]
    .slice(0, PROBLEMS_MAX)
    .map((error) => syntaxProblem(source, error));
  if (problems.length > 0) return { ok: false, problems };

  const root = document.contents === null ? null : convert(source, document.contents, problems);
  if (problems.length > 0) return { ok: false, problems: problems.slice(0, PROBLEMS_MAX) };
  if (root === null || root.kind !== 'map') {
    const message = 'a pipeline is a map with "name" and "nodes"';
    const range = root?.range ?? { start: 0, end: 0 };
    const problem = source.problemInRange(range, { code: 'PIPELINE_SYNTAX', message });
    return { ok: false, problems: [problem] };
  }
  return { ok: true, root };
}

/** What must not even reach the parser. */
function refuse(source: PipelineSource): SluiceError | null {
  const bytes = Buffer.byteLength(source.text);
  if (bytes > PIPELINE_BYTES_MAX) {
    const message = `the file has ${bytes} bytes; a pipeline may have ${PIPELINE_BYTES_MAX}`;
    return source.problemOfFile({ code: 'PIPELINE_SYNTAX', message });
  }
  if (source.text.trim() === '') {
    return source.problemOfFile({ code: 'PIPELINE_SYNTAX', message: 'the file is empty' });
  }
  return null;
}

const MESSAGES: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key is here twice',
  MULTIPLE_DOCS: 'a file holds one pipeline; "---" starts another document',
  TAB_AS_INDENT: 'YAML is indented with spaces, not with tabs',
  TAG_RESOLVE_FAILED: 'tags ("!…") are not supported',
};

function syntaxProblem(source: PipelineSource, error: YAMLError): SluiceError {
  const known = MESSAGES[error.code];
  if (/call stack/.test(error.message)) return tooDeep(source, error.pos[0]);
  const text = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  const [start, end] = error.pos;
  return source.problemInRange(
    { start, end: Math.max(start + 1, end) },
    { code: 'PIPELINE_SYNTAX', message: known ?? text },
  );
}

function tooDeep(source: PipelineSource, start: number): SluiceError {
  const message = 'nested too deeply';
  return source.problemInRange({ start, end: start + 1 }, { code: 'PIPELINE_SYNTAX', message });
}

function convert(source: PipelineSource, node: ParsedNode, problems: SluiceError[]): LocatedValue {
  const range = rangeOf(node);
  if (isMap(node)) return convertMap(source, node, problems);
  if (isSeq(node)) {
    const items = node.items.map((item) => convert(source, item as ParsedNode, problems));
    return { kind: 'list', range, items };
  }
  if (isAlias(node)) {
    const message = `aliases ("*${node.source}") are not supported`;
    const hint = 'Use a parameter, or write the value out.';
    problems.push(source.problemInRange(range, { code: 'PIPELINE_SYNTAX', message, hint }));
    return { kind: 'scalar', range, value: null };
  }
  const value = isScalar(node) ? node.value : null;
  const plain =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return { kind: 'scalar', range, value: plain ? value : null };
}

function convertMap(
  source: PipelineSource,
  node: YAMLMap.Parsed,
  problems: SluiceError[],
): LocatedValue {
  const entries = new Map<string, LocatedEntry>();
  for (const pair of node.items) {
    const keyRange = rangeOf(pair.key);
    const key = isScalar(pair.key) ? pair.key.value : null;
    if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'boolean') {
      const message = 'a key is a word';
      problems.push(source.problemInRange(keyRange, { code: 'PIPELINE_SYNTAX', message }));
      continue;
    }
    const value: LocatedValue =
      pair.value === null
        ? { kind: 'scalar', range: keyRange, value: null }
        : convert(source, pair.value as ParsedNode, problems);
    entries.set(String(key), { keyRange, value });
  }
  return { kind: 'map', range: rangeOf(node), entries };
}

function rangeOf(node: ParsedNode): TextRange {
  const [start, valueEnd] = node.range;
  return { start, end: Math.max(start, valueEnd) };
}
