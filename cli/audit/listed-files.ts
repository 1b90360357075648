import type { FileStatus, FileSystem } from '../../shared/filesystem/filesystem.ts';

/** Every file below a folder, in order; holds one page of the listing. */
export async function* listedFiles(
  fileSystem: FileSystem,
  folder: string,
): AsyncGenerator<readonly FileStatus[]> {
  let startAfter: string | null = null;
  do {
    const page: Awaited<ReturnType<FileSystem['list']>> = await fileSystem.list(folder, {
      ...(startAfter === null ? {} : { startAfter }),
    });
    yield page.files;
    startAfter = page.next;
  } while (startAfter !== null);
}
