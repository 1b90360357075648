/** Payloads outside of frames: what channel state consists of. Pure functions. */
import type { StreamRecord } from '../../shared/record/stream-record.ts';
import { RecordBatchEncoder } from '../../shared/serialization/record-batch-encoder.ts';
import { PAYLOAD_KIND } from '../../shared/serialization/wire-format.ts';
import { FRAME_HEADER_BYTES } from './frame.ts';
import { BUFFER_BYTES } from './network-options.ts';

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

/** Records that were decoded already, as payloads again. */
export function encodeRecords(records: readonly StreamRecord[]): readonly Uint8Array[] {
  const encoder = new RecordBatchEncoder();
  const payloads: Uint8Array[] = [];
  let buffer = Buffer.alloc(0);
  const begin = (size: number): void => {
    if (encoder.count > 0) payloads.push(buffer.subarray(0, encoder.finish()));
    buffer = Buffer.allocUnsafeSlow(size);
    encoder.begin(buffer, 0);
  };
  begin(BUFFER_BYTES);
  for (const record of records) {
    let needed = encoder.append(record);
    // Once for a buffer that is full, once more for a record that is larger than any.
    while (needed > 0) {
      begin(encoder.count > 0 ? BUFFER_BYTES : needed);
      needed = encoder.append(record);
    }
  }
  if (encoder.count > 0) payloads.push(buffer.subarray(0, encoder.finish()));
  return payloads;
}
