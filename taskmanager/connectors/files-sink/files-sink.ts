/**
 * `sink: files` and the dead letters: rows in part files that become visible when they are finished
 * and committed.
 */
import type { PendingFile } from '../../../shared/filesystem/filesystem.ts';
import type { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import type {
  DeadLettersOptions,
  FilesSinkOptions,
} from '../../../shared/pipeline/kinds/sink-files.ts';
import type { Committer, Sink } from '../../operators/sink-writer.ts';
import { FilesSinkWriter } from './files-sink-writer.ts';

/** Makes pending part files visible, or discards them; idempotent as the file systems are. */
export class FilesCommitter implements Committer<PendingFile> {
  readonly #fileSystems: FileSystemRegistry;

  constructor(fileSystems: FileSystemRegistry) {
    this.#fileSystems = fileSystems;
  }

  async commit(committables: readonly PendingFile[]): Promise<void> {
    for (const pending of committables) {
      await this.#fileSystems.forUri(pending.uri).commit(pending);
    }
  }

  async abort(committables: readonly PendingFile[]): Promise<void> {
    for (const pending of committables) {
      await this.#fileSystems.forUri(pending.uri).abort(pending);
    }
  }
}

export function createFilesSink(
  options: FilesSinkOptions,
  fileSystems: FileSystemRegistry,
): Sink<PendingFile> {
  const { path, format, fields, roll } = options;
  return {
    writer: new FilesSinkWriter({
      path,
      format,
      fields: fields ?? null,
      roll,
      prefix: 'part',
      timestamps: true,
    }),
    committer: new FilesCommitter(fileSystems),
  };
}

/** Takes records whose value `deadLetterValue` made. */
export function createDeadLetterSink(
  options: DeadLettersOptions,
  fileSystems: FileSystemRegistry,
): Sink<PendingFile> {
  const { path, roll } = options;
  return {
    writer: new FilesSinkWriter({
      path,
      format: 'jsonl',
      fields: null,
      roll,
      prefix: 'rejected',
      timestamps: false,
    }),
    committer: new FilesCommitter(fileSystems),
  };
}
