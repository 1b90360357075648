import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import { DatagenReader } from '../../../taskmanager/connectors/datagen-reader.ts';
import { OperatorMetrics } from '../../../taskmanager/operators/operator-metrics.ts';
import type { SourceReaderContext } from '../../../taskmanager/operators/source-reader.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function open(options: { rateMax?: number; parallelism?: number; count?: number } = {}) {
  const clock = new FakeClock();
  const requests: number[] = [];
  const wakes: number[] = [];
  const { parallelism = 1, ...given } = options;
  const reader = new DatagenReader({ keys: 10, ...given });
  const context = {
    clock,
    parallelism,
    metrics: new OperatorMetrics(),
    requestSplits: (count: number) => requests.push(count),
    setTimer: (delayMs: number, callback: () => void) => clock.setTimer(delayMs, callback),
  } as unknown as SourceReaderContext;
  reader.open(context, () => wakes.push(clock.nowMs()));
  const records: StreamRecord[] = [];
  const poll = () => reader.pollNext((record) => records.push(record));
  return { clock, requests, wakes, reader, records, poll };
}

describe('DatagenReader', () => {
  it('when splits come, then every sequence number comes once, in their order', () => {
    const { reader, records, poll, requests } = open({ count: 710 });
    assert.deepEqual(requests, [2]);
    assert.equal(poll(), 'nothing-available');
    reader.addSplits([
      { from: 0, to: 700 },
      { from: 1_000, to: 1_010 },
    ]);
    reader.noMoreSplits();
    while (poll() !== 'end-of-input');
    const sequences = records.map(({ value }) => value['sequence']);
    assert.deepEqual(sequences, [
      ...Array.from({ length: 700 }, (_, index) => index),
      ...Array.from({ length: 10 }, (_, index) => 1_000 + index),
    ]);
    const keys = new Set(records.map(({ value }) => value['key']));
    assert.deepEqual([...keys].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('when a split is done, then the next one is asked for before the last is empty', () => {
    const { reader, poll, requests } = open();
    reader.addSplits([
      { from: 0, to: 5 },
      { from: 5, to: 10 },
    ]);
    poll();
    assert.deepEqual(requests, [2, 1]);
  });

  it('when an endless sequence is stopped, then it ends where it is', () => {
    const { reader, records, poll } = open();
    reader.addSplits([{ from: 0, to: 250_000 }]);
    poll();
    reader.noMoreSplits();
    assert.equal(poll(), 'end-of-input');
    assert.equal(records.length, 512);
  });

  it('when it is snapshot in the middle, then the rest of the splits is what remains', () => {
    const { reader, poll } = open();
    reader.addSplits([
      { from: 0, to: 600 },
      { from: 600, to: 610 },
    ]);
    poll();
    assert.deepEqual(reader.snapshotState(), [
      { from: 512, to: 600 },
      { from: 600, to: 610 },
    ]);
  });

  it('when there is a rate, then no second gives more, and the reader wakes up by itself', async () => {
    const { clock, reader, records, poll, wakes } = open({ rateMax: 400, parallelism: 2 });
    reader.addSplits([{ from: 0, to: 100_000 }]);
    for (let second = 1; second <= 5; second += 1) {
      const endsAtMs = clock.nowMs() + 1_000;
      while (clock.nowMs() < endsAtMs) {
        while (poll() === 'more-available');
        const known = wakes.length;
        while (wakes.length === known && clock.nowMs() < endsAtMs) await clock.advance(1);
      }
      assert.ok(records.length <= 200 * second + 10, `${records.length} in ${second} s`);
      assert.ok(records.length >= 190 * second, `${records.length} in ${second} s`);
    }
  });
});
