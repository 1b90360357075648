import type { Clock } from '../time/clock.ts';
import { TokenBucket } from '../time/token-bucket.ts';

/** What strangers cause: refused and broken connections, wrong tokens. */
export type EventLog = (
  level: 'info' | 'warn',
  message: string,
  context: Readonly<Record<string, string | number>>,
) => void;

const LINES_PER_SECOND = 1;
const BURST_LINES = 20;

/**
 * A log that strangers cannot flood: whoever connects and sends garbage costs a line. Beyond the
 * rate, lines are counted, and the next one that is written tells how many there were.
 */
export function limitedLog(log: EventLog, clock: Clock): EventLog {
  const bucket = new TokenBucket({ clock, ratePerSecond: LINES_PER_SECOND, burst: BURST_LINES });
  let left = 0;
  return (level, message, context) => {
    if (bucket.take(1) === 0) {
      left += 1;
      return;
    }
    log(level, message, left === 0 ? context : { ...context, linesLeftOut: left });
    left = 0;
  };
}
