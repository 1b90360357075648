import { crc32 } from 'node:zlib';
import {
  type CheckpointMetadata,
  METADATA_VERSION,
} from '../../shared/checkpoint/checkpoint-metadata.ts';
import {
  type CheckpointPaths,
  isMetadataUri,
  metadataUri,
} from '../../shared/checkpoint/checkpoint-paths.ts';
import {
  mapMetadata,
  metadataHandles,
  objectUris,
} from '../../shared/checkpoint/snapshot-handles.ts';
import {
  INLINE_STATE_BYTES_MAX,
  type StateHandle,
  storingDeadlineMs,
} from '../../shared/checkpoint/state-handle.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileSystem } from '../../shared/filesystem/filesystem.ts';
import { fileName, joinUri } from '../../shared/filesystem/uri.ts';
import type { CompletedCheckpoint } from './completed-checkpoint.ts';
import { metadataSchema } from './metadata-schema.ts';
import { withAbsoluteUris, withRelativeUris } from './relative-handles.ts';

/** Of `_metadata`: more is refused, when it is written and when it is read. */
export const METADATA_BYTES_MAX = 128 * 1024 * 1024;
/** Read and written at a time while a savepoint is copied. */
const COPY_BYTES = 8 * 1024 * 1024;

/** The part of `FileSystemRegistry` that is needed. */
export interface FileSystems {
  forUri(uri: string): FileSystem;
}

/**
 * Checkpoints as files: metadata, the job manager's own state, savepoints. Knows the layout through
 * `CheckpointPaths`, and nothing of when. Everything rejects with `SluiceError`s. Any thread.
 */
export class CheckpointStorage {
  readonly paths: CheckpointPaths;
  readonly #fileSystems: FileSystems;

  constructor(fileSystems: FileSystems, paths: CheckpointPaths) {
    this.#fileSystems = fileSystems;
    this.paths = paths;
  }

  /** Throws ARGUMENT_INVALID where nothing can be stored below this URI. */
  checkLocation(uri: string): void {
    this.#fileSystems.forUri(uri);
  }

  /** Small state becomes part of its handle, larger one an object in the folder. */
  async storeState(folder: string, name: string, bytes: Uint8Array): Promise<StateHandle> {
    if (bytes.length <= INLINE_STATE_BYTES_MAX) {
      return { kind: 'inline', base64: Buffer.from(bytes).toString('base64') };
    }
    const uri = joinUri(folder, name);
    const deadlineMs = storingDeadlineMs(bytes.length);
    await this.#fileSystems.forUri(uri).put(uri, bytes, { ifAbsent: true, deadlineMs });
    return { kind: 'object', uri, offset: 0, length: bytes.length, crc32: crc32(bytes) };
  }

  /** Rejects with STATE_CORRUPT where it is not what was stored. */
  async loadState(handle: StateHandle): Promise<Uint8Array> {
    if (handle.kind === 'inline') return new Uint8Array(Buffer.from(handle.base64, 'base64'));
    const { uri, offset, length } = handle;
    const { bytes } = await this.#fileSystems.forUri(uri).read(uri, { offset, length });
    if (bytes.length === length && crc32(bytes) === handle.crc32) return bytes;
    throw new SluiceError('STATE_CORRUPT', `State in ${uri} is not what was stored there.`, {
      domain: 'external',
      context: { uri, offset, length },
    });
  }

  /**
   * Creates `_metadata` in the folder. Rejects with PRECONDITION_FAILED where another one is there.
   *
   * COMMIT POINT: from here whoever knows the folder can restore the checkpoint. Whether the job goes
   * on from it is decided by its registration, which follows.
   */
  async writeMetadata(folder: string, metadata: CheckpointMetadata): Promise<void> {
    const uri = metadataUri(folder);
    const bytes = Buffer.from(JSON.stringify(withRelativeUris(folder, metadata)));
    if (bytes.length > METADATA_BYTES_MAX) {
      throw new SluiceError('OBJECT_TOO_LARGE', `${uri} would have ${bytes.length} bytes.`, {
        domain: 'internal',
        context: { uri, sizeMax: METADATA_BYTES_MAX },
      });
    }
    await this.#fileSystems.forUri(uri).put(uri, bytes, {
      ifAbsent: true,
      contentType: 'application/json',
      deadlineMs: storingDeadlineMs(bytes.length),
    });
  }

  /** Of a checkpoint's or savepoint's folder; rejects with CHECKPOINT_INVALID where it holds none. */
  async readMetadata(folder: string): Promise<CheckpointMetadata> {
    const uri = metadataUri(folder);
    let text: string;
    try {
      const sizeMax = METADATA_BYTES_MAX;
      const { bytes } = await this.#fileSystems.forUri(uri).read(uri, { sizeMax });
      text = Buffer.from(bytes).toString('utf8');
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      if (error.code === 'STORAGE_NOT_FOUND') throw invalid(folder, 'it has no _metadata', error);
      if (error.code === 'OBJECT_TOO_LARGE') throw invalid(folder, 'its _metadata is huge', error);
      throw error;
    }
    return parseMetadata(folder, text);
  }

  /** A checkpoint to start from. */
  async readCheckpoint(folder: string): Promise<CompletedCheckpoint> {
    const metadata = await this.readMetadata(folder);
    const { checkpointId, purpose, completedAtMs } = metadata;
    return { checkpointId, purpose, completedAtMs, uri: folder, metadata };
  }

  /**
   * Copies all objects into the folder, so that it needs nothing else: state that a savepoint shares
   * with checkpoints would go with them. The metadata that is returned names the copies.
   */
  async copyState(folder: string, metadata: CheckpointMetadata): Promise<CheckpointMetadata> {
    const copies = new Map<string, string>();
    for (const uri of objectUris(metadataHandles(metadata))) {
      // Objects of different folders may have the same name.
      const copy = joinUri(folder, `${copies.size}-${fileName(uri)}`);
      await this.#copy(uri, copy);
      copies.set(uri, copy);
    }
    return mapMetadata(metadata, (handle) =>
      handle.kind === 'object' ? { ...handle, uri: copies.get(handle.uri) ?? handle.uri } : handle,
    );
  }

  /** All files below the folder, a page at a time. */
  async *files(folder: string): AsyncGenerator<string> {
    const fileSystem = this.#fileSystems.forUri(folder);
    let startAfter: string | null = '';
    while (startAfter !== null) {
      const page = await fileSystem.list(folder, startAfter === '' ? {} : { startAfter });
      for (const { uri } of page.files) yield uri;
      startAfter = page.next;
    }
  }

  async delete(uri: string): Promise<void> {
    await this.#fileSystems.forUri(uri).delete(uri, { pruneBelow: this.paths.jobs() });
  }

  /** All checkpoints of a job that is over; its savepoints lie elsewhere. */
  async deleteCheckpoints(jobId: string): Promise<void> {
    const others: string[] = [];
    for await (const uri of this.files(this.paths.checkpoints(jobId))) {
      // First what makes them look restorable.
      if (isMetadataUri(uri)) await this.delete(uri);
      else others.push(uri);
    }
    for (const uri of others) await this.delete(uri);
  }

  async #copy(from: string, to: string): Promise<void> {
    const source = this.#fileSystems.forUri(from);
    const target = this.#fileSystems.forUri(to);
    const writer = await target.openWriter(to);
    try {
      for (let offset = 0; ; offset += COPY_BYTES) {
        const { bytes, status } = await source.read(from, { offset, length: COPY_BYTES });
        await writer.write(bytes);
        if (offset + bytes.length >= status.size) break;
      }
      await target.commit(await writer.closeForCommit());
    } catch (error) {
      await writer.abort().catch(() => {});
      throw error;
    }
  }
}

function parseMetadata(folder: string, text: string): CheckpointMetadata {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid(folder, 'its _metadata is no JSON', error);
  }
  const version = (json as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version !== METADATA_VERSION) {
    throw invalid(folder, `its format ${version} is of another version of Sluice`);
  }
  const parsed = metadataSchema.safeParse(json);
  if (parsed.success) return located(folder, parsed.data);
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw invalid(folder, `its _metadata is not one of Sluice's (${where}: ${issue?.message ?? ''})`);
}

function located(folder: string, metadata: CheckpointMetadata): CheckpointMetadata {
  try {
    return withAbsoluteUris(folder, metadata);
  } catch (error) {
    throw invalid(folder, 'its _metadata names state that lies elsewhere', error);
  }
}

function invalid(uri: string, reason: string, cause?: unknown): SluiceError {
  return new SluiceError('CHECKPOINT_INVALID', `${uri} cannot be restored: ${reason}.`, {
    domain: 'user',
    context: { uri },
    hint: 'Name the folder of a savepoint, or of a checkpoint (…/chk-<n>).',
    ...(cause === undefined ? {} : { cause }),
  });
}
