/**
 * Keyed state larger than memory would like, in one process:
 *
 *   npm run bench:state -- --keys 5000000
 *
 *   counting   records a second through `transform: count`, 1000 keys, heap and LMDB
 *   filling    every key once, in random order, LMDB
 *   base       the first checkpoint: the task's pause, the slices of its writing, bytes
 *   changes    1 % of the keys counted again, then a checkpoint: pause, bytes
 *
 * Memory is the process's own (anonymous) and all of it that is resident: the difference is pages of
 * the working file, which the system takes back when it needs them. What the snapshot writes is
 * counted and dropped.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { crc32 } from 'node:zlib';
import type { StateHandle } from '../shared/checkpoint/state-handle.ts';
import { systemClock } from '../shared/time/system-clock.ts';
import type { KeyedStateBackend } from '../taskmanager/state/keyed-state-backend.ts';
import type { SnapshotStore } from '../taskmanager/task/snapshot-store.ts';
import { countOn, openBackend, recordsOf } from './state/counting.ts';
import { memoryOf } from './state/memory.ts';
import { machineText } from './support/statistics.ts';

const PAUSE_MS_MAX = 20;
const CHANGES_PERCENT_MAX = 5;
/** Of the process, its code and the heap that V8 likes to have included. */
const ANONYMOUS_MIB_MAX = 512;

const { values: flags } = parseArgs({
  options: {
    keys: { type: 'string', default: '5000000' },
    records: { type: 'string', default: '5000000' },
  },
});

class CountingStore implements SnapshotStore {
  bytes = 0;
  pieces = 0;

  async store(bytes: Uint8Array): Promise<StateHandle> {
    this.bytes += bytes.byteLength;
    this.pieces += 1;
    const uri = `null://${this.pieces}`;
    return { kind: 'object', uri, offset: 0, length: bytes.byteLength, crc32: crc32(bytes) };
  }

  async load(): Promise<Uint8Array> {
    throw new Error('what is dropped is not loaded');
  }
}

interface Checkpoint {
  readonly pauseMs: number;
  /** For how long the event loop stood still while it was written. */
  readonly slicesMs: readonly number[];
  readonly totalMs: number;
  readonly bytes: number;
}

async function checkpoint(backend: KeyedStateBackend, checkpointId: number): Promise<Checkpoint> {
  const store = new CountingStore();
  const startedAtMs = performance.now();
  const taken = backend.snapshot({ checkpointId, isSavepoint: false, store });
  const pauseMs = performance.now() - startedAtMs;
  const slicesMs: number[] = [];
  let isDone = false;
  let lastAtMs = performance.now();
  const watch = (): void => {
    const nowMs = performance.now();
    slicesMs.push(nowMs - lastAtMs);
    lastAtMs = nowMs;
    if (!isDone) setImmediate(watch);
  };
  setImmediate(watch);
  await taken.handles;
  isDone = true;
  const totalMs = performance.now() - startedAtMs;
  backend.notifyCheckpointComplete(checkpointId);
  return { pauseMs, slicesMs, totalMs, bytes: store.bytes };
}

async function counting(kind: 'heap' | 'lmdb', records: number): Promise<void> {
  const backend = await openBackend(kind, systemClock);
  const input = recordsOf(1000, 1000);
  countOn(backend, input, 200_000);
  const startedAtMs = performance.now();
  countOn(backend, input, records);
  const rate = records / (performance.now() - startedAtMs) / 1000;
  print(`counting  ${kind}, 1000 keys: ${rate.toFixed(2)} M records/s`);
  await backend.close();
}

async function large(keys: number): Promise<boolean> {
  const backend = await openBackend('lmdb', systemClock);
  const startedAtMs = performance.now();
  let anonymousMax = 0;
  const steps = 100;
  for (let step = 0; step < steps; step += 1) {
    const [from, to] = [(step * keys) / steps, ((step + 1) * keys) / steps].map(Math.floor);
    countOn(backend, recordsOf(keys, (to ?? 0) - (from ?? 0), from), (to ?? 0) - (from ?? 0));
    anonymousMax = Math.max(anonymousMax, memoryOf().anonymousMiB);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  const rate = keys / (performance.now() - startedAtMs);
  print(`filling   ${keys} keys in random order: ${rate.toFixed(0)} k records/s`);
  const base = await checkpoint(backend, 1);
  report('base', base);
  const changed = Math.floor(keys / 100);
  countOn(backend, recordsOf(keys, changed), changed);
  const changes = await checkpoint(backend, 2);
  report('changes', changes);
  const { anonymousMiB, residentMiB } = memoryOf();
  anonymousMax = Math.max(anonymousMax, anonymousMiB);
  print(`memory    own ${anonymousMax} MiB at most, resident ${residentMiB} MiB with file pages`);
  await backend.close();
  const percent = (100 * changes.bytes) / base.bytes;
  const pauseMs = Math.max(base.pauseMs, changes.pauseMs);
  return [
    check('own memory', anonymousMax, { max: ANONYMOUS_MIB_MAX, unit: 'MiB' }),
    check('pause of the task', pauseMs, { max: PAUSE_MS_MAX, unit: 'ms' }),
    check('bytes of a 1 % change', percent, { max: CHANGES_PERCENT_MAX, unit: '% of all' }),
  ].every((isKept) => isKept);
}

function report(name: string, { pauseMs, slicesMs, totalMs, bytes }: Checkpoint): void {
  const sorted = slicesMs.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1);
  print(
    `${name.padEnd(10)}pause ${pauseMs.toFixed(1)} ms, slices ${at(0.5)} ms (99 %: ${at(0.99)}, longest ${at(1)}), ` +
      `written in ${totalMs.toFixed(0)} ms, ${(bytes / 1e6).toFixed(2)} MB`,
  );
}

function check(name: string, value: number, bound: { max: number; unit: string }): boolean {
  const isKept = value <= bound.max;
  const verdict = isKept ? 'kept' : 'BROKEN';
  print(`${verdict.padEnd(7)}${name}: ${value.toFixed(1)}, at most ${bound.max} ${bound.unit}`);
  return isKept;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

print(`machine: ${machineText()}`);
await counting('heap', Number(flags.records));
await counting('lmdb', Number(flags.records));
process.exitCode = (await large(Number(flags.keys))) ? 0 : 1;
