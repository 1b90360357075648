import { median, spread } from '../support/statistics.ts';

/** One run of one contestant. */
export interface ImagesRun {
  readonly name: string;
  readonly imagesPerSecond: number;
  readonly cpuSecondsPerImage: number;
  readonly memoryPeakBytes: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
}

/** A line per contestant; the first one of each round is what the ratios compare with. */
export function reportRounds(rounds: readonly (readonly ImagesRun[])[]): string {
  const names = rounds[0]?.map((run) => run.name) ?? [];
  return names
    .map((name, contestant) => {
      const runs = rounds.flatMap((round) => round[contestant] ?? []);
      const ratios = rounds.map(
        (round) =>
          (round[contestant]?.imagesPerSecond ?? 0) / (round[0]?.imagesPerSecond ?? Number.NaN),
      );
      const pick = (key: Exclude<keyof ImagesRun, 'name'>): number[] => runs.map((run) => run[key]);
      return (
        `  ${name.padEnd(26)} ${spread(pick('imagesPerSecond'), 1)} images/s` +
        `  ratio ${spread(ratios, 3)}` +
        `  CPU ${(median(pick('cpuSecondsPerImage')) * 1000).toFixed(1)} ms/image` +
        `  memory ${(median(pick('memoryPeakBytes')) / 1e6).toFixed(0)} MB` +
        `  p50 ${median(pick('latencyP50Ms')).toFixed(0)} ms` +
        `  p99 ${median(pick('latencyP99Ms')).toFixed(0)} ms`
      );
    })
    .join('\n');
}
