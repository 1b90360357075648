import { invariant } from '../../../shared/errors/invariant.ts';
import type { BlackholeOptions } from '../../../shared/pipeline/kinds/sink-blackhole.ts';
import type { OperatorContext } from '../../operators/operator-context.ts';
import type { Sink, SinkWriter } from '../../operators/sink-writer.ts';

/**
 * `sink: blackhole`: forgets what it gets, at once; with a `delay` each record takes that long, in
 * turn, before the next one is taken. Nothing is left to do for a checkpoint, whatever the delay.
 */
class BlackholeWriter implements SinkWriter<never> {
  readonly #delayMs: number;
  #context: OperatorContext | null = null;
  #notifyReady: () => void = () => {};
  /** Records whose delay is not over; beyond one only what a single input made of itself. */
  #waiting = 0;
  #isClosed = false;

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  open(context: OperatorContext): void {
    this.#context = context;
  }

  onReady(callback: () => void): void {
    this.#notifyReady = callback;
  }

  isReady(): boolean {
    return this.#waiting === 0;
  }

  write(): void {
    if (this.#delayMs === 0) return;
    this.#waiting += 1;
    if (this.#waiting === 1) this.#waitForNext();
  }

  prepareCommit(): Promise<readonly never[]> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }

  #waitForNext(): void {
    invariant(this.#context !== null, 'open comes first');
    this.#context.setTimer(this.#delayMs, () => {
      this.#waiting -= 1;
      if (this.#isClosed) return;
      if (this.#waiting > 0) this.#waitForNext();
      else this.#notifyReady();
    });
  }
}

export function createBlackholeSink(options: BlackholeOptions): Sink {
  return { writer: new BlackholeWriter(options.delay), committer: null };
}
