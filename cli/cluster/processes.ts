import { spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { type Clock, sleep } from '../../shared/time/clock.ts';

/** The extension of this very file: `.ts` in the sources, `.js` when compiled. */
const EXTENSION = import.meta.url.slice(-3);
const MAIN = fileURLToPath(new URL(`../main${EXTENSION}`, import.meta.url));
const STOP_TIMEOUT_MS = 20_000;
const POLL_MS = 50;

/** Starts a `sluice` process that outlives this one; its output goes to `logFile`. */
export function spawnDetached(args: readonly string[], logFile: string): number {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, [MAIN, ...args], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  child.unref();
  if (child.pid === undefined) {
    throw new SluiceError('INTERNAL', `could not start sluice ${args[0]}`, { domain: 'external' });
  }
  return child.pid;
}

/** Whether the process runs and is one of ours: process ids are used again by the system. */
export async function isAlive(processId: number): Promise<boolean> {
  try {
    process.kill(processId, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  try {
    const [commandLine, status] = await Promise.all([
      readFile(`/proc/${processId}/cmdline`, 'utf8'),
      readFile(`/proc/${processId}/stat`, 'utf8'),
    ]);
    const isZombie = status.slice(status.lastIndexOf(')') + 2).startsWith('Z');
    return !isZombie && commandLine.includes(MAIN);
  } catch {
    return false;
  }
}

/** SIGTERM, and SIGKILL for those that do not end in time; gives the number of the latter. */
export async function endProcesses(processIds: readonly number[], clock: Clock): Promise<number> {
  const alive: number[] = [];
  for (const processId of processIds) {
    if (!(await isAlive(processId))) continue;
    process.kill(processId, 'SIGTERM');
    alive.push(processId);
  }
  const deadlineMs = clock.monotonicMs() + STOP_TIMEOUT_MS;
  let remaining = alive;
  while (remaining.length > 0 && clock.monotonicMs() < deadlineMs) {
    await sleep(clock, POLL_MS);
    const flags = await Promise.all(remaining.map(isAlive));
    remaining = remaining.filter((_, index) => flags[index]);
  }
  for (const processId of remaining) process.kill(processId, 'SIGKILL');
  return remaining.length;
}

/** The last lines of a log, for the message when a process did not come up. */
export async function logTail(logFile: string, lines = 5): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
