/**
 * Key groups, the atoms in which keyed state is handed out: a key belongs to one group for ever, and
 * a subtask owns a range of groups (Flink's KeyGroupRangeAssignment, same formulas). Pure.
 */
import { invariant } from '../errors/invariant.ts';

/** The bound of Flink: ranges are kept as 16-bit numbers. */
export const MAX_PARALLELISM_LIMIT = 32_768;

/** Both ends included; empty ranges do not occur, as parallelism ≤ maxParallelism. */
export interface KeyGroupRange {
  readonly first: number;
  readonly last: number;
}

/** The key group of a key with this hash. */
export function keyGroupOf(hash: number, maxParallelism: number): number {
  return (hash >>> 0) % maxParallelism;
}

/** The subtask that owns a key group. */
export function subtaskOfKeyGroup(
  keyGroup: number,
  sizes: { readonly parallelism: number; readonly maxParallelism: number },
): number {
  return Math.floor((keyGroup * sizes.parallelism) / sizes.maxParallelism);
}

/** The key groups that a subtask owns. */
export function keyGroupRangeOf(
  subtask: number,
  sizes: { readonly parallelism: number; readonly maxParallelism: number },
): KeyGroupRange {
  const { parallelism, maxParallelism } = sizes;
  checkSizes(parallelism, maxParallelism);
  const first = Math.floor((subtask * maxParallelism + parallelism - 1) / parallelism);
  const last = Math.floor(((subtask + 1) * maxParallelism - 1) / parallelism);
  return { first, last };
}

/** The owner of every key group: a table for the per-record path. */
export function subtaskTable(sizes: {
  readonly parallelism: number;
  readonly maxParallelism: number;
}): Uint16Array {
  checkSizes(sizes.parallelism, sizes.maxParallelism);
  return Uint16Array.from({ length: sizes.maxParallelism }, (_, keyGroup) =>
    subtaskOfKeyGroup(keyGroup, sizes),
  );
}

function checkSizes(parallelism: number, maxParallelism: number): void {
  invariant(
    parallelism >= 1 && parallelism <= maxParallelism && maxParallelism <= MAX_PARALLELISM_LIMIT,
    'parallelism lies between 1 and maxParallelism, which is at most 32768',
    { parallelism, maxParallelism },
  );
}
