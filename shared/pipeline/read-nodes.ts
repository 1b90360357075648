import type { SluiceError } from '../errors/sluice-error.ts';
import { suggest } from './did-you-mean.ts';
import { KINDS, type NodeCategory } from './kinds/kinds.ts';
import { type LocatedMap, type LocatedValue, toPlain } from './located-value.ts';
import {
  COMMON_OPTIONS,
  commonSchema,
  NODE_NAME,
  NODES_MAX,
  nodeSchema,
} from './pipeline-schema.ts';
import type { PipelineSource } from './pipeline-source.ts';
import type { NodeSpec } from './pipeline-spec.ts';
import { zodProblems } from './zod-problems.ts';

/**
 * The `nodes` block: each node on its own, so that a mistake in one hides nothing in the others.
 * Pure, any thread.
 */

/** What can be said of a node even where its options are wrong. */
export interface NodeOutline {
  readonly name: string;
  /** Null where it cannot be told. */
  readonly category: NodeCategory | null;
  readonly kind: string | null;
  readonly from: readonly string[];
  /** Null where something about it is wrong. */
  readonly spec: NodeSpec | null;
}

const CATEGORIES: readonly NodeCategory[] = ['source', 'transform', 'sink'];

export function readNodes(
  source: PipelineSource,
  root: LocatedMap,
  problems: SluiceError[],
): readonly NodeOutline[] {
  const block = root.entries.get('nodes')?.value;
  const refuse = (message: string, hint?: string) => {
    const details = { code: 'PIPELINE_INVALID', message, hint } as const;
    problems.push(source.problemAt({ path: ['nodes'], on: 'key' }, details));
    return [];
  };
  const example = 'nodes: { images: { source: files, path: ./images } }';
  if (block === undefined) return refuse('"nodes" is missing', example);
  if (block.kind !== 'map' || block.entries.size === 0) {
    return refuse('"nodes" is a map of at least one source and one sink', example);
  }
  if (block.entries.size > NODES_MAX) {
    return refuse(`there are ${block.entries.size} nodes; a pipeline may have ${NODES_MAX}`);
  }
  return [...block.entries].map(([name, entry]) => readNode(source, name, entry.value, problems));
}

function readNode(
  source: PipelineSource,
  name: string,
  value: LocatedValue,
  problems: SluiceError[],
): NodeOutline {
  const path = ['nodes', name];
  const refuse = (at: readonly string[], message: string, hint?: string, on?: 'key') => {
    const details = { code: 'PIPELINE_INVALID', message, hint, node: name } as const;
    problems.push(source.problemAt({ path: at, ...(on ? { on } : {}) }, details));
  };
  const before = problems.length;
  if (!NODE_NAME.test(name)) {
    refuse(
      path,
      `"${name}" is no node name: a letter, then letters, digits, "_" or "-"`,
      undefined,
      'key',
    );
  }
  const outline = { name, category: null, kind: null, from: [], spec: null };
  if (value.kind !== 'map') {
    refuse(path, `node "${name}" is a map with "source", "transform" or "sink"`);
    return outline;
  }
  const from = upstreamNames(value);
  const given = CATEGORIES.filter((category) => value.entries.has(category));
  const [category, second] = given;
  if (category === undefined) {
    const hint = suggestCategory(value);
    refuse(path, `node "${name}" has no "source", "transform" or "sink"`, hint, 'key');
    return { ...outline, from };
  }
  if (second !== undefined) {
    const message = `node "${name}" is both a ${category} and a ${second}; a node is one of them`;
    refuse([...path, second], message, undefined, 'key');
    return { ...outline, from };
  }
  const kind = readKind(value, category);
  if (kind.message !== null) {
    refuse([...path, category], kind.message, kind.hint);
    return { ...outline, category, from };
  }
  const spec = readOptions(source, { name, category, kind: kind.name, value }, problems);
  return {
    name,
    category,
    kind: kind.name,
    from,
    spec: problems.length === before ? spec : null,
  };
}

/** For a node whose word for its category is misspelt: `transfrom: filter`. */
function suggestCategory(value: LocatedMap): string {
  const unknown = [...value.entries.keys()].filter((key) => !COMMON_OPTIONS.has(key));
  for (const key of unknown) {
    const hint = suggest(key, 'Every node has one of', CATEGORIES);
    if (hint.startsWith('did')) return hint;
  }
  return 'For example: { source: files, path: ./images }';
}

function upstreamNames(value: LocatedMap): readonly string[] {
  const from = value.entries.get('from')?.value;
  if (from === undefined) return [];
  const plain = toPlain(from);
  const names = Array.isArray(plain) ? plain : [plain];
  return names.filter((name): name is string => typeof name === 'string');
}

function readKind(
  value: LocatedMap,
  category: NodeCategory,
):
  | { readonly message: null; readonly name: string }
  | { readonly message: string; readonly hint: string } {
  const plain = value.entries.get(category)?.value;
  const name = plain === undefined ? null : toPlain(plain);
  const kinds = Object.keys(KINDS[category]).sort();
  const plural = `${category.charAt(0).toUpperCase()}${category.slice(1)}s`;
  if (typeof name !== 'string') {
    const message = `"${category}" names a kind`;
    return { message, hint: `${plural}: ${kinds.join(', ')}` };
  }
  if (Object.hasOwn(KINDS[category], name)) return { message: null, name };
  const other = CATEGORIES.find((candidate) => Object.hasOwn(KINDS[candidate], name));
  if (other !== undefined) {
    const message = `"${name}" is a ${other}, not a ${category}`;
    return { message, hint: `Write "${other}: ${name}". ${plural}: ${kinds.join(', ')}` };
  }
  return {
    message: `unknown kind of ${category} "${name}"`,
    hint: suggest(name, plural, kinds),
  };
}

interface NodeText {
  readonly name: string;
  readonly category: NodeCategory;
  readonly kind: string;
  readonly value: LocatedMap;
}

const SOURCES_HAVE_NONE = ['from', 'partition', 'keyBy', 'chain'];

function readOptions(
  source: PipelineSource,
  node: NodeText,
  problems: SluiceError[],
): NodeSpec | null {
  const { name, category, kind } = node;
  const path = ['nodes', name];
  const plain = toPlain(node.value) as Record<string, unknown>;
  if (category === 'source') {
    for (const option of SOURCES_HAVE_NONE.filter((key) => key in plain)) {
      delete plain[option];
      const message = `a source has no "${option}": nothing comes in`;
      const details = { code: 'PIPELINE_INVALID', message, node: name } as const;
      problems.push(source.problemAt({ path: [...path, option], on: 'key' }, details));
    }
  }
  const schema = nodeSchema(category, kind);
  const parsed = schema.safeParse(plain, { reportInput: true });
  if (!parsed.success) {
    const owner = { path, title: `${category} "${kind}"`, node: name };
    problems.push(...zodProblems(source, owner, parsed.error.issues, schema));
    return null;
  }
  const common = commonSchema.parse(pick(plain, (key) => COMMON_OPTIONS.has(key)));
  const options = pick(parsed.data, (key) => !COMMON_OPTIONS.has(key));
  return {
    name,
    category,
    kind,
    from: list(common.from),
    parallelism: common.parallelism ?? null,
    resources: common.resources ?? null,
    partition: common.partition ?? null,
    keyBy: list(common.keyBy ?? []),
    chain: common.chain,
    options,
    // The schema was chosen by category and kind, so the options are theirs.
  } as unknown as NodeSpec;
}

function pick(
  value: Readonly<Record<string, unknown>>,
  keep: (key: string) => boolean,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => keep(key)));
}

function list(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}
