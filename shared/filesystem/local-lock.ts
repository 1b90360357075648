import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import process from 'node:process';
import { type Clock, sleep } from '../time/clock.ts';
import { hasErrorCode } from './storage-errors.ts';

/** A holder works for milliseconds; one that held this long has died. */
const STALE_AFTER_MS = 10_000;
const RETRY_DELAY_MS = 5;

/**
 * Runs `work` while no other process (on this file system) runs its own for the same `lockPath`.
 * The lock is a file that only one can create; one left behind by a process that died is taken over, at
 * once where it died on this machine, else after ten seconds. Used for compare-and-swap only, whose holders keep it for a stat and a rename.
 */
export async function withLocalLock<T>(
  lockPath: string,
  clock: Clock,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    const handle = await open(lockPath, 'wx').catch((error: unknown) => {
      if (hasErrorCode(error, 'EEXIST')) return null;
      throw error;
    });
    if (handle !== null) {
      try {
        await handle.writeFile(owner());
        await handle.close();
        return await work();
      } finally {
        await unlink(lockPath).catch(() => {});
      }
    }
    if (!(await removeStaleLock(lockPath, clock))) await sleep(clock, RETRY_DELAY_MS);
  }
}

/** Whether it is worth trying again at once. */
async function removeStaleLock(lockPath: string, clock: Clock): Promise<boolean> {
  const found = await stat(lockPath).catch(() => null);
  if (found === null) return true;
  const isOld = clock.nowMs() - found.mtimeMs >= STALE_AFTER_MS;
  if (!isOld && !(await isOwnerDead(lockPath))) return false;
  // Only one of several contenders can move it away. What it moved may be a lock that was taken
  // since it looked: then it is put back.
  const aside = `${lockPath}-${randomUUID()}`;
  try {
    await rename(lockPath, aside);
  } catch {
    return true;
  }
  const moved = await stat(aside);
  if (moved.ino !== found.ino || moved.mtimeMs !== found.mtimeMs) {
    await link(aside, lockPath).catch(() => {});
  }
  await unlink(aside);
  return true;
}

function owner(): string {
  return `${process.pid}@${hostname()}`;
}

/** Only where it is certain: the lock names a process of this machine, and there is none. */
async function isOwnerDead(lockPath: string): Promise<boolean> {
  const text = await readFile(lockPath, 'utf8').catch(() => '');
  const [, processId = '', host = ''] = /^(\d+)@(.+)$/u.exec(text) ?? [];
  if (processId === '' || host !== hostname()) return false;
  try {
    process.kill(Number(processId), 0);
    return false;
  } catch (error) {
    return hasErrorCode(error, 'ESRCH');
  }
}
