/**
 * Named points at which a test ends the process as `kill -9` would: `SLUICE_KILL_POINT=<name>`, or
 * `<name>:<n>` for the n-th pass of one thread. Does nothing otherwise; read once, at the start.
 */
import process from 'node:process';
import { SluiceError } from '../errors/sluice-error.ts';

export const KILL_POINTS = [
  /** A barrier is at a sink; nothing of what it cuts off is durable yet. */
  'before-pre-commit',
  /** A sink's part of a checkpoint is durable and invisible; not acknowledged yet. */
  'after-pre-commit',
  /** Every task has acknowledged. */
  'before-metadata',
  /** The checkpoint is restorable; nobody has been told. */
  'after-metadata',
  /** A sink was told to commit. */
  'before-commit',
  /** A sink's results are visible; the rest of the job may not know. */
  'after-commit',
  /** One sink has committed, another one of the same thread has not. */
  'between-sink-commits',
] as const;

export type KillPoint = (typeof KILL_POINTS)[number];

interface ArmedPoint {
  readonly name: KillPoint;
  passesLeft: number;
}

const armed = parseKillPoint(process.env['SLUICE_KILL_POINT']);

/** Ends the process at once, without any clean-up, where the tests asked for it here. */
export function killPoint(name: KillPoint): void {
  if (armed === null || armed.name !== name) return;
  armed.passesLeft -= 1;
  if (armed.passesLeft === 0) process.kill(process.pid, 'SIGKILL');
}

/** Commits under way in this thread. */
let commitsOpen = 0;

/** Around a sink's commit: passes `between-sink-commits` where another one is still under way. */
export async function commitPassing(commit: () => Promise<void>): Promise<void> {
  commitsOpen += 1;
  try {
    await commit();
  } finally {
    commitsOpen -= 1;
  }
  if (commitsOpen > 0) killPoint('between-sink-commits');
}

/** Throws ARGUMENT_INVALID at a name that does not exist: a test must not pass because of it. */
export function parseKillPoint(text: string | undefined): ArmedPoint | null {
  if (text === undefined || text === '') return null;
  const [given = '', count = '1'] = text.split(':');
  const name = KILL_POINTS.find((candidate) => candidate === given);
  const passesLeft = Number(count);
  if (name === undefined || !Number.isInteger(passesLeft) || passesLeft < 1) {
    throw new SluiceError('ARGUMENT_INVALID', `SLUICE_KILL_POINT: there is no "${text}"`, {
      domain: 'user',
      hint: `Use <name> or <name>:<n>; the names are ${KILL_POINTS.join(', ')}.`,
    });
  }
  return { name, passesLeft };
}
