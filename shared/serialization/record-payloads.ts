/** Records as payloads outside of network buffers: state. Pure functions, any thread. */
import type { StreamRecord } from '../record/stream-record.ts';
import { RecordBatchDecoder } from './record-batch-decoder.ts';
import { RecordBatchEncoder } from './record-batch-encoder.ts';
import { violation } from './value-reader.ts';

const PAYLOAD_BYTES = 32 * 1024;

/** Each payload is alone in its ArrayBuffer, or the first part of it. */
export function encodeRecords(records: readonly StreamRecord[]): readonly Uint8Array[] {
  const encoder = new RecordBatchEncoder();
  const payloads: Uint8Array[] = [];
  let buffer = Buffer.alloc(0);
  const finish = (): void => {
    if (encoder.count > 0) payloads.push(new Uint8Array(buffer.buffer.slice(0, encoder.finish())));
  };
  const begin = (size: number): void => {
    buffer = Buffer.allocUnsafeSlow(size);
    encoder.begin(buffer, 0);
  };
  if (records.length > 0) begin(PAYLOAD_BYTES);
  for (const record of records) {
    let needed = encoder.append(record);
    // Once for a buffer that is full, once more for a record that is larger than any.
    while (needed > 0) {
      const size = encoder.count > 0 ? PAYLOAD_BYTES : needed;
      finish();
      begin(size);
      needed = encoder.append(record);
    }
  }
  finish();
  return payloads;
}

/** The inverse for one payload; throws PROTOCOL_VIOLATION at what holds no records. */
export function decodeRecords(payload: Uint8Array): readonly StreamRecord[] {
  const decoded = new RecordBatchDecoder().decode(payload, 0, payload.length);
  if (decoded.kind !== 'records') throw violation('holds no records');
  return decoded.records;
}
