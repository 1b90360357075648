/** Types that many keys have. */

const DAY_MS = 24 * 3_600_000;

/** More than nothing, and at most a day. */
export const DURATION = { kind: 'duration', minMs: 1, maxMs: DAY_MS } as const;
/** Nothing, or at most a day. */
export const DURATION_OR_NONE = { kind: 'duration', minMs: 0, maxMs: DAY_MS } as const;

export const SLOTS = { kind: 'integer', unit: 'slots', min: 1, max: 1024 } as const;
export const THREADS = { kind: 'integer', unit: 'threads', min: 1, max: 1024 } as const;
