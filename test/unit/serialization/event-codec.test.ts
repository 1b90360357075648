import assert from 'node:assert/strict';
import { test } from 'node:test';
import { END_OF_INPUT, type StreamEvent } from '../../../shared/record/stream-event.ts';
import { encodeEvent, parseEvent } from '../../../shared/serialization/event-codec.ts';
import { RecordBatchDecoder } from '../../../shared/serialization/record-batch-decoder.ts';

const BARRIER = {
  kind: 'barrier',
  checkpointId: 7,
  triggeredAtMs: 1_700_000_000_000,
  alignment: 'aligned',
  purpose: 'checkpoint',
} as const;

const events: readonly StreamEvent[] = [
  { kind: 'watermark', timestampMs: 1_700_000_000_000 },
  { kind: 'watermark', timestampMs: Number.POSITIVE_INFINITY },
  BARRIER,
  { kind: 'status', idle: true },
  END_OF_INPUT,
];

test('when an event is encoded, then decoding gives it back, behind the room for a header', () => {
  for (const event of events) {
    const bytes = new Uint8Array(encodeEvent(event, 16));
    const payload = new RecordBatchDecoder().decode(bytes, 16, bytes.byteLength);
    assert.deepEqual(payload, { kind: 'event', event });
  }
});

test('when a value has not the form of an event, then it is none', () => {
  const values = [
    null,
    'watermark',
    {},
    { kind: 'watermark' },
    { kind: 'watermark', timestampMs: '5' },
    { ...BARRIER, checkpointId: 0.5 },
    { ...BARRIER, alignment: 'sideways' },
    { ...BARRIER, purpose: 'none' },
    { kind: 'status', idle: 1 },
    { kind: 'unheard-of' },
  ];
  for (const value of values) assert.equal(parseEvent(value), null, JSON.stringify(value));
});
