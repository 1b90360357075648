import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { OperatorContext } from '../operator-context.ts';
import type { OperatorMetrics } from '../operator-metrics.ts';
import type { Sink } from '../sink-writer.ts';
import type { ChainedOperator } from './chained-operator.ts';

/**
 * A sink in its chain: the writer takes records; what the writer calls finished is prepared and
 * committed at once, one commit at a time, and the rest when the input ends.
 */
export class SinkOperator implements ChainedOperator {
  readonly id: string;
  readonly metrics: OperatorMetrics;
  readonly #sink: Sink<unknown>;
  readonly #context: OperatorContext;
  readonly #wake: () => void;
  /** The commit under way, or the last one; never rejects. */
  #committing: Promise<void> = Promise.resolve();
  /** One more commit is to follow the one under way. */
  #isCommitWanted = false;
  #isClosed = false;

  constructor(sink: Sink<unknown>, context: OperatorContext, wake: () => void) {
    this.id = context.operatorId;
    this.metrics = context.metrics;
    this.#sink = sink;
    this.#context = context;
    this.#wake = wake;
  }

  async open(): Promise<void> {
    const { writer } = this.#sink;
    await writer.open(this.#context, () => this.#commitSoon());
    writer.onReady(this.#wake);
  }

  isReady(): boolean {
    return this.#sink.writer.isReady();
  }

  processElement(record: StreamRecord): void {
    this.metrics.recordsIn += 1;
    try {
      this.#sink.writer.write(record);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      this.#context.reject(record, error);
      return;
    }
    const nowMs = this.#context.clock.nowMs();
    this.metrics.recordsOut += 1;
    this.metrics.recordWritten(nowMs);
    this.metrics.endToEndLatency.record(nowMs - record.ingestedAtMs);
  }

  processEvent(): void {
    // Nothing follows a sink.
  }

  async finish(): Promise<void> {
    // In line with the commits that the writer asked for: two at a time would commit a part twice.
    const last = this.#committing.then(() => this.#commit(true));
    this.#committing = last.catch(() => {});
    await last;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#sink.writer.close();
  }

  #commitSoon(): void {
    if (this.#isCommitWanted) return;
    this.#isCommitWanted = true;
    this.#committing = this.#committing.then(async () => {
      this.#isCommitWanted = false;
      try {
        await this.#commit(false);
      } catch (error) {
        this.#context.fail(error);
      }
    });
  }

  async #commit(endOfInput: boolean): Promise<void> {
    const { writer, committer } = this.#sink;
    if (this.#isClosed) return;
    await writer.flush(endOfInput);
    if (this.#isClosed || committer === null) return;
    const committables = await writer.prepareCommit(endOfInput);
    // Closing does not undo what was prepared: from here the results are due, cancelled or not.
    if (committables.length > 0) await committer.commit(committables);
  }
}
