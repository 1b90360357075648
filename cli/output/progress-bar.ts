import process from 'node:process';
import type { JobDetail } from '../../shared/rest/rest-types.ts';
import { progressLine } from './progress-line.ts';

const PLAIN_INTERVAL_MS = 5000;
/** Where a terminal does not tell its width. */
const WIDTH_DEFAULT = 80;

/** What the bar draws on. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  /** Undefined, or 0, where it is not known. */
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/**
 * Progress of a job on standard error: one line that is drawn again on a terminal, a line every five
 * seconds elsewhere.
 */
export class ProgressBar {
  readonly #stream: ProgressStream;
  readonly #enabled: boolean;
  #drawn = '';
  #plainAtMs: number | null = null;

  constructor(options: { readonly enabled: boolean; readonly stream?: ProgressStream }) {
    this.#enabled = options.enabled;
    this.#stream = options.stream ?? process.stderr;
  }

  update(job: JobDetail, nowMs: number): void {
    if (!this.#enabled) return;
    if (this.#stream.isTTY === true) {
      // The last column stays free: a full line would wrap on some terminals.
      const line = progressLine(job, (this.#stream.columns || WIDTH_DEFAULT) - 1);
      if (line !== this.#drawn) this.#stream.write(`\r\u001b[2K${line}`);
      this.#drawn = line;
      return;
    }
    if (this.#plainAtMs !== null && nowMs - this.#plainAtMs < PLAIN_INTERVAL_MS) return;
    // A job that takes no longer than that needs no line.
    if (this.#plainAtMs !== null) this.#stream.write(`${progressLine(job, null)}\n`);
    this.#plainAtMs = nowMs;
  }

  /** Leaves the cursor on a fresh line, the bar wiped. */
  clear(): void {
    if (this.#drawn !== '') this.#stream.write('\r\u001b[2K');
    this.#drawn = '';
  }
}
