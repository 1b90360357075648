/**
 * Bounds the memory of images that are decoded at the same time. A small image costs little; of a
 * progressive JPEG, a WebP or a turned photograph the decoder holds every pixel. Images wait, first
 * come first served, until those in front leave room; one that is larger than the whole budget runs
 * alone, so that nothing waits for ever.
 *
 * One per thread; called from its event loop only.
 */
export class DecodeBudget {
  readonly #pixelsMax: number;
  #pixels = 0;
  /** Bounded by the concurrency of the operators that decode. */
  readonly #waiting: { readonly pixels: number; readonly start: () => void }[] = [];

  constructor(pixelsMax: number) {
    this.#pixelsMax = pixelsMax;
  }

  async run<Result>(pixels: number, work: () => Promise<Result>): Promise<Result> {
    const counted = Math.min(pixels, this.#pixelsMax);
    if (this.#waiting.length > 0 || !this.#fits(counted)) {
      await new Promise<void>((start) => this.#waiting.push({ pixels: counted, start }));
    } else {
      this.#pixels += counted;
    }
    try {
      return await work();
    } finally {
      this.#pixels -= counted;
      this.#admit();
    }
  }

  #fits(pixels: number): boolean {
    return this.#pixels + pixels <= this.#pixelsMax;
  }

  /** The room is taken here, not by the waiter: a newcomer must not slip in between. */
  #admit(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (!this.#fits(first.pixels)) return;
      this.#waiting.shift();
      this.#pixels += first.pixels;
      first.start();
    }
  }
}
