import { TypeError as CelTypeError, EvaluationError, ParseError } from '@marcbachmann/cel-js';
import { SluiceError } from '../errors/sluice-error.ts';
import { fieldName } from './cel-environment.ts';

/** What is wrong with an expression, and where in its text. */
export interface ExpressionProblem {
  readonly message: string;
  readonly hint?: string;
  /** Offsets in the expression's text; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
}

type CelError = EvaluationError | ParseError | CelTypeError;

function isCelError(error: unknown): error is CelError {
  return (
    error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError
  );
}

/** The library's error in one line, with our own hint where it is about CEL's usual surprises. */
export function describeCelError(error: unknown, text: string): ExpressionProblem {
  if (!isCelError(error)) {
    const message = error instanceof Error ? error.message : String(error);
    return { message, start: 0, end: text.length };
  }
  const start = Math.min(error.range?.start ?? 0, text.length);
  const end = Math.min(Math.max(error.range?.end ?? text.length, start + 1), text.length);
  const word = wordInsteadOfSign(error, text, start);
  const hint = word === null ? hintFor(error, text, start) : 'Write "&&", "||" and "!".';
  return {
    message: word === null ? summarize(error) : `"${word}" is no operator`,
    start,
    end: Math.max(end, start),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** The name of the field that the expression asks for and the record (or shape) does not have. */
export function missingField(error: unknown): string | null {
  if (!isCelError(error) || error.code !== 'unknown_variable') return null;
  const match = /^Unknown variable: (.+)$/.exec(error.summary);
  return match?.[1] === undefined ? null : fieldName(match[1]);
}

function summarize(error: CelError): string {
  const missing = missingField(error);
  if (missing !== null) return `there is no field "${missing}"`;
  const operands = /^no such overload: (.+) (\S+) (.+)$/.exec(error.summary);
  if (operands !== null) {
    const [, left = '', operator, right = ''] = operands;
    return `"${operator}" does not work between ${typeName(left)} and ${typeName(right)}`;
  }
  const method = /^found no matching overload for '(.*)'$/.exec(error.summary);
  if (method !== null) return `there is no function ${method[1]}`;
  const summary = error.summary
    .replace(/^Unexpected token: EOF$/, 'the expression ends too early')
    .replace(/^Expected (.*), got EOF$/, (_, token: string) => {
      const sign = CLOSING_TOKENS[token];
      return `the expression ends too early${sign === undefined ? '' : `: "${sign}" is missing`}`;
    })
    .replace(/^No such key: (.*)$/, 'there is no field "$1"')
    .replace(/^Logical operator requires bool operands/, '"&&", "||" and "!" need true or false');
  return summary.charAt(0).toLowerCase() + summary.slice(1);
}

const CLOSING_TOKENS: Readonly<Record<string, string>> = {
  RPAREN: ')',
  RBRACKET: ']',
  RBRACE: '}',
  COLON: ':',
};

const TYPE_NAMES: Readonly<Record<string, string>> = {
  double: 'a number',
  int: 'a number',
  uint: 'a number',
  string: 'text',
  bool: 'true/false',
};

/** `dyn<string>`, as the library calls a string found at run time, is text too. */
function typeName(type: string): string {
  const inner = /^dyn<(.*)>$/.exec(type)?.[1] ?? type;
  return TYPE_NAMES[inner] ?? inner;
}

/** The parser stumbles over the word, or over what follows it. */
function wordInsteadOfSign(error: CelError, text: string, start: number): string | null {
  if (!(error instanceof ParseError)) return null;
  const around = text.slice(Math.max(0, start - 4), start + 4);
  return /(?:^|[^\w.])(and|or|not)\b/i.exec(around)?.[1] ?? null;
}

function hintFor(error: CelError, text: string, start: number): string | undefined {
  const character = text[start];
  if (error.code === 'unexpected_character') {
    if (character === '=') return 'Equality is written "==".';
    if (character === '&' || character === '|') return 'Write "&&" and "||".';
  }
  return undefined;
}

export function expressionInvalid(text: string, problem: ExpressionProblem): SluiceError {
  return new SluiceError('EXPRESSION_INVALID', `"${text}": ${problem.message}`, {
    domain: 'user',
    context: { expression: text, start: problem.start, end: problem.end },
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
  });
}
