import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { ImageTensor } from '../../../shared/record/image-tensor.ts';
import { type RecordValue, StreamRecord } from '../../../shared/record/stream-record.ts';
import { RecordBatchDecoder } from '../../../shared/serialization/record-batch-decoder.ts';
import { RecordBatchEncoder } from '../../../shared/serialization/record-batch-encoder.ts';
import { decodeRecords, encodeRecords, START } from './codec-helpers.ts';

const at = 1_700_000_000_000;

function plain(value: unknown): StreamRecord {
  return new StreamRecord(value as RecordValue, at, at, null, null, null);
}

const keys = fc.oneof(
  fc.constantFrom('a', 'b', 'label', '__proto__', 'constructor', '0', '"', ''),
  fc.string(),
);

/** What records may hold, and what JSON cannot. */
const anyValue = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ maxLength: 100 }),
    fc.double(),
    fc.integer(),
    fc.integer({ min: -130, max: 70_000 }),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.constant('\ud800 alone'),
    fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
    fc.date(),
    fc.uint8Array(),
    fc.float32Array(),
    fc.bigInt64Array(),
  ),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(keys, tie('value'), { maxKeys: 6, noNullPrototype: true }),
  ),
}));
const anyRecordValue = fc.dictionary(keys, anyValue.value, { maxKeys: 8, noNullPrototype: true });

const tensors = fc
  .record({
    height: fc.integer({ min: 1, max: 8 }),
    width: fc.integer({ min: 1, max: 8 }),
    channels: fc.constantFrom(1 as const, 3 as const),
    color: fc.constantFrom('RGB' as const, 'BGR' as const, 'GREY' as const),
    scale: fc.constantFrom(1, 255),
    fill: fc.integer({ min: 0, max: 255 }),
  })
  .map(
    ({ height, width, channels, color, scale, fill }): ImageTensor => ({
      data: new Uint8Array(height * width * channels).fill(fill),
      height,
      width,
      channels,
      color,
      normalization: {
        scale,
        mean: channels === 1 ? [0.5] : [0.485, 0.456, 0.406],
        std: channels === 1 ? [0.25] : [0.229, 0.224, 0.225],
        layout: 'NCHW',
        type: 'f32',
      },
    }),
  );

const times = fc.oneof(
  fc.constant(at),
  fc.integer({ min: at, max: at + 100_000 }),
  fc.double({ noNaN: true }).filter((time) => !Object.is(time, -0)),
);
const sources = fc.oneof(
  fc.constant(null),
  fc.record({ uri: fc.string(), etag: fc.string() }, { noNullPrototype: true }),
);
const anyRecord = fc
  .tuple(anyRecordValue, times, times, sources, fc.option(tensors))
  .map(
    ([value, eventTimeMs, ingestedAtMs, source, tensor]) =>
      new StreamRecord(value, eventTimeMs, ingestedAtMs, source, null, tensor),
  );

test('when any records are encoded, then decoding gives them back', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 20 }), (records) => {
      assert.deepStrictEqual(decodeRecords(encodeRecords(records)), records);
    }),
    { numRuns: 500 },
  );
});

test('when records of one shape follow each other, then they cost few bytes', () => {
  const records = Array.from({ length: 1000 }, (_, sequence) =>
    plain({ sequence, key: `key-${sequence % 100}`, value: sequence * 0.5 }),
  );
  const bytes = encodeRecords(records).byteLength / records.length;
  // flags, shape, 3 for the number, 7 for the key, 9 (or less) for the float
  assert.ok(bytes <= 22, `${bytes} bytes a record`);
});

test('when a record has bytes, then they stay behind; source and times travel', () => {
  const source = { uri: 's3://bucket/a.jpg', etag: 'v1' };
  const record = new StreamRecord({ a: 1 }, at, at + 5, source, new Uint8Array(1000), null);
  const [decoded] = decodeRecords(encodeRecords([record]));
  assert.deepStrictEqual(decoded, new StreamRecord({ a: 1 }, at, at + 5, source, null, null));
});

test('when tensors are alike, then they are described once', () => {
  const [tensor] = fc.sample(tensors, { numRuns: 1, seed: 1 });
  assert.ok(tensor);
  const record = (): StreamRecord =>
    new StreamRecord({}, at, at, null, null, {
      ...tensor,
      normalization: { ...tensor.normalization },
    });
  const one = encodeRecords([record()]).byteLength;
  const three = encodeRecords([record(), record(), record()]).byteLength;
  assert.ok(three - one < 2 * (tensor.data.byteLength + 10), `${one} and ${three} bytes`);
  assert.equal(decodeRecords(encodeRecords([record(), record()])).length, 2);
});

test('when there are more shapes and tensor descriptions than a buffer remembers, then all arrive', () => {
  const records = Array.from({ length: 1500 }, (_, index) => {
    const height = 1 + (index % 100);
    const tensor: ImageTensor = {
      data: new Uint8Array(height).fill(index),
      height,
      width: 1,
      channels: 1,
      color: 'GREY',
      normalization: { scale: 1, mean: [0], std: [1], layout: 'NHWC', type: 'u8' },
    };
    return new StreamRecord({ [`field${index}`]: index }, at, at, null, null, tensor);
  });
  assert.deepStrictEqual(decodeRecords(encodeRecords(records)), records);
  assert.deepStrictEqual(decodeRecords(encodeRecords(records)), records);
});

test('when a record does not fit, then the batch is as before and says what it would need', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 30 }), (records) => {
      const encoder = new RecordBatchEncoder();
      const buffer = Buffer.alloc(START + 400);
      encoder.begin(buffer, START);
      const kept: StreamRecord[] = [];
      for (const record of records) {
        const before = encoder.position;
        const needed = encoder.append(record);
        if (needed === 0) kept.push(record);
        else assert.ok(needed > buffer.length && encoder.position === before);
      }
      const end = encoder.finish();
      const payload = new RecordBatchDecoder().decode(buffer, START, end);
      assert.ok(payload.kind === 'records');
      assert.deepStrictEqual(payload.records, kept);
    }),
  );
});

test('when the size said for an oversize record is given, then it fits exactly', () => {
  const record = plain({ text: 'x'.repeat(5000), list: [1, { deep: true }] });
  const encoder = new RecordBatchEncoder();
  encoder.begin(Buffer.alloc(START + 64), START);
  const needed = encoder.append(record);
  const buffer = Buffer.alloc(needed);
  encoder.begin(buffer, START);
  assert.equal(encoder.append(record), 0);
  assert.equal(encoder.finish(), needed);
});

for (const [name, value] of [
  ['a function', () => {}],
  ['a symbol', Symbol('s')],
  ['a map', new Map()],
  ['an object nested without end', nested(100)],
] as const) {
  test(`when a record holds ${name}, then it is refused and the batch stays whole`, () => {
    const encoder = new RecordBatchEncoder();
    const buffer = Buffer.alloc(10_000);
    encoder.begin(buffer, START);
    encoder.append(plain({ a: 1 }));
    assert.throws(
      () => encoder.append(plain({ other: { shape: 1 }, value })),
      (error) => error instanceof SluiceError && error.code === 'RECORD_INVALID',
    );
    encoder.append(plain({ other: { shape: 2 } }));
    const payload = new RecordBatchDecoder().decode(buffer, START, encoder.finish());
    assert.ok(payload.kind === 'records');
    assert.deepStrictEqual(
      payload.records.map((record) => record.value),
      [{ a: 1 }, { other: { shape: 2 } }],
    );
  });
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let index = 0; index < depth; index += 1) value = { value };
  return value;
}
