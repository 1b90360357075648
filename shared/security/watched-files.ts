import { stat } from 'node:fs/promises';
import type { CancelTimer, Clock } from '../time/clock.ts';

/** How often files are looked at: a rotation need not be quicker. */
export const WATCH_INTERVAL_MS = 2_000;

export interface WatchedFilesOptions {
  readonly paths: readonly string[];
  readonly clock: Clock;
  /** Reads them anew. One call at a time; what it throws is its own affair, so it must not. */
  readonly onChange: () => Promise<void>;
  readonly intervalMs?: number;
}

/**
 * Looks at files every two seconds and tells when one is another than before. Notifications of the
 * kernel would miss what matters most: a mounted secret is replaced by moving a link.
 */
export class WatchedFiles {
  readonly #options: WatchedFilesOptions;
  #seen: string | null = null;
  #cancelTimer: CancelTimer = () => {};
  #isClosed = false;

  constructor(options: WatchedFilesOptions) {
    this.#options = options;
  }

  /** To be called before the files are read for the first time, so that no change is missed. */
  async start(): Promise<void> {
    this.#seen = await this.#signature();
    this.#schedule();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
  }

  #schedule(): void {
    const { clock, intervalMs = WATCH_INTERVAL_MS } = this.#options;
    if (this.#isClosed) return;
    this.#cancelTimer = clock.setTimer(intervalMs, () => {
      void this.#look().finally(() => this.#schedule());
    });
  }

  async #look(): Promise<void> {
    const signature = await this.#signature();
    if (this.#isClosed || signature === this.#seen) return;
    this.#seen = signature;
    await this.#options.onChange();
  }

  async #signature(): Promise<string> {
    const parts = this.#options.paths.map(async (path) => {
      const { mtimeMs, size, ino } = await stat(path).catch(() => MISSING);
      return `${mtimeMs}:${size}:${ino}`;
    });
    return (await Promise.all(parts)).join(' ');
  }
}

const MISSING = { mtimeMs: 0, size: -1, ino: 0 };
