import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { PrintOptions } from '../../../shared/pipeline/kinds/sink-print.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { OperatorContext } from '../../operators/operator-context.ts';
import type { Sink, SinkWriter } from '../../operators/sink-writer.ts';
import { resultRow } from '../files-sink/result-row.ts';
import { toJson } from '../files-sink/row-encoder.ts';

/** Where lines go; `process.stdout` is one. `done` is called when the text has left. */
export interface TextOutput {
  write(text: string, done: (error?: Error | null) => void): unknown;
}

/** Characters that were written and have not left; the task stops reading beyond it. */
const WAITING_MAX = 1024 * 1024;

/**
 * `sink: print`: a JSON line a record. A closed output (`| head`) ends the task. What was printed
 * cannot be taken back: after a failure lines come again (at least once).
 */
class PrintWriter implements SinkWriter<never> {
  readonly #fields: readonly string[] | null;
  readonly #output: TextOutput;
  #context: OperatorContext | null = null;
  #notifyReady: () => void = () => {};
  #waiting = 0;
  #isClosed = false;
  #failure: SluiceError | null = null;
  /** Characters that have left. */
  #left = 0;
  /** Each waits until so many characters have left; in that order. */
  readonly #preCommits: { readonly end: number; readonly resolve: () => void }[] = [];

  constructor(fields: readonly string[] | null, output: TextOutput) {
    this.#fields = fields;
    this.#output = output;
  }

  open(context: OperatorContext): void {
    this.#context = context;
  }

  onReady(callback: () => void): void {
    this.#notifyReady = callback;
  }

  isReady(): boolean {
    return this.#waiting < WAITING_MAX && this.#failure === null;
  }

  write(record: StreamRecord): void {
    const nowMs = this.#context?.clock.nowMs() ?? 0;
    const row = resultRow(record, { fields: this.#fields, timestamps: true }, nowMs);
    const line = `${toJson(row)}\n`;
    this.#waiting += line.length;
    this.#output.write(line, (error) => this.#written(line.length, error ?? null));
  }

  /** Resolves when everything written so far has left; more may be printed meanwhile. */
  async prepareCommit(): Promise<readonly never[]> {
    const end = this.#left + this.#waiting;
    if (this.#waiting > 0 && this.#failure === null && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#preCommits.push({ end, resolve }));
    }
    if (this.#failure !== null) throw this.#failure;
    return [];
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#settlePreCommits();
    return Promise.resolve();
  }

  #written(length: number, error: Error | null): void {
    const wasReady = this.isReady();
    this.#waiting -= length;
    this.#left += length;
    if (error !== null && this.#failure === null && !this.#isClosed) {
      this.#failure = new SluiceError('STORAGE_UNAVAILABLE', 'The standard output is closed.', {
        domain: 'external',
        cause: error,
      });
      this.#context?.fail(this.#failure);
    }
    this.#settlePreCommits();
    if (!wasReady && this.isReady()) this.#notifyReady();
  }

  #settlePreCommits(): void {
    const isOver = this.#isClosed || this.#failure !== null;
    for (let first = this.#preCommits[0]; first !== undefined; first = this.#preCommits[0]) {
      if (!isOver && first.end > this.#left) return;
      this.#preCommits.shift();
      first.resolve();
    }
  }
}

export function createPrintSink(options: PrintOptions, output: TextOutput = process.stdout): Sink {
  return { writer: new PrintWriter(options.fields ?? null, output), committer: null };
}
