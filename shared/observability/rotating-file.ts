import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { SluiceError } from '../errors/sluice-error.ts';

export interface RotatingFileOptions {
  /** A file of this size is put aside. */
  readonly bytesMax?: number;
  /** Those that are put aside: `log.1`, the youngest, to `log.<n>`. */
  readonly oldFiles?: number;
}

const BYTES_MAX = 16 * 1024 ** 2;
const OLD_FILES = 4;

/**
 * A file that is appended to and put aside when it is full. Synchronous, as a log has to be that tells of
 * the process's end. What cannot be written later on is lost: that is no reason to end the work.
 */
export class RotatingFile {
  readonly #path: string;
  readonly #bytesMax: number;
  readonly #oldFiles: number;
  #file: number;
  #bytes: number;

  /** Throws ARGUMENT_INVALID where it cannot be opened. */
  constructor(path: string, options: RotatingFileOptions = {}) {
    this.#path = path;
    this.#bytesMax = options.bytesMax ?? BYTES_MAX;
    this.#oldFiles = options.oldFiles ?? OLD_FILES;
    try {
      mkdirSync(dirname(path), { recursive: true });
      this.#file = openSync(path, 'a', 0o640);
      this.#bytes = fstatSync(this.#file).size;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new SluiceError('ARGUMENT_INVALID', `the log file cannot be written: ${reason}`, {
        domain: 'user',
        context: { file: path },
        hint: 'name a file in a folder that this process may write with --log-file (log.file)',
        cause: error,
      });
    }
  }

  write(text: string): void {
    try {
      if (this.#bytes >= this.#bytesMax) this.#rotate();
      this.#bytes += writeSync(this.#file, text);
    } catch {
      // A full disk: the other places that the log goes to still have it.
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #rotate(): void {
    // Not tried again with every line where it fails.
    this.#bytes = 0;
    for (let number = this.#oldFiles - 1; number >= 1; number -= 1) {
      tryRename(`${this.#path}.${number}`, `${this.#path}.${number + 1}`);
    }
    renameSync(this.#path, `${this.#path}.1`);
    const old = this.#file;
    this.#file = openSync(this.#path, 'a', 0o640);
    closeSync(old);
  }
}

function tryRename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    // It is not there yet.
  }
}
