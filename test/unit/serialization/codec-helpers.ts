import assert from 'node:assert/strict';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import { RecordBatchDecoder } from '../../../shared/serialization/record-batch-decoder.ts';
import { RecordBatchEncoder } from '../../../shared/serialization/record-batch-encoder.ts';

/** Room in front of a payload, as for a frame's header. */
export const START = 16;

const encoder = new RecordBatchEncoder();
const decoder = new RecordBatchDecoder();

/** The payload alone. The codec is used again and again, as in the engine. */
export function encodeRecords(records: readonly StreamRecord[]): Uint8Array {
  const buffer = Buffer.alloc(START + 1024 * 1024);
  encoder.begin(buffer, START);
  for (const record of records) assert.equal(encoder.append(record), 0);
  return buffer.subarray(START, encoder.finish());
}

export function decodeRecords(payload: Uint8Array): readonly StreamRecord[] {
  const decoded = decoder.decode(payload, 0, payload.byteLength);
  assert.ok(decoded.kind === 'records');
  return decoded.records;
}
