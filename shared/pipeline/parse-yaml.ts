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
import type { ErrorCode } from '../errors/codes.ts';
import type { SluiceError } from '../errors/sluice-error.ts';
import type { LocatedEntry, LocatedMap, LocatedValue, TextRange } from './located-value.ts';
import type { PipelineSource } from './pipeline-source.ts';

/**
 * YAML 1.2 (core schema) → located values. Stricter than YAML: one document, a map at the top, no
 * duplicate keys, no aliases (which can grow without bound), no tags. Pure, any thread.
 */
export const PIPELINE_BYTES_MAX = 1024 ** 2;
const PROBLEMS_MAX = 20;

/** What a document is, in the words of its mistakes. */
export interface YamlDialect {
  readonly code: ErrorCode;
  /** `pipeline` */
  readonly noun: string;
  /** What is wrong where the top is no map. */
  readonly topMessage: string;
  readonly aliasHint: string;
  readonly bytesMax: number;
}

const PIPELINE: YamlDialect = {
  code: 'PIPELINE_SYNTAX',
  noun: 'pipeline',
  topMessage: 'a pipeline is a map with "name" and "nodes"',
  aliasHint: 'Use a parameter, or write the value out.',
  bytesMax: PIPELINE_BYTES_MAX,
};

export type YamlResult =
  | { readonly ok: true; readonly root: LocatedMap }
  | { readonly ok: false; readonly problems: readonly SluiceError[] };

export function parseYaml(source: PipelineSource, dialect: YamlDialect = PIPELINE): YamlResult {
  const refused = refuse(source, dialect);
  if (refused !== null) return { ok: false, problems: [refused] };
  try {
    return parseWhole(source, dialect);
  } catch (error) {
    // The parser and the conversion are recursive; no honest file comes near the stack's end.
    if (error instanceof RangeError) return { ok: false, problems: [tooDeep(source, 0, dialect)] };
    throw error;
  }
}

function parseWhole(source: PipelineSource, dialect: YamlDialect): YamlResult {
  const { code } = dialect;
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
    .map((error) => syntaxProblem(source, error, dialect));
  if (problems.length > 0) return { ok: false, problems };

  const converter = { source, dialect, problems };
  const root = document.contents === null ? null : convert(converter, document.contents);
  if (problems.length > 0) return { ok: false, problems: problems.slice(0, PROBLEMS_MAX) };
  if (root === null || root.kind !== 'map') {
    const range = root?.range ?? { start: 0, end: 0 };
    const problem = source.problemInRange(range, { code, message: dialect.topMessage });
    return { ok: false, problems: [problem] };
  }
  return { ok: true, root };
}

/** What must not even reach the parser. */
function refuse(source: PipelineSource, dialect: YamlDialect): SluiceError | null {
  const { code, noun, bytesMax } = dialect;
  const bytes = Buffer.byteLength(source.text);
  if (bytes > bytesMax) {
    const message = `the file has ${bytes} bytes; a ${noun} may have ${bytesMax}`;
    return source.problemOfFile({ code, message });
  }
  if (source.text.trim() === '') {
    return source.problemOfFile({ code, message: 'the file is empty' });
  }
  return null;
}

const MESSAGES: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key is here twice',
  TAB_AS_INDENT: 'YAML is indented with spaces, not with tabs',
  TAG_RESOLVE_FAILED: 'tags ("!…") are not supported',
};

function syntaxProblem(
  source: PipelineSource,
  error: YAMLError,
  dialect: YamlDialect,
): SluiceError {
  const known =
    error.code === 'MULTIPLE_DOCS'
      ? `a file holds one ${dialect.noun}; "---" starts another document`
      : MESSAGES[error.code];
  if (/call stack/.test(error.message)) return tooDeep(source, error.pos[0], dialect);
  const text = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  const [start, end] = error.pos;
  return source.problemInRange(
    { start, end: Math.max(start + 1, end) },
    { code: dialect.code, message: known ?? text },
  );
}

function tooDeep(source: PipelineSource, start: number, { code }: YamlDialect): SluiceError {
  const message = 'nested too deeply';
  return source.problemInRange({ start, end: start + 1 }, { code, message });
}

/** What the conversion knows, and where it leaves what it dislikes. */
interface Converter {
  readonly source: PipelineSource;
  readonly dialect: YamlDialect;
  readonly problems: SluiceError[];
}

function convert(converter: Converter, node: ParsedNode): LocatedValue {
  const { source, dialect, problems } = converter;
  const range = rangeOf(node);
  if (isMap(node)) return convertMap(converter, node);
  if (isSeq(node)) {
    const items = node.items.map((item) => convert(converter, item as ParsedNode));
    return { kind: 'list', range, items };
  }
  if (isAlias(node)) {
    const message = `aliases ("*${node.source}") are not supported`;
    const { code, aliasHint: hint } = dialect;
    problems.push(source.problemInRange(range, { code, message, hint }));
    return { kind: 'scalar', range, value: null };
  }
  const value = isScalar(node) ? node.value : null;
  const plain =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return { kind: 'scalar', range, value: plain ? value : null };
}

function convertMap(converter: Converter, node: YAMLMap.Parsed): LocatedValue {
  const { source, dialect, problems } = converter;
  const entries = new Map<string, LocatedEntry>();
  for (const pair of node.items) {
    const keyRange = rangeOf(pair.key);
    const key = isScalar(pair.key) ? pair.key.value : null;
    if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'boolean') {
      const message = 'a key is a word';
      problems.push(source.problemInRange(keyRange, { code: dialect.code, message }));
      continue;
    }
    const value: LocatedValue =
      pair.value === null
        ? { kind: 'scalar', range: keyRange, value: null }
        : convert(converter, pair.value as ParsedNode);
    entries.set(String(key), { keyRange, value });
  }
  return { kind: 'map', range: rangeOf(node), entries };
}

function rangeOf(node: ParsedNode): TextRange {
  const [start, valueEnd] = node.range;
  return { start, end: Math.max(start, valueEnd) };
}
