import { SluiceError } from '../errors/sluice-error.ts';
import type { Clock } from '../time/clock.ts';
import type { FileSystem } from './filesystem.ts';
import type { FileSystemOptions } from './filesystem-options.ts';
import { LocalFileSystem } from './local-filesystem.ts';
import { MemoryFileSystem, MemoryStore } from './memory-filesystem.ts';
import { S3FileSystem } from './s3-filesystem.ts';
import { StorageMeter } from './storage-meter.ts';
import { parseUri } from './uri.ts';

export interface FileSystemRegistryDependencies {
  readonly clock: Clock;
  /** Uniform in [0, 1): spreads retries. Default: `Math.random`. */
  readonly random?: () => number;
}

/** `memory://` means the same files to all registries of a thread. */
const threadMemory = new MemoryStore();

/**
 * The file systems of one thread, made when first asked for. Give every worker thread its own, from
 * the same (plain) options.
 */
export class FileSystemRegistry {
  /** What this thread asks of S3. */
  readonly meter = new StorageMeter();
  readonly #options: FileSystemOptions;
  readonly #dependencies: Required<FileSystemRegistryDependencies>;
  readonly #fileSystems = new Map<string, FileSystem>();

  constructor(options: FileSystemOptions, dependencies: FileSystemRegistryDependencies) {
    this.#options = options;
    this.#dependencies = { random: Math.random, ...dependencies };
  }

  /** Rejects with ARGUMENT_INVALID what is no URI of a known scheme. */
  forUri(uri: string): FileSystem {
    const { scheme } = parseUri(uri);
    const present = this.#fileSystems.get(scheme);
    if (present !== undefined) return present;
    const created = this.#create(scheme, uri);
    this.#fileSystems.set(scheme, created);
    return created;
  }

  /** Of the one that has been silent for longest. */
  silentForMs(): number {
    return Math.max(0, ...[...this.#fileSystems.values()].map((each) => each.silentForMs()));
  }

  /** Cancels what is in flight and closes the connections. */
  async close(): Promise<void> {
    const fileSystems = [...this.#fileSystems.values()];
    this.#fileSystems.clear();
    await Promise.all(fileSystems.map((fileSystem) => fileSystem.close()));
  }

  #create(scheme: string, uri: string): FileSystem {
    const { clock } = this.#dependencies;
    switch (scheme) {
      case 'file':
        return new LocalFileSystem({ clock });
      case 's3':
        return new S3FileSystem(this.#options.s3 ?? {}, {
          ...this.#dependencies,
          meter: this.meter,
        });
      case 'memory':
        return new MemoryFileSystem(threadMemory, clock);
      default:
        throw new SluiceError('ARGUMENT_INVALID', `Sluice cannot store at ${scheme}:// (${uri}).`, {
          domain: 'user',
          context: { uri },
          hint: 'Use a path, file://, s3:// or memory://.',
        });
    }
  }
}
