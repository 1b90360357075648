/** What the configuration says, in the terms of those who take it. */
import type { FileSystemOptions, S3Options } from '../filesystem/filesystem-options.ts';
import type { ConfigValue } from './config-key.ts';
import { CONFIG_KEYS } from './config-keys.ts';
import type { EffectiveConfig } from './effective-config.ts';
import type { JobManagerOptions } from './job-manager-options.ts';
import type { TaskManagerOptions } from './task-manager-options.ts';
import type { TlsFiles } from './tls-files.ts';

/** Every field; those that nobody has set have their defaults. */
export function jobManagerOptions(config: EffectiveConfig): JobManagerOptions {
  return { ...fields(config, 'jobManagerField'), tls: tlsFiles(config) } as JobManagerOptions;
}

export function taskManagerOptions(config: EffectiveConfig): TaskManagerOptions {
  return {
    ...fields(config, 'taskManagerField'),
    tls: tlsFiles(config),
    fileSystemOptions: fileSystemOptionsOf(config),
  } as TaskManagerOptions;
}

function fields(
  config: EffectiveConfig,
  side: 'jobManagerField' | 'taskManagerField',
): Readonly<Record<string, ConfigValue | null>> {
  return Object.fromEntries(
    CONFIG_KEYS.flatMap((entry) => {
      const field = entry[side];
      if (field === undefined) return [];
      const value = config.get(entry.key);
      return [
        [field, entry.type.kind === 'list' && Array.isArray(value) ? value.join(',') : value],
      ];
    }),
  );
}

/** All three or none: see `checkTogether`. */
export function tlsFiles(config: EffectiveConfig): TlsFiles | null {
  const certificate = config.get('tls.certificate');
  const key = config.get('tls.key');
  const authority = config.get('tls.authority');
  if (certificate === null || key === null || authority === null) return null;
  return { certificate, key, authority };
}

/**
 * Credentials come from the environment or the instance's role, as everywhere with AWS; so does an
 * endpoint that nobody has configured.
 */
export function fileSystemOptionsOf(
  config: EffectiveConfig,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): FileSystemOptions {
  const s3: Record<string, string | boolean> = {};
  const endpoint = config.get('s3.endpoint') ?? environment['AWS_ENDPOINT_URL_S3'];
  const values = {
    endpoint,
    region: config.get('s3.region'),
    forcePathStyle: config.get('s3.pathStyle'),
    encryption: config.given('s3.encryption'),
    kmsKeyId: config.get('s3.kmsKeyId'),
  };
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined) s3[name] = value;
  }
  return { s3: s3 as S3Options };
}
