/**
 * A log in a file that never grows beyond a bound: a full one becomes `FILE.1`, what was `FILE.1`
 * becomes `FILE.2`, and the oldest goes. For one process; its main thread writes, synchronously, so
 * that the last lines before an end are there.
 */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { SluiceError } from '../errors/sluice-error.ts';

export const LOG_FILE_BYTES_MAX = 32 * 1024 ** 2;
/** Beside the one that is written. */
export const LOG_FILES_KEPT = 4;

export interface LogFileOptions {
  readonly path: string;
  /** Default: `LOG_FILE_BYTES_MAX`. */
  readonly bytesMax?: number;
}

export class LogFile {
  readonly #path: string;
  readonly #bytesMax: number;
  /** Null while the file cannot be opened again. */
  #descriptor: number | null;
  #size = 0;

  /** Opens it, to append. Throws FILE_NOT_FOUND where that cannot be. */
  constructor(options: LogFileOptions) {
    this.#path = options.path;
    this.#bytesMax = options.bytesMax ?? LOG_FILE_BYTES_MAX;
    try {
      mkdirSync(dirname(this.#path), { recursive: true });
      this.#descriptor = this.#open();
    } catch (error) {
      const message = `cannot write the log ${this.#path}: ${(error as Error).message}`;
      throw new SluiceError('FILE_NOT_FOUND', message, {
        domain: 'user',
        context: { file: this.#path },
        hint: 'name a file in a folder that this user may write into (log.file, --log-file)',
      });
    }
  }

  /** A log that cannot be written (a full disk, say) is no reason to end the work: lines are lost. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    try {
      if (this.#size > 0 && this.#size + bytes.length > this.#bytesMax) this.#rotate();
      this.#descriptor ??= this.#open();
      this.#size += writeSync(this.#descriptor, bytes);
    } catch {}
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  #open(): number {
    const descriptor = openSync(this.#path, 'a', 0o640);
    this.#size = fstatSync(descriptor).size;
    return descriptor;
  }

  #rotate(): void {
    this.close();
    for (let number = LOG_FILES_KEPT - 1; number >= 0; number--) {
      const from = number === 0 ? this.#path : `${this.#path}.${number}`;
      try {
        renameSync(from, `${this.#path}.${number + 1}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }
}
