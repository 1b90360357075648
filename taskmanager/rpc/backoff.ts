/** Tasks wait for splits meanwhile: a leader that is back must not wait for them. */
const SHORT_MS = 200;
/** A job manager that is started again, or succeeded, is there within so many attempts. */
const SHORT_ATTEMPTS = 30;
const LONG_MS = 1_000;

/**
 * How long to wait before attempt `attempt` (from 0): 200 ms at most for the first seconds, then 1 s,
 * and a random half of it, so that a cluster's task managers do not come back all at once.
 */
export function reconnectDelayMs(attempt: number, random: () => number): number {
  const ceilingMs = attempt < SHORT_ATTEMPTS ? SHORT_MS : LONG_MS;
  return ceilingMs * (0.5 + random() / 2);
}
