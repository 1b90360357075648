import { FilesDiscovery } from '../../jobmanager/sources/files-discovery.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileStatus } from '../../shared/filesystem/filesystem.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import type { AuditedSource } from './audit-plan.ts';
import { listedFiles } from './listed-files.ts';

/** The objects of the sources, as the job's own enumerators see them. */
export class SourceListing {
  readonly #fileSystems: FileSystemRegistry;
  readonly #sources: readonly (AuditedSource & { readonly discovery: FilesDiscovery })[];

  constructor(sources: readonly AuditedSource[], fileSystems: FileSystemRegistry) {
    this.#fileSystems = fileSystems;
    this.#sources = sources.map((source) => {
      // Without a watch nothing is remembered: the question is only what matches.
      const { watch: _, ...options } = source.options;
      return { ...source, discovery: new FilesDiscovery(options) };
    });
  }

  /**
   * What names an object: its URI, and where the source processes a file again that was overwritten,
   * its version.
   */
  identityOf(uri: string, etag: string): string {
    const isVersioned = this.#sources.some(
      ({ options, discovery }) =>
        options.overwrites === 'process' && discovery.take([fileNamed(uri)]).length > 0,
    );
    return isVersioned ? `${uri}\n${etag}` : uri;
  }

  /** Every object once, with the ids of the sources that list it. */
  async forEach(visit: (file: FileStatus, sources: readonly string[]) => void): Promise<void> {
    for (const [index, { options, discovery }] of this.#sources.entries()) {
      const fileSystem = this.#fileSystems.forUri(options.path);
      if (!(await fileSystem.isFolder(options.path)) && !(await fileSystem.stat(options.path))) {
        throw new SluiceError('FILE_NOT_FOUND', `there is no folder ${options.path} to list`, {
          domain: 'user',
          context: { uri: options.path },
        });
      }
      for await (const files of listedFiles(fileSystem, options.path)) {
        for (const file of discovery.take(files)) {
          const listing = this.#sources.filter(
            (source) => source.discovery.take([file]).length > 0,
          );
          // What several sources list was visited with the first of them.
          if (listing[0] !== this.#sources[index]) continue;
          visit(
            file,
            listing.map(({ id }) => id),
          );
        }
      }
    }
  }
}

function fileNamed(uri: string): FileStatus {
  return { uri, etag: '', size: 0, modifiedAtMs: 0 };
}
