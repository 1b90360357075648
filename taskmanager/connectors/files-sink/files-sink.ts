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
import type { Sink } from '../../operators/sink-writer.ts';
import { FilesCommitter } from './files-committer.ts';
import { FilesSinkWriter } from './files-sink-writer.ts';

export function createFilesSink(
  options: FilesSinkOptions,
  fileSystems: FileSystemRegistry,
): Sink<PendingFile> {
  const { path, format, fields, roll } = options;
  const prefix = 'part';
  return {
    writer: new FilesSinkWriter({
      path,
      format,
      fields: fields ?? null,
      roll,
      prefix,
      timestamps: true,
    }),
    committer: new FilesCommitter(fileSystems, { path, prefix, extension: format }),
  };
}

/** Takes records whose value `deadLetterValue` made. */
export function createDeadLetterSink(
  options: DeadLettersOptions,
  fileSystems: FileSystemRegistry,
): Sink<PendingFile> {
  const { path, roll } = options;
  const prefix = 'rejected';
  return {
    writer: new FilesSinkWriter({
      path,
      format: 'jsonl',
      fields: null,
      roll,
      prefix,
      timestamps: false,
    }),
    committer: new FilesCommitter(fileSystems, { path, prefix, extension: 'jsonl' }),
  };
}
