import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { outcomeOf, StorageMeter } from '../../../shared/filesystem/storage-meter.ts';
import { LatencyHistogram } from '../../../shared/observability/latency-histogram.ts';

const failed = (code: ConstructorParameters<typeof SluiceError>[0]): SluiceError =>
  new SluiceError(code, 'it failed', { domain: 'external' });

test('when tries end, then they are counted by outcome, repeats apart, cancelled ones without a time', () => {
  const meter = new StorageMeter();
  meter.tried('GetObject', { number: 0, outcome: 'throttled', durationMs: 10 });
  meter.tried('GetObject', { number: 1, outcome: 'ok', durationMs: 30 });
  meter.tried('GetObject', { number: 0, outcome: 'cancelled', durationMs: 9_000 });
  meter.tried('PutObject', { number: 0, outcome: 'ok', durationMs: 5 });
  meter.transferred({ sent: 100, received: 7 });
  const { operations, bytesSent, bytesReceived } = meter.totals();
  assert.deepEqual([bytesSent, bytesReceived], [100, 7]);
  const [get, put] = operations;
  assert.deepEqual(get?.outcomes, { throttled: 1, ok: 1, cancelled: 1 });
  assert.deepEqual([get?.operation, get?.retries], ['GetObject', 1]);
  assert.deepEqual([put?.operation, put?.outcomes, put?.retries], ['PutObject', { ok: 1 }, 0]);
  const latency = new LatencyHistogram();
  if (get !== undefined) latency.merge(get.latency);
  assert.deepEqual([latency.count, latency.sumMs], [2, 40]);
});

test('when threads are summed, then each of their numbers is in the sum, and they are as before', () => {
  const threads = [new StorageMeter(), new StorageMeter()];
  for (const [index, meter] of threads.entries()) {
    meter.tried('GetObject', { number: index, outcome: 'ok', durationMs: 10 });
    meter.tried('GetObject', { number: 0, outcome: 'timeout', durationMs: 20 });
    meter.transferred({ sent: 1, received: 2 });
  }
  const before = threads.map((meter) => meter.totals());
  const sum = new StorageMeter();
  for (const meter of threads) sum.add(meter.totals());
  const { operations, ...bytes } = sum.totals();
  assert.deepEqual(bytes, { bytesSent: 2, bytesReceived: 4 });
  assert.deepEqual(operations[0]?.outcomes, { ok: 2, timeout: 2 });
  assert.deepEqual([operations.length, operations[0]?.retries], [1, 1]);
  const latency = new LatencyHistogram();
  if (operations[0] !== undefined) latency.merge(operations[0].latency);
  assert.deepEqual([latency.count, latency.sumMs], [4, 60]);
  assert.deepEqual(
    threads.map((meter) => meter.totals()),
    before,
  );
});

test('when a request fails, then its outcome says whether the caller, the rights or S3 is at fault', () => {
  const http = (httpStatusCode: number, name = 'Error') =>
    Object.assign(new Error(name), { name, $metadata: { httpStatusCode } });
  const cases = [
    ['throttled', 'STORAGE_UNAVAILABLE', http(503, 'SlowDown')],
    ['throttled', 'STORAGE_UNAVAILABLE', http(429)],
    ['unavailable', 'STORAGE_UNAVAILABLE', http(500, 'InternalError')],
    ['not_found', 'STORAGE_NOT_FOUND', http(404, 'NoSuchKey')],
    ['conflict', 'PRECONDITION_FAILED', http(412, 'PreconditionFailed')],
    ['conflict', 'OBJECT_CHANGED', http(412)],
    ['denied', 'STORAGE_DENIED', http(403, 'AccessDenied')],
    ['denied', 'STORAGE_CREDENTIALS', http(403, 'InvalidAccessKeyId')],
    ['error', 'INTERNAL', new TypeError('x is not a function')],
  ] as const;
  for (const [outcome, code, raw] of cases) assert.equal(outcomeOf(failed(code), raw), outcome);
});
