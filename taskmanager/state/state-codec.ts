/**
 * Keys and values of keyed state as bytes, in the encoding of records (`shared/serialization`). Each
 * stands alone. One instance per backend, one thread.
 */
import { ValueReader } from '../../shared/serialization/value-reader.ts';
import { ValueWriter } from '../../shared/serialization/value-writer.ts';

const SCRATCH_BYTES = 64 * 1024;

export class StateCodec {
  readonly #writer = new ValueWriter();
  readonly #reader = new ValueReader();

  constructor() {
    this.#writer.reset(Buffer.allocUnsafe(SCRATCH_BYTES), 0);
  }

  /** Valid until the next call: a view of scratch memory, behind `headroom` bytes for the caller. */
  encode(value: unknown, headroom = 0): Buffer {
    const writer = this.#writer;
    for (;;) {
      writer.position = headroom;
      writer.shapesDefined = 0;
      writer.depth = 0;
      writer.value(value);
      if (writer.position <= writer.bytes.length) break;
      writer.reset(Buffer.allocUnsafe(2 ** Math.ceil(Math.log2(writer.position))), 0);
    }
    return writer.bytes.subarray(0, writer.position);
  }

  decode(bytes: Uint8Array): unknown {
    this.#reader.reset(bytes, 0, bytes.byteLength);
    return this.#reader.value();
  }
}
