import type { Option } from 'commander';
import { CheckpointPaths } from '../shared/checkpoint/checkpoint-paths.ts';
import { SluiceError } from '../shared/errors/sluice-error.ts';
import { FileSystemRegistry } from '../shared/filesystem/filesystem-registry.ts';
import { isUri } from '../shared/filesystem/uri.ts';
import { RestClient } from '../shared/rest/rest-client.ts';
import { readLease } from '../shared/rpc/leader-lease.ts';
import { systemClock } from '../shared/time/system-clock.ts';
import { configOption } from './config/config-option.ts';
import { fileSystemOptions, type StorageFlags } from './storage-options.ts';

/** How a command reaches a cluster: its options, which the environment and a file fill in. */
export interface ClientFlags extends StorageFlags {
  readonly jobManager: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly authority?: string;
}

/** `--job-manager`: where the REST API answers; on every command that talks to a cluster. */
export function jobManagerOption(): Option {
  return configOption('client.jobManager');
}

/** A client of the job manager; where a storage is given, of the one that leads now. */
export async function connect(flags: ClientFlags): Promise<RestClient> {
  const { jobManager } = flags;
  const isStorage = isUri(jobManager) && !/^https?:/iu.test(jobManager);
  return new RestClient(isStorage ? await leaderOf(jobManager, flags) : jobManager);
}

async function leaderOf(storage: string, flags: StorageFlags): Promise<string> {
  const fileSystems = new FileSystemRegistry(fileSystemOptions(flags), { clock: systemClock });
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
