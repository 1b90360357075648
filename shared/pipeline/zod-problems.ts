import { z } from 'zod';
import type { ErrorCode } from '../errors/codes.ts';
import type { SluiceError } from '../errors/sluice-error.ts';
import { suggest } from './did-you-mean.ts';
import type { ValuePath } from './located-value.ts';
import type { PipelineSource } from './pipeline-source.ts';

/** zod's issues in the words of the pipeline's author, each at its place. Pure, any thread. */
export interface IssueOwner {
  /** Where the checked value stands in the document. */
  readonly path: ValuePath;
  /** `node "classes"`, `parameter "images"`, `"deadLetters"`. */
  readonly title: string;
  readonly code?: ErrorCode;
  readonly node?: string;
}

type Issue = z.core.$ZodIssue;

interface Described {
  readonly path: ValuePath;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly on?: 'key' | 'value';
}

export function zodProblems(
  source: PipelineSource,
  owner: IssueOwner,
  issues: readonly Issue[],
  schema: z.ZodType,
): SluiceError[] {
  return issues
    .flatMap((issue) => describe(issue, [], schema, owner))
    .map(({ path, on, message, hint }) =>
      source.problemAt(
        { path: [...owner.path, ...path], ...(on === undefined ? {} : { on }) },
        {
          code: owner.code ?? 'PIPELINE_INVALID',
          message,
          hint,
          ...(owner.node === undefined ? {} : { node: owner.node }),
        },
      ),
    );
}

function describe(
  issue: Issue,
  parent: ValuePath,
  schema: z.ZodType,
  owner: IssueOwner,
): readonly Described[] {
  const path = [...parent, ...issue.path.map((step) => (typeof step === 'symbol' ? '' : step))];
  const option = quoted(path, owner);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, path, schema, owner));
    case 'invalid_union':
      return describeUnion(issue, path, schema, owner);
    case 'invalid_key':
      return [{ path, on: 'key', message: `"${path.at(-1)}" is not ${firstMessage(issue)}` }];
    case 'invalid_type':
      if (issue.input === undefined || issue.input === null) {
        return [{ path, message: `${option} is missing`, hint: describeOption(path, schema) }];
      }
      return [
        { path, message: `${option} must be ${wanted(issue, path, schema)}, not ${show(issue)}` },
      ];
    case 'invalid_value':
      return [invalidValue(issue, path, option)];
    case 'custom':
      // Some checks say all there is to say, about the option itself rather than about its value.
      if (issue.params?.['sentence'] === true) return [{ path, on: 'key', message: issue.message }];
      return [{ path, message: `${option} ${constraint(issue)}` }];
    default:
      return [{ path, message: `${option} ${constraint(issue)}` }];
  }
}

function firstMessage(issue: z.core.$ZodIssueInvalidKey): string {
  return issue.issues[0]?.message ?? 'allowed here';
}

/** Which of them a node has is settled before its options are looked at. */
const CATEGORY_WORDS: ReadonlySet<string> = new Set(['source', 'transform', 'sink']);

function unknownKey(key: string, path: ValuePath, schema: z.ZodType, owner: IssueOwner): Described {
  const options = optionsAt(schema, path).filter((name) => !CATEGORY_WORDS.has(name));
  return {
    path: [...path, key],
    on: 'key',
    message: `unknown option "${key}" of ${quoted(path, owner)}`,
    hint: suggest(key, 'Options', options),
  };
}

function invalidValue(
  issue: z.core.$ZodIssueInvalidValue,
  path: ValuePath,
  option: string,
): Described {
  const values = issue.values.map(String);
  const hint = suggest(String(issue.input), 'Allowed', values);
  return { path, message: `${option} cannot be ${show(issue)}`, hint };
}

/** The branch that fits best tells what is wrong; where none fits, all say what they expect. */
function describeUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  path: ValuePath,
  schema: z.ZodType,
  owner: IssueOwner,
): readonly Described[] {
  const inside = issue.errors.find((branch) => branch.every((inner) => inner.path.length > 0));
  const sameType = inside ?? issue.errors.find((branch) => branch.every(isRightType));
  if (sameType !== undefined && sameType.length > 0) {
    return sameType.flatMap((inner) => describe(withInput(inner, issue), path, schema, owner));
  }
  const option = quoted(path, owner);
  if (issue.input === undefined || issue.input === null) {
    return [{ path, message: `${option} is missing`, hint: describeOption(path, schema) }];
  }
  const values = issue.errors
    .flat()
    .flatMap((inner) => (inner.code === 'invalid_value' ? inner.values.map(String) : []));
  if (values.length > 0 && typeof issue.input === 'string') {
    const takesMap = issue.errors.flat().some(({ code }) => code === 'invalid_type');
    const hint = `${suggest(issue.input, 'Allowed', values)}${takesMap ? ', or a map' : ''}`;
    return [{ path, message: `${option} cannot be ${show(issue)}`, hint }];
  }
  const expected = [...new Set(issue.errors.flat().map(expectation))].join(' or ');
  return [{ path, message: `${option} must be ${expected}, not ${show(issue)}` }];
}

function withInput(inner: Issue, outer: Issue): Issue {
  return inner.input === undefined && inner.path.length === 0
    ? ({ ...inner, input: outer.input } as Issue)
    : inner;
}

function isRightType(issue: Issue): boolean {
  return issue.code !== 'invalid_type' && issue.code !== 'invalid_value';
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
  tuple: 'a list',
};

function expectation(issue: Issue): string {
  if (issue.code === 'invalid_type') return TYPE_NAMES[issue.expected] ?? issue.expected;
  if (issue.code === 'invalid_value') return issue.values.map(String).join(' or ');
  return constraint(issue);
}

/** Follows the option's name. */
function constraint(issue: Issue): string {
  switch (issue.code) {
    case 'too_small':
      if (issue.origin === 'string') return 'is empty';
      if (issue.origin === 'array') return `needs at least ${entries(issue.minimum)}`;
      return `must be ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}, not ${show(issue)}`;
    case 'too_big':
      if (issue.origin === 'array') return `may have at most ${entries(issue.maximum)}`;
      return `must be ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}, not ${show(issue)}`;
    default:
      return `cannot be ${show(issue)}: ${issue.message}`;
  }
}

function entries(count: number | bigint): string {
  return Number(count) === 1 ? 'one entry' : `${count} entries`;
}

/** `"batch.sizeMax"`, `"formats[0]"`, or the owner where it is about the whole. */
function quoted(path: ValuePath, owner: IssueOwner): string {
  if (path.length === 0) return owner.title;
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
  return `"${text.replace(/^\./, '')}"`;
}

/** A duration is text to zod; people are told that it is a duration, and how one looks. */
function wanted(issue: Issue, path: ValuePath, schema: z.ZodType): string {
  const meta = metaOf(schemaAt(schema, path, true));
  const isQuantity = /^(duration|size)\b/.test(String(meta?.['title'] ?? ''));
  if (!isQuantity || !Array.isArray(meta?.['examples'])) return expectation(issue);
  return `a ${meta['title']} such as ${meta['examples'].join(' or ')}`;
}

function metaOf(schema: z.ZodType | null): Readonly<Record<string, unknown>> | undefined {
  if (schema === null) return undefined;
  const meta = schema.meta();
  if (meta?.title !== undefined) return meta;
  const isWrapper =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault;
  return isWrapper ? metaOf(schema.unwrap() as z.ZodType) : meta;
}

const SHOWN_LENGTH_MAX = 60;

function show(issue: Issue): string {
  const { input } = issue;
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object' && input !== null) return 'a map';
  const text = typeof input === 'string' ? `"${input}"` : String(input);
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
}

/** The names of the options that the object at `path` has. */
function optionsAt(schema: z.ZodType, path: ValuePath): readonly string[] {
  const found = schemaAt(schema, path);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

function describeOption(path: ValuePath, schema: z.ZodType): string | undefined {
  const description = schemaAt(schema, path, true)?.description;
  return description === undefined ? undefined : `${path.at(-1)}: ${description}`;
}

function schemaAt(schema: z.ZodType, path: ValuePath, keepLast = false): z.ZodType | null {
  let current: z.ZodType | null = unwrap(schema);
  for (const [index, step] of path.entries()) {
    if (!(current instanceof z.ZodObject)) return null;
    const inner: z.ZodType | undefined = current.shape[String(step)];
    if (inner === undefined) return null;
    current = keepLast && index === path.length - 1 ? inner : unwrap(inner);
  }
  return current;
}

/** Through defaults, optionals and unions, to the object inside. */
function unwrap(schema: z.ZodType): z.ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  ) {
    return unwrap(schema.unwrap() as z.ZodType);
  }
  if (schema instanceof z.ZodUnion) {
    const branches = schema.options as readonly z.ZodType[];
    return branches.map(unwrap).find((branch) => branch instanceof z.ZodObject) ?? schema;
  }
  return schema;
}
