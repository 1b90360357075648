import { availableParallelism, cpus, totalmem } from 'node:os';
import process from 'node:process';

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** `median (min–max)`. */
export function spread(values: readonly number[], digits: number): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const text = median(values).toFixed(digits);
  return `${text} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

export function machineText(): string {
  const [cpu] = cpus();
  const memoryGiB = (totalmem() / 1024 ** 3).toFixed(0);
  const name = cpu?.model ?? 'unknown processor';
  return `${availableParallelism()} cores of ${name}, ${memoryGiB} GiB, Node ${process.versions.node}`;
}
