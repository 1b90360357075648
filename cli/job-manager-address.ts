import type { Command, Option } from 'commander';
import { CheckpointPaths } from '../shared/checkpoint/checkpoint-paths.ts';
import { SluiceError } from '../shared/errors/sluice-error.ts';
import { FileSystemRegistry } from '../shared/filesystem/filesystem-registry.ts';
import { isUri } from '../shared/filesystem/uri.ts';
import { RestClient } from '../shared/rest/rest-client.ts';
import { readLease } from '../shared/rpc/leader-lease.ts';
import { readAuthority } from '../shared/security/tls-material.ts';
import { readToken } from '../shared/security/token-file.ts';
import { systemClock } from '../shared/time/system-clock.ts';
import { ConfigOption, configOption } from './config/config-option.ts';
import { fileSystemOptions, type StorageFlags } from './storage-options.ts';

/** How a command reaches a cluster: its options, which the environment and a file fill in. */
export interface ClientFlags extends StorageFlags {
  readonly jobManager: string;
  /** From the environment or a file only: others see a command line. */
  readonly token?: string;
  readonly tokenFile?: string;
  readonly authority?: string;
}

/** `--job-manager`: where the REST API answers; on every command that talks to a cluster. */
export function jobManagerOption(): Option {
  return configOption('client.jobManager');
}

/** Gives every command with `--job-manager` what a cluster with TLS and tokens asks for. */
export function installClientOptions(program: Command): void {
  for (const command of program.commands) installClientOptions(command);
  const keys = new Set(
    program.options.map((option) => (option instanceof ConfigOption ? option.configKey : null)),
  );
  if (!keys.has('client.jobManager')) return;
  for (const key of ['client.tokenFile', 'client.authority'] as const) {
    if (!keys.has(key)) program.addOption(configOption(key));
  }
}

/** A client of the job manager; where a storage is given, of the one that leads now. */
export async function connect(flags: ClientFlags): Promise<RestClient> {
  const { jobManager, tokenFile, authority } = flags;
  const isStorage = isUri(jobManager) && !/^https?:/iu.test(jobManager);
  const token = flags.token ?? (tokenFile === undefined ? undefined : await readToken(tokenFile));
  return new RestClient(isStorage ? await leaderOf(jobManager, flags) : jobManager, {
    ...(token === undefined ? {} : { token }),
    ...(authority === undefined
      ? {}
      : { authority: await readAuthority(authority, '--authority') }),
  });
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
