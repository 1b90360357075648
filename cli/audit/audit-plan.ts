import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { PlanNode } from '../../shared/job-graph/job-plan.ts';
import type { FilesSourceOptions } from '../../shared/pipeline/kinds/source-files.ts';
import type { ThumbnailKeyOptions } from '../../taskmanager/operators/thumbnails/thumbnail-key.ts';

/**
 * What a pipeline promises about every object of its sources: how many rows and thumbnails it must
 * have left in each sink. Pure.
 */
export interface AuditPlan {
  readonly sources: readonly AuditedSource[];
  readonly sinks: readonly AuditedSink[];
  /** URIs of the folders; empty where what was rejected is only counted. */
  readonly deadLetters: readonly string[];
}

export interface AuditedSource {
  readonly id: string;
  readonly options: FilesSourceOptions;
}

/** Rows, or thumbnails, of one object. */
export interface Expectation {
  readonly min: number;
  readonly max: number;
}

interface SinkCommon {
  readonly id: string;
  readonly uri: string;
  /** By source: what each of its objects leaves here, dead letters of the way included. */
  readonly expected: ReadonlyMap<string, Expectation>;
  /** The nodes on the way to it, itself included: what they reject never arrives. */
  readonly way: ReadonlySet<string>;
  /** Why nothing can be said about it; null: it is checked. */
  readonly unchecked: string | null;
}

export interface AuditedFilesSink extends SinkCommon {
  readonly kind: 'files';
  readonly format: 'jsonl' | 'csv';
}

export interface AuditedThumbnailsSink extends SinkCommon {
  readonly kind: 'thumbnails';
  readonly key: ThumbnailKeyOptions;
  /** Where the key's values come from: the listing of the source, or the rows of this sink. */
  readonly keyFrom: { readonly rowsOf: string } | 'listing';
}

export type AuditedSink = AuditedFilesSink | AuditedThumbnailsSink;

/** Placeholders of a thumbnail's key that the object itself gives. */
const OBJECT_PLACEHOLDERS: ReadonlySet<string> = new Set(['path', 'name', 'etag', 'format']);

/** Throws ARGUMENT_INVALID where there is nothing that could be counted. */
export function auditPlan(nodes: readonly PlanNode[]): AuditPlan {
  const sources = nodes.flatMap(({ id, kind, options }) =>
    kind === 'source/files' ? [{ id, options }] : [],
  );
  const sinks = nodes.flatMap((node) => auditedSink(node, nodes));
  if (sources.length === 0 || sinks.length === 0) {
    const message =
      sources.length === 0
        ? 'there is nothing to audit: the pipeline reads no files'
        : 'there is nothing to audit: no sink of the pipeline keeps a row or a picture per file';
    throw new SluiceError('ARGUMENT_INVALID', message, { domain: 'user' });
  }
  const folders = nodes.flatMap(({ kind, options }) =>
    kind === 'sink/dead-letters' ? [options.path] : [],
  );
  return { sources, sinks, deadLetters: [...new Set(folders)] };
}

/** None for other kinds, and where the records are no objects any more. */
function auditedSink(node: PlanNode, nodes: readonly PlanNode[]): readonly AuditedSink[] {
  const { id, kind } = node;
  if (kind !== 'sink/files' && kind !== 'sink/thumbnails') return [];
  const expected = expectationsOf(node, nodes);
  if (expected === null || expected.size === 0) return [];
  const common = { id, uri: node.options.path, expected, way: wayTo(node, nodes) };
  if (kind === 'sink/files') {
    const { format, fields } = node.options;
    const lacks = ['uri', 'etag'].filter((field) => fields?.includes(field) === false);
    const unchecked =
      lacks.length === 0 ? null : `its rows have no ${lacks.join(' and ')}: see "fields"`;
    return [{ ...common, kind: 'files', format, unchecked }];
  }
  const { key: template, format, sourceRoots } = node.options;
  const fields = placeholdersOf(template).filter((name) => !OBJECT_PLACEHOLDERS.has(name));
  const twin = fields.length === 0 ? null : sinkWithFields(node, fields, nodes);
  const names = fields.map((field) => `{${field}}`).join(', ');
  const isKnown = fields.length === 0 || twin !== null;
  return [
    {
      ...common,
      // However often a record comes, its thumbnail lies in one place.
      expected: new Map([...expected].map(([source, each]) => [source, atMostOne(each)])),
      kind: 'thumbnails',
      key: { template, format, sourceRoots },
      keyFrom: twin === null ? 'listing' : { rowsOf: twin },
      unchecked: isKnown
        ? null
        : `its key needs ${names}, which no "sink: files" with the same "from" writes`,
    },
  ];
}

function atMostOne({ min, max }: Expectation): Expectation {
  return { min: Math.min(1, min), max: Math.min(1, max) };
}

/** Null behind a `count`: its records stand for many objects. */
function expectationsOf(
  node: PlanNode,
  nodes: readonly PlanNode[],
): ReadonlyMap<string, Expectation> | null {
  if (node.kind === 'transform/count' || node.kind === 'source/datagen') return null;
  if (node.kind === 'source/files') return new Map([[node.id, { min: 1, max: 1 }]]);
  const sums = new Map<string, Expectation>();
  for (const upstream of upstreamOf(node, nodes)) {
    const inputs = expectationsOf(upstream, nodes);
    if (inputs === null) return null;
    for (const [source, { min, max }] of inputs) {
      const sum = sums.get(source) ?? { min: 0, max: 0 };
      const passes = node.kind === 'transform/filter' ? 0 : min;
      sums.set(source, { min: sum.min + passes, max: sum.max + max });
    }
  }
  return sums;
}

function wayTo(node: PlanNode, nodes: readonly PlanNode[]): ReadonlySet<string> {
  const way = new Set([node.id]);
  for (const upstream of upstreamOf(node, nodes)) {
    for (const id of wayTo(upstream, nodes)) way.add(id);
  }
  return way;
}

function upstreamOf(node: PlanNode, nodes: readonly PlanNode[]): readonly PlanNode[] {
  return nodes.filter(({ id }) => node.from.includes(id));
}

function placeholdersOf(template: string): readonly string[] {
  return [...template.matchAll(/\{\s*([^{}]*?)\s*\}/g)].map(([, name = '']) => name);
}

/** A `files` sink that gets the same records and writes these fields of them. */
function sinkWithFields(
  node: PlanNode,
  fields: readonly string[],
  nodes: readonly PlanNode[],
): string | null {
  const from = node.from.toSorted().join('\n');
  const twin = nodes.find((other) => {
    if (other.kind !== 'sink/files' || other.from.toSorted().join('\n') !== from) return false;
    const written = other.options.fields;
    return (
      written === undefined || [...fields, 'uri', 'etag'].every((name) => written.includes(name))
    );
  });
  return twin?.id ?? null;
}
