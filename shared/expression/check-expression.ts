import type { Environment } from '@marcbachmann/cel-js';
import { SluiceError } from '../errors/sluice-error.ts';
import { nearest } from '../pipeline/did-you-mean.ts';
import type { FieldType, RecordShape } from '../pipeline/record-shape.ts';
import { claimFields, createStrictEnvironment, variableName } from './cel-environment.ts';
import { parseExpression } from './compile-expression.ts';
import { describeCelError, type ExpressionProblem, missingField } from './expression-error.ts';

/** The static check of an expression against what is known of the records it will see. */
export type ExpressionCheck =
  | { readonly ok: true; readonly type: FieldType; readonly fields: ReadonlySet<string> }
  | { readonly ok: false; readonly problem: ExpressionProblem };

/** `shape` null: nothing is known of the records, only the syntax is checked. */
export function checkExpression(text: string, shape: RecordShape | null): ExpressionCheck {
  try {
    if (shape === null) {
      const { ast } = parseExpression(text);
      return { ok: true, type: 'dyn', fields: claimFields(ast) };
    }
    const parsed = parseExpression(text, environmentFor(shape));
    const fields = claimFields(parsed.ast);
    const result = parsed.check();
    if (result.valid) return { ok: true, type: recordType(result.type ?? 'dyn'), fields };
    return { ok: false, problem: withFieldHint(result.error, text, shape) };
  } catch (error) {
    if (error instanceof SluiceError) return { ok: false, problem: syntaxProblem(error, text) };
    throw error;
  }
}

function environmentFor(shape: RecordShape): Environment {
  const environment = createStrictEnvironment();
  environment.registerType({ name: 'Class', schema: { label: 'dyn', index: 'dyn', score: 'dyn' } });
  for (const [name, type] of shape.fields) {
    if (type === 'Model') {
      const schema = { name: 'string', version: 'string' };
      environment.registerVariable({ name: variableName(name), schema });
    } else {
      environment.registerVariable(variableName(name), type);
    }
  }
  return environment;
}

function withFieldHint(error: unknown, text: string, shape: RecordShape): ExpressionProblem {
  const problem = describeCelError(error, text);
  const missing = missingField(error);
  if (missing === null) return problem;
  const names = [...shape.fields.keys()];
  const best = nearest(missing, names);
  const question = best === null ? '' : `did you mean "${best}"? `;
  return { ...problem, hint: `${question}Fields here: ${names.join(', ')}` };
}

function syntaxProblem(error: SluiceError, text: string): ExpressionProblem {
  const { start, end } = error.context;
  return {
    message: error.message.slice(error.message.indexOf('": ') + 3),
    start: typeof start === 'number' ? start : 0,
    end: typeof end === 'number' ? end : text.length,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}

/** The type that the result has as a field of a record (see `toPlainValue`). */
function recordType(type: string): FieldType {
  switch (type) {
    case 'string':
    case 'google.protobuf.Timestamp':
      return 'string';
    case 'int':
    case 'uint':
    case 'double':
    case 'google.protobuf.Duration':
      return 'double';
    case 'bool':
      return 'bool';
    default:
      return 'dyn';
  }
}
