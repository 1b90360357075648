import process from 'node:process';
import { type Command, Option } from 'commander';
import type { FileSystemOptions } from '../shared/filesystem/filesystem-options.ts';

export interface StorageFlags {
  readonly s3Endpoint?: string;
  readonly s3Region?: string;
  readonly s3PathStyle?: boolean;
}

/** Options of the commands that read and write storage themselves. */
export function addStorageOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--s3-endpoint <url>', 'S3 server other than AWS').env('SLUICE_S3_ENDPOINT'),
    )
    .addOption(new Option('--s3-region <name>', 'S3 region').env('SLUICE_S3_REGION'))
    .addOption(
      new Option(
        '--s3-path-style',
        'bucket in the path, not in the host name (default with --s3-endpoint)',
      ),
    );
}

/** Credentials come from the environment or the instance's role, as everywhere with AWS. */
export function fileSystemOptions(flags: StorageFlags): FileSystemOptions {
  const endpoint = flags.s3Endpoint ?? process.env['AWS_ENDPOINT_URL_S3'];
  return {
    s3: {
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(flags.s3Region === undefined ? {} : { region: flags.s3Region }),
      ...(flags.s3PathStyle === undefined ? {} : { forcePathStyle: flags.s3PathStyle }),
    },
  };
}

/** The same flags for a child process. */
export function storageArguments(flags: StorageFlags): string[] {
  return [
    ...(flags.s3Endpoint === undefined ? [] : ['--s3-endpoint', flags.s3Endpoint]),
    ...(flags.s3Region === undefined ? [] : ['--s3-region', flags.s3Region]),
    ...(flags.s3PathStyle === true ? ['--s3-path-style'] : []),
  ];
}
