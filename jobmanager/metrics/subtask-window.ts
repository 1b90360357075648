import type { SubtaskMetrics } from '../../shared/observability/subtask-metrics.ts';

/** Rates are over about this long: three heartbeats. */
const WINDOW_MS = 3_000;

interface Sample {
  readonly atMs: number;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly recordsRead: number;
  readonly busyMs: number;
  readonly idleMs: number;
  readonly backPressuredMs: number;
}

/** What a subtask did over the last seconds. The shares add up to 1. */
export interface SubtaskRates {
  readonly recordsPerSecond: number;
  /** Emitted by the sources in it. */
  readonly readPerSecond: number;
  readonly busy: number;
  readonly idle: number;
  readonly backPressured: number;
}

const NOTHING: SubtaskRates = {
  recordsPerSecond: 0,
  readPerSecond: 0,
  busy: 0,
  idle: 1,
  backPressured: 0,
};

/** The last reports of one attempt: running totals in, rates out. */
export class SubtaskWindow {
  readonly #start: Sample;
  readonly #samples: Sample[];

  constructor(startedAtMs: number) {
    const zero = { recordsIn: 0, recordsOut: 0, recordsRead: 0 };
    this.#start = { atMs: startedAtMs, ...zero, busyMs: 0, idleMs: 0, backPressuredMs: 0 };
    this.#samples = [this.#start];
  }

  add(metrics: SubtaskMetrics, recordsRead: number, atMs: number): void {
    const { recordsIn, recordsOut, busyMs, idleMs, backPressuredMs } = metrics;
    const last = this.#samples.at(-1);
    if (last !== undefined && atMs <= last.atMs) this.#samples.pop();
    this.#samples.push({
      atMs,
      recordsIn,
      recordsOut,
      recordsRead,
      busyMs,
      idleMs,
      backPressuredMs,
    });
    // The oldest sample that is kept lies at or just before the window's edge.
    while ((this.#samples[1]?.atMs ?? Number.POSITIVE_INFINITY) <= atMs - WINDOW_MS) {
      this.#samples.shift();
    }
  }

  rates(): SubtaskRates {
    return ratesBetween(this.#samples[0] ?? this.#start, this.#samples.at(-1) ?? this.#start);
  }

  /** Over the attempt's whole life: what is shown once it has ended. */
  lifetimeRates(): SubtaskRates {
    return ratesBetween(this.#start, this.#samples.at(-1) ?? this.#start);
  }
}

function ratesBetween(first: Sample, last: Sample): SubtaskRates {
  if (last.atMs <= first.atMs) return NOTHING;
  const seconds = (last.atMs - first.atMs) / 1000;
  const records = Math.max(last.recordsIn - first.recordsIn, last.recordsOut - first.recordsOut);
  const busyMs = last.busyMs - first.busyMs;
  const idleMs = last.idleMs - first.idleMs;
  const backPressuredMs = last.backPressuredMs - first.backPressuredMs;
  const totalMs = busyMs + idleMs + backPressuredMs;
  const shares =
    totalMs > 0
      ? {
          busy: busyMs / totalMs,
          idle: idleMs / totalMs,
          backPressured: backPressuredMs / totalMs,
        }
      : { busy: 0, idle: 1, backPressured: 0 };
  return {
    recordsPerSecond: records / seconds,
    readPerSecond: (last.recordsRead - first.recordsRead) / seconds,
    ...shares,
  };
}
