import process from 'node:process';
import { Option } from 'commander';
import { toUri } from '../shared/filesystem/uri.ts';

/** A path that is given on the command line is relative to the working directory; gives a URI. */
export function locationOf(pathOrUri: string): string {
  return toUri(pathOrUri, process.cwd());
}

/** `--storage`: where a job manager keeps what must survive it. */
export function storageOption(description: string): Option {
  return new Option('--storage <location>', description).argParser(locationOf);
}

/** `--directory` of savepoints. */
export function savepointDirectoryOption(): Option {
  return new Option(
    '--directory <location>',
    "where the savepoint's folder is made (default: savepoints/ of the storage)",
  ).argParser(locationOf);
}
