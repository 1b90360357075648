/**
 * `transform: map`: computes fields from fields. All expressions see the record as it came in, so
 * their order means nothing. Slot's thread.
 */
import {
  type CompiledExpression,
  compileExpression,
} from '../../../shared/expression/compile-expression.ts';
import type { CompiledOptions } from '../../../shared/job-graph/compiled-options.ts';
import type { RecordValue, StreamRecord } from '../../../shared/record/stream-record.ts';
import type { OperatorContext } from '../operator-context.ts';
import type { Output, StreamOperator } from '../stream-operator.ts';

type Keep = CompiledOptions['transform/map']['keep'];

export class MapOperator implements StreamOperator {
  readonly #fields: readonly (readonly [string, CompiledExpression])[];
  readonly #keep: Keep;
  #output: Output | null = null;

  /** Throws EXPRESSION_INVALID where an expression is no CEL. */
  constructor(options: CompiledOptions['transform/map']) {
    this.#fields = Object.entries(options.fields).map(([field, text]) => [
      field,
      compileExpression(text),
    ]);
    this.#keep = options.keep;
  }

  open(_context: OperatorContext, output: Output): void {
    this.#output = output;
  }

  processElement(record: StreamRecord): void {
    const value = keptFields(record.value, this.#keep);
    for (const [field, expression] of this.#fields)
      value[field] = expression.evaluate(record.value);
    this.#output?.emit(record.withValue(value));
  }
}

/** A new object; a field of the list that the record does not have stays away. */
function keptFields(value: RecordValue, keep: Keep): Record<string, unknown> {
  if (keep === 'all') return { ...value };
  const kept: Record<string, unknown> = {};
  if (keep === 'none') return kept;
  for (const name of keep) {
    if (Object.hasOwn(value, name)) kept[name] = value[name];
  }
  return kept;
}
