import { execFile } from 'node:child_process';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import { GPU_QUERY_ARGUMENTS, type GpuReading, parseGpuQuery } from './gpu-query.ts';

const COMMAND = 'nvidia-smi';
const INTERVAL_MS = 5_000;
const TIMEOUT_MS = 4_000;
const OUTPUT_BYTES_MAX = 256 * 1024;

export interface GpuMeterOptions {
  readonly clock: Clock;
  /** Default: `nvidia-smi` of the PATH. */
  readonly command?: string;
}

/** Asks `nvidia-smi` every five seconds; a machine that does not have it has no readings. */
export class GpuMeter {
  readonly #options: GpuMeterOptions;
  #readings: readonly GpuReading[] = [];
  #cancelTimer: CancelTimer = () => {};
  #stopped = false;

  constructor(options: GpuMeterOptions) {
    this.#options = options;
  }

  get readings(): readonly GpuReading[] {
    return this.#readings;
  }

  start(): void {
    const { command = COMMAND, clock } = this.#options;
    const options = { timeout: TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX };
    execFile(command, [...GPU_QUERY_ARGUMENTS], options, (error, stdout) => {
      // One that failed or hung says nothing of now.
      this.#readings = error === null ? parseGpuQuery(stdout) : [];
      if (this.#stopped || isMissing(error)) return;
      this.#cancelTimer = clock.setTimer(INTERVAL_MS, () => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
  }
}

function isMissing(error: { readonly code?: unknown } | null): boolean {
  return error?.code === 'ENOENT' || error?.code === 'EACCES';
}
