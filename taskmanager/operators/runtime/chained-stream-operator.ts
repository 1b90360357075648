import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { StreamEvent } from '../../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { OperatorContext } from '../operator-context.ts';
import type { OperatorMetrics } from '../operator-metrics.ts';
import type { Output, StreamOperator } from '../stream-operator.ts';
import type { ChainedOperator } from './chained-operator.ts';

/** A synchronous operator in its chain: counts, rejects, forwards events. */
export class ChainedStreamOperator implements ChainedOperator {
  readonly id: string;
  readonly metrics: OperatorMetrics;
  readonly #operator: StreamOperator;
  readonly #context: OperatorContext;
  readonly #output: Output;

  constructor(operator: StreamOperator, context: OperatorContext, output: Output) {
    this.id = context.operatorId;
    this.metrics = context.metrics;
    this.#operator = operator;
    this.#context = context;
    this.#output = output;
  }

  async open(): Promise<void> {
    await this.#operator.open(this.#context, this.#output);
  }

  isReady(): boolean {
    return this.#output.isReady();
  }

  processElement(record: StreamRecord): void {
    this.metrics.recordsIn += 1;
    try {
      this.#operator.processElement(record);
    } catch (error) {
      // What fails the task has been wrapped by nobody: it passes through every operator in front.
      if (!(error instanceof SluiceError)) throw error;
      this.#context.reject(record, error);
    }
  }

  processEvent(event: StreamEvent): void {
    this.#operator.processEvent?.(event);
    this.#output.emitEvent(event);
  }

  async finish(): Promise<void> {
    await this.#operator.finish?.();
  }

  async close(): Promise<void> {
    await this.#operator.close?.();
  }
}
