const FIRST_MS = 200;
/** Tasks wait for splits meanwhile: a leader that is back must not wait for them longer than this. */
const LONGEST_MS = 1_000;

/**
 * How long to wait before attempt `attempt` (from 0): twice as long each time, up to 1 s, and a
 * random half of it, so that a cluster's task managers do not come back all at once.
 */
export function reconnectDelayMs(attempt: number, random: () => number): number {
  const ceilingMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return ceilingMs * (0.5 + random() / 2);
}
