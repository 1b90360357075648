import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type {
  AbortableFile,
  FileSystem,
  PendingFile,
} from '../../../shared/filesystem/filesystem.ts';
import type { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import type { OperatorContext } from '../../operators/operator-context.ts';
import type { Committer } from '../../operators/sink-writer.ts';
import { partFileWriter } from './part-file-name.ts';

/** Which part files of the folder are the sink's. */
export interface PartFiles {
  /** URI of the folder. */
  readonly path: string;
  readonly prefix: string;
  readonly extension: string;
}

/** Files that are committed at a time: a checkpoint usually has one. */
const CONCURRENCY = 8;

/** Makes pending part files visible, or discards them; idempotent as the file systems are. */
export class FilesCommitter implements Committer<PendingFile> {
  readonly #fileSystems: FileSystemRegistry;
  readonly #files: PartFiles;

  constructor(fileSystems: FileSystemRegistry, files: PartFiles) {
    this.#fileSystems = fileSystems;
    this.#files = files;
  }

  commit(committables: readonly PendingFile[]): Promise<void> {
    return inParallel(committables, (pending) =>
      this.#fileSystems.forUri(pending.uri).commit(pending),
    );
  }

  abort(committables: readonly PendingFile[]): Promise<void> {
    return inParallel(committables, (pending) =>
      this.#fileSystems.forUri(pending.uri).abort(pending),
    );
  }

  /**
   * Aborts what earlier attempts of this subtask left pending, and, by subtask 0, what subtasks did
   * that there are no more. Names say whose a file is; another job's are never touched.
   */
  async recover(context: OperatorContext, restored: readonly PendingFile[]): Promise<void> {
    const fileSystem = this.#fileSystems.forUri(this.#files.path);
    let after: string | null = null;
    do {
      const page = await pendingPage(fileSystem, this.#files.path, restored, after);
      if (page === null) return;
      await inParallel(
        page.files.filter((file) => this.#isOrphan(file, context)),
        (file) => fileSystem.abort(file),
      );
      after = page.next;
    } while (after !== null);
  }

  #isOrphan({ uri }: AbortableFile, context: OperatorContext): boolean {
    const { operatorId, jobId, subtaskIndex, attempt, parallelism } = context;
    const { prefix, extension } = this.#files;
    const name = uri.slice(uri.lastIndexOf('/') + 1);
    const writer = partFileWriter({ prefix, operatorId, jobId, extension }, name);
    // A recovery may be late, and later attempts at work: theirs must stay.
    if (writer === null || writer.attempt >= attempt) return false;
    const isGone = writer.subtaskIndex >= parallelism;
    return writer.subtaskIndex === subtaskIndex || (isGone && subtaskIndex === 0);
  }
}

/** Null where listing is refused: writers need no right to it, and orphans are not visible. */
async function pendingPage(
  fileSystem: FileSystem,
  folder: string,
  except: readonly PendingFile[],
  after: string | null,
) {
  try {
    return await fileSystem.listPending(folder, { except, ...(after === null ? {} : { after }) });
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'STORAGE_DENIED') return null;
    throw error;
  }
}

async function inParallel<Item>(
  items: readonly Item[],
  act: (item: Item) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < items.length; start += CONCURRENCY) {
    await Promise.all(items.slice(start, start + CONCURRENCY).map(act));
  }
}
