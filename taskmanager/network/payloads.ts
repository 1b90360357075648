/** Payloads outside of frames: what channel state consists of. Pure functions. */
import { PAYLOAD_KIND } from '../../shared/serialization/wire-format.ts';
import { FRAME_HEADER_BYTES } from './frame.ts';

/** A copy of what a buffer holds behind the room for the header. */
export function copyPayload(buffer: ArrayBuffer, bytes: number): Uint8Array {
  return new Uint8Array(buffer.slice(FRAME_HEADER_BYTES, bytes));
}

/** The payload in a buffer with room for a header. */
export function bufferOf(payload: Uint8Array): ArrayBuffer {
  const bytes = new Uint8Array(new ArrayBuffer(FRAME_HEADER_BYTES + payload.length));
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes.buffer;
}

export function isEventPayload(payload: Uint8Array): boolean {
  return payload[0] === PAYLOAD_KIND.event;
}
