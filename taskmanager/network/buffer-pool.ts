import { BUFFER_BYTES } from './network-options.ts';

/**
 * Ordinary buffers to be used again: allocating 32 KiB (zeroed) for every 32 KiB sent keeps the
 * allocator and the collector busy. Buffers that wander from a producing thread to a consuming one
 * and stay there are bounded by `idleMax`. One thread.
 */
export class BufferPool {
  readonly #idleMax: number;
  readonly #idle: ArrayBuffer[] = [];

  constructor(idleMax: number) {
    this.#idleMax = idleMax;
  }

  take(): ArrayBuffer {
    return this.#idle.pop() ?? new ArrayBuffer(BUFFER_BYTES);
  }

  /** Takes back what has the ordinary size; nobody else may hold it. */
  give(buffer: ArrayBuffer): void {
    if (buffer.byteLength === BUFFER_BYTES && this.#idle.length < this.#idleMax) {
      this.#idle.push(buffer);
    }
  }

  get idle(): number {
    return this.#idle.length;
  }
}
