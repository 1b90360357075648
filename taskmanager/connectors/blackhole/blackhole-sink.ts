import { invariant } from '../../../shared/errors/invariant.ts';
import type { BlackholeOptions } from '../../../shared/pipeline/kinds/sink-blackhole.ts';
import type { OperatorContext } from '../../operators/operator-context.ts';
import type { Sink, SinkWriter } from '../../operators/sink-writer.ts';

/** `sink: blackhole`: forgets what it gets; with a `delay` each record takes that long, in turn. */
class BlackholeWriter implements SinkWriter<never> {
  readonly #delayMs: number;
  #context: OperatorContext | null = null;
  #notifyReady: () => void = () => {};
  /** Records whose delay is not over; beyond one only what a single input made of itself. */
  #waiting = 0;
  #isClosed = false;
  readonly #onEmpty: (() => void)[] = [];

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

  async prepareCommit(): Promise<readonly never[]> {
    if (this.#waiting > 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
    }
    return [];
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#releaseWaiting();
    return Promise.resolve();
  }

  #waitForNext(): void {
    invariant(this.#context !== null, 'open comes first');
    this.#context.setTimer(this.#delayMs, () => {
      this.#waiting -= 1;
      if (this.#isClosed) return;
      if (this.#waiting > 0) {
        this.#waitForNext();
        return;
      }
      this.#releaseWaiting();
      this.#notifyReady();
    });
  }

  #releaseWaiting(): void {
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }
}

export function createBlackholeSink(options: BlackholeOptions): Sink {
  return { writer: new BlackholeWriter(options.delay), committer: null };
}
