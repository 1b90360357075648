import process from 'node:process';
import type { Command } from 'commander';
import type { ConfigKeyName } from '../shared/config/config-keys.ts';
import type { FileSystemOptions, S3Encryption } from '../shared/filesystem/filesystem-options.ts';
import { configOption } from './config/config-option.ts';

export interface StorageFlags {
  readonly s3Endpoint?: string;
  readonly s3Region?: string;
  readonly s3PathStyle?: boolean;
  readonly s3Encryption?: S3Encryption;
  readonly s3KmsKeyId?: string;
}

const KEYS: readonly ConfigKeyName[] = [
  's3.endpoint',
  's3.region',
  's3.pathStyle',
  's3.encryption',
  's3.kmsKeyId',
];

/** Options of the commands that read and write storage themselves. */
export function addStorageOptions(command: Command): Command {
  for (const key of KEYS) command.addOption(configOption(key));
  return command;
}

/** Credentials come from the environment or the instance's role, as everywhere with AWS. */
export function fileSystemOptions(flags: StorageFlags): FileSystemOptions {
  const { s3Region, s3PathStyle, s3Encryption, s3KmsKeyId } = flags;
  const endpoint = flags.s3Endpoint ?? process.env['AWS_ENDPOINT_URL_S3'];
  return {
    s3: {
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(s3Region === undefined ? {} : { region: s3Region }),
      ...(s3PathStyle === undefined ? {} : { forcePathStyle: s3PathStyle }),
      ...(s3Encryption === undefined ? {} : { encryption: s3Encryption }),
      ...(s3KmsKeyId === undefined ? {} : { kmsKeyId: s3KmsKeyId }),
    },
  };
}
