import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import { RecordBatchDecoder } from '../../../shared/serialization/record-batch-decoder.ts';
import { encodeRecords } from './codec-helpers.ts';

const decoder = new RecordBatchDecoder();

/** Whatever the bytes, decoding ends in a payload or in PROTOCOL_VIOLATION. */
function decodes(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes, 0, bytes.byteLength);
    return true;
  } catch (error) {
    assert.ok(error instanceof SluiceError, String(error));
    assert.equal(error.code, 'PROTOCOL_VIOLATION');
    return false;
  }
}

const valid = encodeRecords(
  Array.from({ length: 12 }, (_, index) => {
    const value = {
      index,
      text: 'é'.repeat(index),
      list: [1, -1, 2.5, null, [undefined]],
      deep: { key: `k${index}`, bytes: new Uint8Array(5), when: new Date(5), big: 10n ** 20n },
      floats: new Float32Array(3),
      ['own'.repeat(index % 3)]: true,
    };
    const tensor = {
      data: new Uint8Array(12),
      height: 2,
      width: 2,
      channels: 3,
      color: 'RGB',
      normalization: { scale: 255, mean: [0, 0, 0], std: [1, 1, 1], layout: 'NHWC', type: 'f32' },
    } as const;
    const source = { uri: `file:///${index}`, etag: 'e' };
    return new StreamRecord(value, index, index, source, null, tensor);
  }),
);

test('when a buffer ends too early, at any byte, then it is a violation', () => {
  assert.ok(decodes(valid));
  for (let end = 0; end < valid.byteLength; end += 1) {
    assert.equal(decodes(valid.subarray(0, end)), false, `cut at ${end}`);
  }
});

test('when a buffer has bytes behind its records, then it is a violation', () => {
  assert.equal(decodes(Buffer.concat([valid, Buffer.alloc(1)])), false);
});

test('when bytes of a buffer are garbled, then it decodes or is a violation', () => {
  const damage = fc.array(fc.tuple(fc.nat({ max: valid.byteLength - 1 }), fc.nat({ max: 255 })), {
    minLength: 1,
    maxLength: 8,
  });
  let refused = 0;
  fc.assert(
    fc.property(damage, (changes) => {
      const garbled = Uint8Array.from(valid);
      for (const [position, byte] of changes) garbled[position] = byte;
      if (!decodes(garbled)) refused += 1;
    }),
    { numRuns: 5000 },
  );
  assert.ok(refused > 500, `${refused} refused`);
});

test('when a buffer is any bytes, then it decodes or is a violation', () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const records = bytes.map((body) => Buffer.concat([Buffer.from([1, 3, 0, 0, 0]), body]));
  const events = bytes.map((body) => Buffer.concat([Buffer.from([2]), body]));
  fc.assert(
    fc.property(fc.oneof(bytes, records, events), (garbage) => {
      decodes(garbage);
    }),
    { numRuns: 5000 },
  );
});

test('when a buffer claims enormous counts and depths, then nothing is allocated for them', () => {
  const claims = [0xc9, 0xca, 0xcc, 0xc7, 0xc8].map((tag) =>
    Buffer.from([1, 1, 0, 0, 0, 0, tag, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]),
  );
  claims.push(Buffer.from([1, 0xff, 0xff, 0xff, 0xff]));
  claims.push(Buffer.concat([Buffer.from([1, 1, 0, 0, 0, 0]), nestedArrays(100_000)]));
  claims.push(Buffer.concat([Buffer.from([2]), nestedArrays(1000)]));
  const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
  for (const claim of claims) assert.equal(decodes(claim), false);
  const grown = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before;
  assert.ok(grown < 20_000_000, `${grown} bytes`);
});

/** `[[[[…` with counts that the bytes behind could pay for. */
function nestedArrays(depth: number): Uint8Array {
  return Buffer.alloc(depth * 2, Buffer.from([0xc9, 0x01]));
}
