import { readFileSync } from 'node:fs';
import process from 'node:process';

export interface Memory {
  /** What only this process has: heaps, buffers. */
  readonly anonymousMiB: number;
  /** With the pages of mapped files. */
  readonly residentMiB: number;
}

/** By `/proc`; elsewhere all that is resident, for both. */
export function memoryOf(): Memory {
  const residentMiB = Math.round(process.memoryUsage.rss() / 2 ** 20);
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const kib = Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN);
    return { anonymousMiB: Math.round(kib / 1024), residentMiB };
  } catch {
    return { anonymousMiB: residentMiB, residentMiB };
  }
}
