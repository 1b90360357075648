import process from 'node:process';
import { Option } from 'commander';
import { CheckpointPaths } from '../shared/checkpoint/checkpoint-paths.ts';
import { SluiceError } from '../shared/errors/sluice-error.ts';
import { FileSystemRegistry } from '../shared/filesystem/filesystem-registry.ts';
import { isUri } from '../shared/filesystem/uri.ts';
import { RestClient } from '../shared/rest/rest-client.ts';
import { readLease } from '../shared/rpc/leader-lease.ts';
import { systemClock } from '../shared/time/system-clock.ts';
import { fileSystemOptions } from './storage-options.ts';

export const REST_ADDRESS_DEFAULT = 'http://127.0.0.1:8081';

/** `--job-manager`: where the REST API answers; on every command that talks to a cluster. */
export function jobManagerOption(): Option {
  return new Option(
    '--job-manager <url>',
    'REST address of the job manager (several: a,b), or the storage that names the leader',
  )
    .env('SLUICE_JOB_MANAGER')
    .default(process.env['SLUICE_JOB_MANAGER'] ?? REST_ADDRESS_DEFAULT);
}

/** A client of the job manager; where a storage is given, of the one that leads now. */
export async function connect(addressOrStorage: string): Promise<RestClient> {
  const isStorage = isUri(addressOrStorage) && !/^https?:/iu.test(addressOrStorage);
  return new RestClient(isStorage ? await leaderOf(addressOrStorage) : addressOrStorage);
}

async function leaderOf(storage: string): Promise<string> {
  const { SLUICE_S3_ENDPOINT: s3Endpoint, SLUICE_S3_REGION: s3Region } = process.env;
  const options = fileSystemOptions({
    ...(s3Endpoint === undefined ? {} : { s3Endpoint }),
    ...(s3Region === undefined ? {} : { s3Region }),
  });
  const fileSystems = new FileSystemRegistry(options, { clock: systemClock });
  try {
    const uri = new CheckpointPaths(storage).leader();
    const found = await readLease(fileSystems.forUri(uri), uri);
    if (found !== null) return found.lease.restAddress;
    throw new SluiceError('NETWORK_UNREACHABLE', `no job manager has ever led at ${storage}`, {
      domain: 'external',
      context: { uri },
      hint: `start one with \`sluice jobmanager --storage ${storage}\``,
    });
  } finally {
    await fileSystems.close();
  }
}
