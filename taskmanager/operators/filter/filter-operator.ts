/**
 * `transform: filter`: passes on the records for which the expression is true. Nothing is copied.
 * Slot's thread.
 */
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import {
  type CompiledExpression,
  compileExpression,
} from '../../../shared/expression/compile-expression.ts';
import type { CompiledOptions } from '../../../shared/job-graph/compiled-options.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { OperatorContext } from '../operator-context.ts';
import type { Output, StreamOperator } from '../stream-operator.ts';

export class FilterOperator implements StreamOperator {
  readonly #where: CompiledExpression;
  #output: Output | null = null;

  /** Throws EXPRESSION_INVALID where `where` is no CEL. */
  constructor(options: CompiledOptions['transform/filter']) {
    this.#where = compileExpression(options.where);
  }

  open(_context: OperatorContext, output: Output): void {
    this.#output = output;
  }

  processElement(record: StreamRecord): void {
    const verdict = this.#where.evaluate(record.value);
    if (verdict === true) this.#output?.emit(record);
    else if (verdict !== false) throw notBoolean(this.#where.text, verdict);
  }
}

function notBoolean(expression: string, verdict: unknown): SluiceError {
  const type = verdict === null ? 'null' : Array.isArray(verdict) ? 'a list' : typeof verdict;
  const message = `"${expression}" gives ${type}, not true or false`;
  return new SluiceError('EXPRESSION_FAILED', message, { domain: 'user', context: { expression } });
}
