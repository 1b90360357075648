import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A row that a sink has written, and who wrote it. */
export interface Write {
  readonly uri: string;
  readonly atMs: number;
  /** Sink, subtask, job and attempt: the part file's name without its counter. */
  readonly writer: string;
}

/** All rows below a folder, in the order in which they were written. */
export function readWrites(folder: string): Write[] {
  const writes: Write[] = [];
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.jsonl'))) {
    const writer = name.replace(/-\d+\.jsonl$/, '');
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      if (line === '') continue;
      const { uri, processedAt } = JSON.parse(line) as { uri: string; processedAt: string };
      writes.push({ uri, atMs: Date.parse(processedAt), writer });
    }
  }
  return writes.toSorted((left, right) => left.atMs - right.atMs);
}

/** From the kill to the first row of a writer that began after it. */
export function recoveryMs(writes: readonly Write[], killedAtMs: number): number {
  const begins = new Map<string, number>();
  for (const { writer, atMs } of writes) {
    if (!begins.has(writer)) begins.set(writer, atMs);
  }
  const after = [...begins.values()].filter((atMs) => atMs > killedAtMs);
  return Math.min(...after) - killedAtMs;
}

/** The longest time between two rows from just before the kill to a second after the new leader. */
export function gapAround(writes: readonly Write[], killedAtMs: number, leadsMs: number): number {
  const times = writes
    .map(({ atMs }) => atMs)
    .filter((atMs) => atMs > killedAtMs - 500 && atMs < killedAtMs + leadsMs + 1_000);
  let ms = 0;
  for (let index = 1; index < times.length; index += 1) {
    ms = Math.max(ms, (times[index] ?? 0) - (times[index - 1] ?? 0));
  }
  return times.length < 2 ? Number.POSITIVE_INFINITY : ms;
}
