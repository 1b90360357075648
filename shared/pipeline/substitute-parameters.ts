import type { SluiceError } from '../errors/sluice-error.ts';
import { type LocatedScalar, type LocatedValue, mapScalars } from './located-value.ts';
import { hintForUndeclared, type ParameterDeclaration, type ParameterValue } from './parameters.ts';
import type { PipelineSource } from './pipeline-source.ts';

/**
 * `${name}` in text. A text that is nothing but `${name}` becomes the parameter's value with its
 * type; `$${` stands for `${` itself. Values are put in as they are and never looked at again, so a
 * value that holds `${…}` stays as it is. Pure, any thread.
 */
const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g;
const WHOLE = /^\$\{([^${}]*)\}$/;

export interface SubstitutionScope {
  readonly source: PipelineSource;
  readonly declarations: readonly ParameterDeclaration[];
  /** Without those that have a mistake; a reference to one of them is no further problem. */
  readonly values: ReadonlyMap<string, ParameterValue>;
}

export function substituteParameters(
  value: LocatedValue,
  scope: SubstitutionScope,
  problems: SluiceError[],
): LocatedValue {
  return mapScalars(value, (scalar) => substituteScalar(scalar, scope, problems));
}

function substituteScalar(
  scalar: LocatedScalar,
  scope: SubstitutionScope,
  problems: SluiceError[],
): LocatedScalar {
  if (typeof scalar.value !== 'string') return scalar;
  const { text, unknown } = substituteText(scalar.value, scope.values);
  for (const reference of unknown) {
    const problem = describe(reference, scalar, scope);
    if (problem !== null) problems.push(problem);
  }
  return { ...scalar, value: text };
}

export interface Substitution {
  readonly text: ParameterValue;
  /** Names that have no value, and null for a `${` that is not closed. */
  readonly unknown: readonly (string | null)[];
}

/** One text; what is unknown stays as it is. */
export function substituteText(
  text: string,
  values: ReadonlyMap<string, ParameterValue>,
): Substitution {
  if (!text.includes('${')) return { text, unknown: [] };
  const whole = WHOLE.exec(text)?.[1];
  const wholeValue = whole === undefined ? undefined : values.get(whole.trim());
  if (wholeValue !== undefined) return { text: wholeValue, unknown: [] };
  const unknown: (string | null)[] = [];
  const replaced = text.replace(REFERENCE, (match: string, name: string | undefined) => {
    if (match === '$${') return '${';
    const closed = match.endsWith('}');
    const value = closed ? values.get((name ?? '').trim()) : undefined;
    if (value !== undefined) return String(value);
    unknown.push(closed ? (name ?? '').trim() : null);
    return match;
  });
  return { text: replaced, unknown };
}

function describe(
  reference: string | null,
  scalar: LocatedScalar,
  scope: SubstitutionScope,
): SluiceError | null {
  const { source, declarations } = scope;
  // Declared, but its declaration or value has a mistake that is reported already.
  if (reference !== null && isDeclared(reference, source)) return null;
  const needle = reference === null ? '${' : `\${${reference}}`;
  const written = source.text.slice(scalar.range.start, scalar.range.end);
  const offset = Math.max(0, written.indexOf(needle));
  const start = scalar.range.start + offset;
  const end = written.includes(needle) ? start + needle.length : scalar.range.end;
  if (reference === null) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the pipeline's own syntax
    const message = '"${" has no "}"';
    const hint = 'Write "$${" for the text "${" itself.';
    return source.problemInRange({ start, end }, { code: 'PIPELINE_INVALID', message, hint });
  }
  return source.problemInRange(
    { start, end },
    {
      code: 'PARAMETER_INVALID',
      message: `there is no parameter "${reference}"`,
      hint: hintForUndeclared(reference, declarations),
    },
  );
}

function isDeclared(name: string, source: PipelineSource): boolean {
  const root = source.root;
  const block = root?.kind === 'map' ? root.entries.get('parameters')?.value : undefined;
  return block?.kind === 'map' && block.entries.has(name);
}
