import { resolve } from 'node:path';
import { z } from 'zod';
import type { SluiceError } from '../errors/sluice-error.ts';
import { isUri } from '../filesystem/uri.ts';
import { suggest } from './did-you-mean.ts';
import { type LocatedEntry, type LocatedMap, toPlain } from './located-value.ts';
import type { PipelineSource } from './pipeline-source.ts';
import { zodProblems } from './zod-problems.ts';

/**
 * The `parameters` block: declarations, and the values that they get. Pure, any thread.
 *
 *   images:   { type: path, default: ./images, description: … }   path | string | number | boolean
 *   minScore: 0.5                                                 short: the type of the default
 */
export const parameterTypeSchema = z.enum(['path', 'string', 'number', 'boolean']);

export type ParameterType = z.output<typeof parameterTypeSchema>;
export type ParameterValue = string | number | boolean;

const scalarSchema = z.union([z.string(), z.number(), z.boolean()]);

export const parameterSchema = z.strictObject({
  type: parameterTypeSchema
    .default('string')
    .describe("path: a file or folder, relative to the pipeline's file"),
  default: scalarSchema.optional().describe('without it the parameter must be set'),
  description: z.string().optional().describe('for people'),
});

export const PARAMETER_NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/;

export interface ParameterDeclaration {
  readonly name: string;
  readonly type: ParameterType;
  readonly default: ParameterValue | null;
  readonly description: string | null;
}

export interface ParameterInput {
  /** `--set name=value`. */
  readonly values: Readonly<Record<string, string>>;
  /** Defaults of type `path` are relative to it. */
  readonly baseDirectory: string;
}

/** Reads the block; declarations with mistakes are left out. */
export function declareParameters(
  source: PipelineSource,
  root: LocatedMap,
  problems: SluiceError[],
): readonly ParameterDeclaration[] {
  const block = root.entries.get('parameters')?.value;
  if (block === undefined || (block.kind === 'scalar' && block.value === null)) return [];
  if (block.kind !== 'map') {
    const message = '"parameters" is a map: name: { type, default, description }';
    const place = { path: ['parameters'] };
    problems.push(source.problemAt(place, { code: 'PIPELINE_INVALID', message }));
    return [];
  }
  const declarations: ParameterDeclaration[] = [];
  for (const [name, entry] of block.entries) {
    const declaration = declare(source, name, entry, problems);
    if (declaration !== null) declarations.push(declaration);
  }
  return declarations;
}

function declare(
  source: PipelineSource,
  name: string,
  entry: LocatedEntry,
  problems: SluiceError[],
): ParameterDeclaration | null {
  const path = ['parameters', name];
  const refuse = (at: readonly string[], message: string, on: 'key' | 'value' = 'value'): null => {
    const details = { code: 'PARAMETER_INVALID', message } as const;
    problems.push(source.problemAt({ path: at, on }, details));
    return null;
  };
  if (!PARAMETER_NAME.test(name)) {
    return refuse(path, `"${name}" is no name: letters, digits, "_" and "-"`, 'key');
  }
  const short = entry.value.kind === 'scalar';
  const plain = short ? shortForm(entry.value.value) : toPlain(entry.value);
  if (plain === null) return refuse(path, `parameter "${name}" has no default and no type`);
  const parsed = parameterSchema.safeParse(plain, { reportInput: true });
  if (!parsed.success) {
    const owner = { path, title: `parameter "${name}"`, code: 'PARAMETER_INVALID' } as const;
    problems.push(...zodProblems(source, owner, parsed.error.issues, parameterSchema));
    return null;
  }
  const { type, default: written, description } = parsed.data;
  const at = short ? path : [...path, 'default'];
  const wrong = written === undefined ? null : checkDefault(written, type);
  if (wrong !== null) return refuse(at, wrong);
  return { name, type, default: written ?? null, description: description ?? null };
}

function shortForm(value: ParameterValue | null): unknown {
  if (value === null) return null;
  return { type: typeof value, default: value };
}

function checkDefault(value: ParameterValue, type: ParameterType): string | null {
  const wanted = type === 'path' ? 'string' : type;
  if (typeof value !== wanted) {
    return `the default of a ${type} is ${article(wanted)}, not ${JSON.stringify(value)}`;
  }
  if (type === 'path' && value === '') return 'the default is empty';
  if (typeof value === 'string' && value.includes('${')) {
    return 'a default cannot refer to other parameters';
  }
  return null;
}

function article(type: string): string {
  return type === 'string' ? 'text' : type === 'boolean' ? 'true or false' : 'a number';
}

/**
 * What each parameter is in this run: `--set`, else the default. One that has no value gets a
 * stand-in, so that its mistake is reported once and not wherever it is used.
 */
export function bindParameters(
  source: PipelineSource,
  declarations: readonly ParameterDeclaration[],
  input: ParameterInput,
  problems: SluiceError[],
): ReadonlyMap<string, ParameterValue> {
  const names = declarations.map(({ name }) => name);
  for (const name of Object.keys(input.values)) {
    if (names.includes(name)) continue;
    problems.push(
      source.problemOfFile({
        code: 'PARAMETER_INVALID',
        message: `--set ${name}: the pipeline has no parameter "${name}"`,
        hint: suggest(name, 'Parameters', names),
      }),
    );
  }
  const bound = new Map<string, ParameterValue>();
  for (const declaration of declarations) {
    const value = bind(source, declaration, input, problems);
    bound.set(declaration.name, value ?? declaration.default ?? STAND_INS[declaration.type]);
  }
  return bound;
}

const STAND_INS: Readonly<Record<ParameterType, ParameterValue>> = {
  path: '/',
  string: 'x',
  number: 1,
  boolean: true,
};

function bind(
  source: PipelineSource,
  declaration: ParameterDeclaration,
  input: ParameterInput,
  problems: SluiceError[],
): ParameterValue | null {
  const { name, type } = declaration;
  const refuse = (message: string, hint?: string): null => {
    const place = { path: ['parameters', name], on: 'key' } as const;
    const details = { code: 'PARAMETER_INVALID', message, hint } as const;
    problems.push(source.problemAt(place, details));
    return null;
  };
  const text = Object.hasOwn(input.values, name) ? input.values[name] : undefined;
  if (text === undefined) {
    if (declaration.default === null) {
      return refuse(`parameter "${name}" has no value`, `Give it with --set ${name}=….`);
    }
    return type === 'path'
      ? absolutePath(String(declaration.default), input.baseDirectory)
      : declaration.default;
  }
  const value = parseText(text, type);
  if (value !== null) return type === 'path' ? absolutePath(text, input.baseDirectory) : value;
  const wanted = type === 'path' ? 'a path' : article(type);
  return refuse(`--set ${name}=${text}: expected ${wanted}`);
}

function parseText(text: string, type: ParameterType): ParameterValue | null {
  switch (type) {
    case 'path':
      return text === '' ? null : text;
    case 'string':
      return text;
    case 'number': {
      const value = Number(text);
      return text.trim() === '' || !Number.isFinite(value) ? null : value;
    }
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : null;
    default:
      return type satisfies never;
  }
}

function absolutePath(path: string, baseDirectory: string): string {
  return isUri(path) ? path : resolve(baseDirectory, path);
}

/** For `${name}` of a parameter that is not declared. */
export function hintForUndeclared(
  name: string,
  declarations: readonly ParameterDeclaration[],
): string {
  const names = declarations.map((declaration) => declaration.name);
  if (names.length > 0) return suggest(name, 'Parameters', names);
  return `Declare it under "parameters", or write "$\${${name}}" for the text itself.`;
}
