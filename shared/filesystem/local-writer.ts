import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { invariant } from '../errors/invariant.ts';
import type { PendingFile, RecoverableWriter } from './filesystem.ts';
import {
  formatPendingHandle,
  PENDING_PREFIX,
  pendingSuffix,
  type TEMPORARY_PREFIX,
} from './local-pending.ts';
import { makeFolder } from './make-folder.ts';
import { fromFileError, hasErrorCode } from './storage-errors.ts';

/** The folder may be removed, being empty, right after it was made. */
const CREATE_TRIES_MAX = 5;

/**
 * Creates a hidden file beside `path`, and the folder if need be. A pending file's name tells the
 * final one, so that it can be found after its process died.
 */
export async function createBeside(
  path: string,
  prefix: typeof PENDING_PREFIX | typeof TEMPORARY_PREFIX,
): Promise<{ readonly handle: FileHandle; readonly path: string }> {
  const folder = dirname(path);
  const suffix = prefix === PENDING_PREFIX ? pendingSuffix(basename(path)) : '';
  const hidden = `${folder === '/' ? '' : folder}/${prefix}${randomUUID()}${suffix}`;
  for (let tries = 1; ; tries += 1) {
    try {
      return { handle: await open(hidden, 'wx'), path: hidden };
    } catch (error) {
      if (!hasErrorCode(error, 'ENOENT') || tries === CREATE_TRIES_MAX) throw error;
    }
    await makeFolder(folder);
  }
}

/** Makes a rename, link or new file in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot; they make renames durable themselves.
    if (!hasErrorCode(error, 'EINVAL', 'ENOTSUP', 'EPERM')) throw error;
  } finally {
    await handle.close();
  }
}

/** Writes to a hidden file in the final folder; the commit is a rename. */
export class LocalWriter implements RecoverableWriter {
  readonly uri: string;
  position = 0;
  readonly #handle: FileHandle;
  readonly #pendingPath: string;
  /** By it a repeated commit recognises the file that an earlier one moved. */
  readonly #hash = createHash('sha256');
  #open = true;

  constructor(uri: string, handle: FileHandle, pendingPath: string) {
    this.uri = uri;
    this.#handle = handle;
    this.#pendingPath = pendingPath;
  }

  async write(bytes: Uint8Array): Promise<void> {
    invariant(this.#open, 'write to a closed writer', { uri: this.uri });
    try {
      // `write` may take only a part of the bytes; `writeFile` on a handle goes on from there.
      await this.#handle.writeFile(bytes);
      this.#hash.update(bytes);
      this.position += bytes.length;
    } catch (error) {
      throw fromFileError(error, this.uri);
    }
  }

  async closeForCommit(): Promise<PendingFile> {
    invariant(this.#open, 'closeForCommit of a closed writer', { uri: this.uri });
    this.#open = false;
    try {
      await this.#handle.sync();
      await this.#handle.close();
      await syncFolder(dirname(this.#pendingPath));
    } catch (error) {
      await this.#discard();
      throw fromFileError(error, this.uri);
    }
    const name = basename(this.#pendingPath);
    const handle = formatPendingHandle({ name, sha256: this.#hash.digest('hex') });
    return { uri: this.uri, handle, size: this.position };
  }

  async abort(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#discard();
  }

  async #discard(): Promise<void> {
    await this.#handle.close().catch(() => {});
    await unlink(this.#pendingPath).catch(() => {});
  }
}
