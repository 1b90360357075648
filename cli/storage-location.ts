import process from 'node:process';
import { Option } from 'commander';
import { toUri } from '../shared/filesystem/uri.ts';
import { configOption } from './config/config-option.ts';

/** A path that is given on the command line is relative to the working directory; gives a URI. */
export function locationOf(pathOrUri: string): string {
  return toUri(pathOrUri, process.cwd());
}

/** `--storage`: where a job manager keeps what must survive it. */
export function storageOption(help: string, preset = 'none'): Option {
  return configOption('storage', { help, preset });
}

/** Whatever the environment or a file says. */
export const NO_STORAGE = ['--no-storage', 'keep none: a failure ends a job'] as const;

/** `--directory` of savepoints. */
export function savepointDirectoryOption(): Option {
  return new Option(
    '--directory <location>',
    "where the savepoint's folder is made (default: savepoints/ of the storage)",
  ).argParser(locationOf);
}
