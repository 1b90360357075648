/**
 * Cuts a stream of bytes into frames, wherever the chunks end. A frame is gathered in one piece of
 * memory that its receiver gives, header in front: the only copy on the way in. A receiver that
 * wants no such frame gives null, and its bytes are skipped, so that nothing is held for it.
 *
 * No sockets here; one parser per connection, in its thread.
 */
import { FRAME_HEADER_BYTES, type FrameHeader, readFrameHeader } from './frame.ts';

export interface FrameReceiver {
  /** Memory for header and payload, at least as long as both; null to skip the frame. */
  allocate(header: FrameHeader): ArrayBuffer | null;
  /** The frame lies at the start of `memory`, header first. */
  receive(header: FrameHeader, memory: ArrayBuffer): void;
}

export class FrameParser {
  readonly #receiver: FrameReceiver;
  readonly #headerBytes = new Uint8Array(FRAME_HEADER_BYTES);
  readonly #headerView = new DataView(this.#headerBytes.buffer);
  #headerFilled = 0;
  #header: FrameHeader | null = null;
  #target: Uint8Array<ArrayBuffer> | null = null;
  #payloadFilled = 0;

  constructor(receiver: FrameReceiver) {
    this.#receiver = receiver;
  }

  /** Throws `PROTOCOL_VIOLATION` where the bytes are no frames; the connection is over then. */
  push(chunk: Uint8Array): void {
    let position = 0;
    while (position < chunk.length || this.#isComplete()) {
      if (this.#header === null) {
        position = this.#readHeader(chunk, position);
      } else if (this.#isComplete()) {
        this.#deliver(this.#header);
      } else {
        position = this.#readPayload(this.#header, chunk, position);
      }
    }
  }

  #isComplete(): boolean {
    return this.#header !== null && this.#payloadFilled === this.#header.payloadBytes;
  }

  #readHeader(chunk: Uint8Array, position: number): number {
    const wanted = FRAME_HEADER_BYTES - this.#headerFilled;
    const end = Math.min(chunk.length, position + wanted);
    this.#headerBytes.set(chunk.subarray(position, end), this.#headerFilled);
    this.#headerFilled += end - position;
    if (this.#headerFilled < FRAME_HEADER_BYTES) return end;
    this.#headerFilled = 0;
    this.#payloadFilled = 0;
    const header = readFrameHeader(this.#headerView);
    const memory = this.#receiver.allocate(header);
    this.#target = memory === null ? null : new Uint8Array(memory);
    this.#target?.set(this.#headerBytes);
    this.#header = header;
    return end;
  }

  #readPayload(header: FrameHeader, chunk: Uint8Array, position: number): number {
    const wanted = header.payloadBytes - this.#payloadFilled;
    const end = Math.min(chunk.length, position + wanted);
    this.#target?.set(chunk.subarray(position, end), FRAME_HEADER_BYTES + this.#payloadFilled);
    this.#payloadFilled += end - position;
    return end;
  }

  #deliver(header: FrameHeader): void {
    const target = this.#target;
    this.#header = null;
    this.#target = null;
    if (target !== null) this.#receiver.receive(header, target.buffer);
  }
}
