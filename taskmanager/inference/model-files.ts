/**
 * Models as files on this machine. ONNX Runtime loads from a path, so what lies elsewhere is copied
 * into a folder once, under the name of its content: a second job, or a restart, finds it there.
 * Main thread.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError, toSluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { parseUri } from '../../shared/filesystem/uri.ts';
import type { ModelSpec } from '../../shared/model/model-spec.ts';

/** Protobuf allows no larger file; larger models keep their weights outside. */
const MODEL_BYTES_MAX = 2 * 1024 ** 3;

export class ModelFiles {
  readonly #directory: string;
  readonly #fileSystems: FileSystemRegistry;
  /** Downloads in progress, by SHA-256. */
  readonly #fetching = new Map<string, Promise<string>>();

  constructor(directory: string, fileSystems: FileSystemRegistry) {
    this.#directory = directory;
    this.#fileSystems = fileSystems;
  }

  /** The path of the model's file, its content verified. Rejects with MODEL_NOT_FOUND, MODEL_CHECKSUM. */
  async localPath(model: ModelSpec): Promise<string> {
    const uri = parseUri(model.uri);
    if (uri.scheme === 'file') {
      const found = await fileSha256(uri.path);
      if (found === null) throw notFound(model);
      if (found !== model.sha256) throw changed(model, found);
      return uri.path;
    }
    const present = this.#fetching.get(model.sha256);
    if (present !== undefined) return present;
    const fetching = this.#fetch(model).finally(() => this.#fetching.delete(model.sha256));
    this.#fetching.set(model.sha256, fetching);
    return fetching;
  }

  async #fetch(model: ModelSpec): Promise<string> {
    const path = join(this.#directory, `${model.sha256}.onnx`);
    // Verified again: a full disk or a crash may have left anything.
    if ((await fileSha256(path)) === model.sha256) return path;
    const bytes = await this.#read(model);
    const found = createHash('sha256').update(bytes).digest('hex');
    if (found !== model.sha256) throw changed(model, found);
    const pending = `${path}.${randomUUID()}.tmp`;
    try {
      await mkdir(this.#directory, { recursive: true });
      await writeFile(pending, bytes);
      await rename(pending, path);
    } catch (error) {
      await rm(pending, { force: true });
      throw toSluiceError(error, 'STORAGE_UNAVAILABLE', {
        domain: 'external',
        context: { uri: model.uri },
        hint: `The folder for models on this machine is ${this.#directory}.`,
      });
    }
    return path;
  }

  async #read(model: ModelSpec): Promise<Uint8Array> {
    try {
      const fileSystem = this.#fileSystems.forUri(model.uri);
      return (await fileSystem.read(model.uri, { sizeMax: MODEL_BYTES_MAX })).bytes;
    } catch (error) {
      const missing = error instanceof SluiceError && error.code === 'STORAGE_NOT_FOUND';
      throw missing ? notFound(model, error) : error;
    }
  }
}

/** Null where there is no such file. */
async function fileSha256(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 ** 2 })) {
      hash.update(chunk as Uint8Array);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return null;
    throw toSluiceError(error, 'STORAGE_UNAVAILABLE', { domain: 'external', context: { path } });
  }
  return hash.digest('hex');
}

function notFound(model: ModelSpec, cause?: unknown): SluiceError {
  return new SluiceError('MODEL_NOT_FOUND', `This task manager finds no model at ${model.uri}.`, {
    domain: 'user',
    context: { uri: model.uri },
    hint: 'Put it where all task managers can read it, for instance in a bucket.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function changed(model: ModelSpec, found: string): SluiceError {
  return new SluiceError(
    'MODEL_CHECKSUM',
    `${model.uri} is not the file that the job was submitted with: its SHA-256 is ${found}, not ${model.sha256}.`,
    {
      domain: 'user',
      context: { uri: model.uri },
      hint: 'Submit the job again to use the new file.',
    },
  );
}
