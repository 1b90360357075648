import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { backendFactory } from '../../../taskmanager/state/create-backend.ts';
import type { KeyedStateBackend } from '../../../taskmanager/state/keyed-state-backend.ts';
import { TimerService } from '../../../taskmanager/state/timer-service.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemorySnapshotStore } from '../../support/memory-snapshot-store.ts';

type Fired = readonly [timestampMs: number, key: unknown];

async function open(
  subtask = { subtaskIndex: 0, parallelism: 1 },
  kind: 'heap' | 'lmdb' = 'heap',
): Promise<KeyedStateBackend> {
  const create = await backendFactory(kind);
  return create({ ...subtask, maxParallelism: 128, clock: { monotonicMs: () => 0 } });
}

function serviceOn(backend: KeyedStateBackend, fired: Fired[], clock = new FakeClock()) {
  return new TimerService({
    state: backend.state,
    name: 'test',
    handlers: {
      onEventTime: (timestampMs, key) => fired.push([timestampMs, key]),
      onProcessingTime: (timestampMs, key) => fired.push([timestampMs, key]),
    },
    nowMs: () => clock.nowMs(),
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
  });
}

describe('TimerService', () => {
  it('when the watermark passes timers, then they fire once, in order, at their key', async () => {
    const backend = await open();
    const fired: Fired[] = [];
    const timers = serviceOn(backend, fired);
    const register = (key: string, timestampMs: number) => {
      backend.state.setCurrentKey(key);
      timers.registerEventTime(timestampMs);
    };
    register('b', 30);
    register('a', 10);
    register('a', 10);
    register('a', 20);
    register('b', 20);
    timers.deleteEventTime(20);
    timers.advanceWatermark(20);
    assert.deepEqual(fired, [
      [10, 'a'],
      [20, 'a'],
    ]);
    timers.advanceWatermark(100);
    timers.advanceWatermark(100);
    assert.deepEqual(fired.slice(2), [[30, 'b']]);
  });

  it('when the clock passes processing-time timers, then they fire, the earliest first', async () => {
    const backend = await open();
    const clock = new FakeClock();
    const fired: Fired[] = [];
    const timers = serviceOn(backend, fired, clock);
    const startMs = clock.nowMs();
    for (const [key, delayMs] of [
      ['late', 50],
      ['early', 10],
    ] as const) {
      backend.state.setCurrentKey(key);
      timers.registerProcessingTime(startMs + delayMs);
    }
    await clock.advance(10);
    assert.deepEqual(fired, [[startMs + 10, 'early']]);
    await clock.advance(100);
    assert.deepEqual(fired.slice(1), [[startMs + 50, 'late']]);
    timers.close();
  });

  for (const kind of ['heap', 'lmdb'] as const) {
    it(`when a job is restored at another parallelism (${kind}), then every timer fires once`, async () => {
      const someTimers = fc.array(
        fc.record({ key: fc.string({ maxLength: 2 }), atMs: fc.integer({ min: 0, max: 50 }) }),
        { maxLength: 30 },
      );
      await fc.assert(
        fc.asyncProperty(someTimers, async (registered) => {
          const store = new MemorySnapshotStore();
          const before = await open(undefined, kind);
          const timers = serviceOn(before, []);
          for (const { key, atMs } of registered) {
            before.state.setCurrentKey(key);
            timers.registerEventTime(atMs);
          }
          timers.advanceWatermark(10);
          const taken = before.snapshot({ checkpointId: 1, isSavepoint: false, store });
          const handles = Object.entries(await taken.handles);
          await before.close();
          const fired: Fired[] = [];
          for (const subtaskIndex of [0, 1, 2]) {
            const after = await open({ subtaskIndex, parallelism: 3 }, kind);
            const keyed = Object.fromEntries(handles.map(([name, handle]) => [name, [handle]]));
            await after.restore({ keyed, loader: store });
            serviceOn(after, fired).advanceWatermark(100);
            await after.close();
          }
          const expected = new Set(
            registered.filter(({ atMs }) => atMs > 10).map((timer) => JSON.stringify(timer)),
          );
          const actual = fired.map(([atMs, key]) => JSON.stringify({ key, atMs }));
          assert.deepEqual(actual.toSorted(), [...expected].toSorted());
        }),
        { numRuns: 20 },
      );
    });
  }
});
