import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { STATE_BACKENDS, type StateBackendKind } from '../../../shared/checkpoint/state-backend.ts';
import { backendFactory } from '../../../taskmanager/state/create-backend.ts';
import type { KeyedState } from '../../../taskmanager/state/keyed-state.ts';
import type {
  KeyedHandles,
  KeyedStateBackend,
} from '../../../taskmanager/state/keyed-state-backend.ts';
import type { StateKey } from '../../../taskmanager/state/state-key.ts';
import { MemorySnapshotStore } from '../../support/memory-snapshot-store.ts';

/** Both backends against a model of plain maps, with checkpoints at any point. */

type Change =
  | {
      readonly kind: 'update' | 'append' | 'reduce';
      readonly key: StateKey;
      readonly value: number;
    }
  | { readonly kind: 'put'; readonly key: StateKey; readonly sub: StateKey; readonly value: number }
  | { readonly kind: 'remove'; readonly key: StateKey; readonly sub: StateKey }
  | { readonly kind: 'clear'; readonly key: StateKey };

type Step =
  | Change
  | { readonly kind: 'checkpoint'; readonly isSavepoint: boolean; readonly during: Change[] }
  | { readonly kind: 'fail' | 'abort'; readonly during: Change[] };

const MAX_PARALLELISM = 16;

const states = (state: KeyedState) => ({
  value: state.value<number>({ name: 'value' }),
  list: state.list<number>({ name: 'list' }),
  map: state.map<StateKey, number>({ name: 'map' }),
  sum: state.reducing<number>({ name: 'sum', reduce: (before, value) => before + value }),
});

/** What a state holds, as sorted text lines. */
type Content = readonly string[];

class Model {
  readonly entries = new Map<string, string>();

  apply(change: Change): void {
    const key = JSON.stringify(change.key);
    const at = (state: string) => `${state} ${key}`;
    const stored = (state: string) => JSON.parse(this.entries.get(at(state)) ?? 'null');
    switch (change.kind) {
      case 'update':
        this.entries.set(at('value'), String(change.value));
        return;
      case 'append':
        this.entries.set(at('list'), JSON.stringify([...(stored('list') ?? []), change.value]));
        return;
      case 'reduce':
        this.entries.set(at('sum'), String((stored('sum') ?? 0) + change.value));
        return;
      case 'put':
        this.entries.set(`${at('map')} ${JSON.stringify(change.sub)}`, String(change.value));
        return;
      case 'remove':
        this.entries.delete(`${at('map')} ${JSON.stringify(change.sub)}`);
        return;
      case 'clear':
        for (const name of ['value', 'list', 'sum']) this.entries.delete(at(name));
        for (const entry of this.entries.keys()) {
          if (entry.startsWith(`${at('map')} `)) this.entries.delete(entry);
        }
        return;
      default:
        change satisfies never;
    }
  }

  content(): Content {
    return [...this.entries].map(([entry, value]) => `${entry} = ${value}`).sort();
  }
}

function apply(state: KeyedState, change: Change): void {
  const { value, list, map, sum } = states(state);
  state.setCurrentKey(change.key);
  switch (change.kind) {
    case 'update':
      value.update(change.value);
      return;
    case 'append':
      list.add(change.value);
      return;
    case 'reduce':
      sum.add(change.value);
      return;
    case 'put':
      map.put(change.sub, change.value);
      return;
    case 'remove':
      map.remove(change.sub);
      return;
    case 'clear':
      value.clear();
      list.clear();
      map.clear();
      sum.clear();
      return;
    default:
      change satisfies never;
  }
}

function content(state: KeyedState): Content {
  const { value, list, map, sum } = states(state);
  const lines: string[] = [];
  const keys = new Set<string>();
  const text = JSON.stringify;
  for (const [key, held] of value.entries()) lines.push(`value ${text(key)} = ${held}`);
  for (const [key, held] of sum.entries()) lines.push(`sum ${text(key)} = ${held}`);
  for (const [key, held] of list.entries()) lines.push(`list ${text(key)} = ${text(held)}`);
  for (const [key, sub, held] of map.all()) {
    lines.push(`map ${text(key)} ${text(sub)} = ${held}`);
    keys.add(text(key));
  }
  for (const key of keys) {
    state.setCurrentKey(JSON.parse(key) as StateKey);
    const all = [...map.entries()].map(([sub, held]) => `map ${key} ${text(sub)} = ${held}`);
    for (const line of all) assert.ok(lines.includes(line), 'a map shows what the state holds');
  }
  return lines.sort();
}

const anyKey: fc.Arbitrary<StateKey> = fc.oneof(
  fc.constantFrom<StateKey>(
    'a',
    'b',
    '1',
    1,
    -7,
    2.5,
    true,
    null,
    ['a', 1],
    ['a,1'],
    '\u0000["a"]',
  ),
  fc.string({ maxLength: 3 }),
);
const anyChange: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('update' as const, 'append' as const, 'reduce' as const),
    key: anyKey,
    value: fc.integer({ min: -1000, max: 100_000 }),
  }),
  fc.record({ kind: fc.constant('put' as const), key: anyKey, sub: anyKey, value: fc.nat() }),
  fc.record({ kind: fc.constant('remove' as const), key: anyKey, sub: anyKey }),
  fc.record({ kind: fc.constant('clear' as const), key: anyKey }),
);
const during = fc.array(anyChange, { maxLength: 6 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: anyChange },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('checkpoint' as const),
      isSavepoint: fc.boolean(),
      during,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('fail' as const, 'abort' as const), during }),
  },
);

const clock = { monotonicMs: () => performance.now() };

const open = async (
  kind: StateBackendKind,
  subtask = { subtaskIndex: 0, parallelism: 1 },
): Promise<KeyedStateBackend> => {
  const create = await backendFactory(kind);
  return create({
    clock,
    ...subtask,
    maxParallelism: MAX_PARALLELISM,
    // So small that entries leave the cache and segments are cut.
    cacheEntries: 8,
    segmentBytes: 200,
  });
};

/** Runs the steps; gives the handles and the content of every completed checkpoint. */
async function run(
  backend: KeyedStateBackend,
  store: MemorySnapshotStore,
  steps: readonly Step[],
): Promise<{ handles: KeyedHandles; expected: Content }[]> {
  const model = new Model();
  const both = (change: Change) => {
    model.apply(change);
    apply(backend.state, change);
  };
  const completed: { handles: KeyedHandles; expected: Content }[] = [];
  for (const [index, step] of steps.entries()) {
    if ('during' in step) {
      const expected = model.content();
      store.failure = step.kind === 'fail' ? new Error('no storage') : null;
      const isSavepoint = step.kind === 'checkpoint' && step.isSavepoint;
      const { handles: written } = backend.snapshot({ checkpointId: index, isSavepoint, store });
      for (const change of step.during) both(change);
      if (step.kind === 'abort') backend.notifyCheckpointAborted(index);
      if (step.kind === 'checkpoint') {
        completed.push({ handles: await written, expected });
        backend.notifyCheckpointComplete(index);
      } else {
        await written.catch(() => undefined);
        if (step.kind === 'fail') backend.notifyCheckpointAborted(index);
      }
      store.failure = null;
    } else {
      both(step);
    }
  }
  assert.deepEqual(content(backend.state), model.content());
  return completed;
}

async function restored(
  kind: StateBackendKind,
  store: MemorySnapshotStore,
  parts: { handles: readonly KeyedHandles[]; parallelism: number },
): Promise<{ content: Content; backends: KeyedStateBackend[] }> {
  const byName: Record<string, KeyedHandles[string][]> = {};
  for (const handles of parts.handles) {
    for (const [name, handle] of Object.entries(handles)) {
      byName[name] = [...(byName[name] ?? []), handle];
    }
  }
  const { parallelism } = parts;
  const lines: string[] = [];
  const backends: KeyedStateBackend[] = [];
  for (let subtaskIndex = 0; subtaskIndex < parallelism; subtaskIndex += 1) {
    const backend = await open(kind, { subtaskIndex, parallelism });
    await backend.restore({ keyed: byName, loader: store });
    lines.push(...content(backend.state));
    backends.push(backend);
  }
  return { content: lines.sort(), backends };
}

const closeAll = (backends: readonly KeyedStateBackend[]) =>
  Promise.all(backends.map((backend) => backend.close()));

for (const kind of STATE_BACKENDS) {
  const other = STATE_BACKENDS.find((backend) => backend !== kind) ?? kind;

  describe(`keyed state on the backend ${kind}`, () => {
    it('when checkpoints complete, fail and abort at any point, then each restores as it was', async () => {
      // Enough keys that a checkpoint's changes are the lesser part.
      const many = Array.from(
        { length: 40 },
        (_, key): Step => ({ kind: 'update', key, value: key }),
      );
      const steps = fc.array(anyStep, { maxLength: 60 }).map((after) => [...many, ...after]);
      await fc.assert(
        fc.asyncProperty(steps, async (sequence) => {
          const store = new MemorySnapshotStore();
          const backend = await open(kind);
          const completed = await run(backend, store, sequence);
          await backend.close();
          for (const { handles, expected } of completed) {
            const same = await restored(kind, store, { handles: [handles], parallelism: 1 });
            await closeAll(same.backends);
            assert.deepEqual(same.content, expected);
          }
          const last = completed.at(-1);
          if (last === undefined) return;
          // The format is one: what one backend wrote the other one restores.
          const parts = { handles: [last.handles], parallelism: 3 };
          const moved = await restored(other, store, parts);
          await closeAll(moved.backends);
          assert.deepEqual(moved.content, last.expected);
        }),
        { numRuns: kind === 'heap' ? 200 : 60 },
      );
    });

    it('when two subtasks become three and those five, then every key has its state', async () => {
      const changes = fc.array(anyChange, { minLength: 20, maxLength: 60 });
      await fc.assert(
        fc.asyncProperty(changes, async (sequence) => {
          const store = new MemorySnapshotStore();
          const first = await open(kind);
          const [checkpoint] = await run(first, store, [
            ...sequence,
            { kind: 'checkpoint', isSavepoint: false, during: [] },
          ]);
          await first.close();
          assert.ok(checkpoint !== undefined);
          let handles: readonly KeyedHandles[] = [checkpoint.handles];
          for (const parallelism of [2, 3, 5, 1]) {
            const after = await restored(kind, store, { handles, parallelism });
            assert.deepEqual(after.content, checkpoint.expected);
            handles = await Promise.all(
              after.backends.map(
                (backend) =>
                  backend.snapshot({ checkpointId: 1, isSavepoint: parallelism === 3, store })
                    .handles,
              ),
            );
            await closeAll(after.backends);
          }
        }),
        { numRuns: kind === 'heap' ? 50 : 15 },
      );
    });
  });
}
