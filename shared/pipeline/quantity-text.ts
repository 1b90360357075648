/** Durations and sizes as a file says them: the inverse of `durationSchema` and `sizeSchema`. Pure. */
export function durationText(durationMs: number): string {
  const isWhole = (unitMs: number): boolean => durationMs > 0 && durationMs % unitMs === 0;
  if (isWhole(3_600_000)) return `${durationMs / 3_600_000}h`;
  if (isWhole(60_000)) return `${durationMs / 60_000}m`;
  if (isWhole(1000)) return `${durationMs / 1000}s`;
  return `${durationMs}ms`;
}

export function sizeText(bytes: number): string {
  const isWhole = (unit: number): boolean => bytes > 0 && bytes % unit === 0;
  if (isWhole(1024 ** 3)) return `${bytes / 1024 ** 3}GiB`;
  return isWhole(1024 ** 2) ? `${bytes / 1024 ** 2}MiB` : `${bytes}B`;
}
