import process from 'node:process';
import { type Command, Option } from 'commander';
import { CheckpointPaths } from '../shared/checkpoint/checkpoint-paths.ts';
import { SluiceError } from '../shared/errors/sluice-error.ts';
import { FileSystemRegistry } from '../shared/filesystem/filesystem-registry.ts';
import { isUri } from '../shared/filesystem/uri.ts';
import { RestClient } from '../shared/rest/rest-client.ts';
import { readLease } from '../shared/rpc/leader-lease.ts';
import { readAuthority } from '../shared/security/tls-material.ts';
import { readToken } from '../shared/security/token-file.ts';
import { systemClock } from '../shared/time/system-clock.ts';
import { fileSystemOptions } from './storage-options.ts';

export const REST_ADDRESS_DEFAULT = 'http://127.0.0.1:8081';

/** Where a cluster is, who asks, and whom to believe. */
export interface ClientFlags {
  readonly jobManager: string;
  /** From the environment or the configuration only: others see a command line. */
  readonly token?: string;
  readonly tokenFile?: string;
  readonly authority?: string;
}

const JOB_MANAGER_FLAGS = '--job-manager <url>';

/** `--job-manager`: where the REST API answers; on every command that talks to a cluster. */
export function jobManagerOption(): Option {
  return new Option(
    JOB_MANAGER_FLAGS,
    'REST address of the job manager (several: a,b), or the storage that names the leader',
  )
    .env('SLUICE_JOB_MANAGER')
    .default(process.env['SLUICE_JOB_MANAGER'] ?? REST_ADDRESS_DEFAULT);
}

/** Gives every command with `--job-manager` what a cluster with TLS and tokens asks for. */
export function installClientOptions(program: Command): void {
  for (const command of program.commands) installClientOptions(command);
  if (!program.options.some(({ flags }) => flags === JOB_MANAGER_FLAGS)) return;
  program
    .addOption(
      new Option('--token-file <file>', 'file with the token for the REST API').env(
        'SLUICE_TOKEN_FILE',
      ),
    )
    .addOption(
      new Option(
        '--authority <file>',
        "authority of the job manager's certificate, a PEM file",
      ).env('SLUICE_AUTHORITY'),
    );
}

/** A client of the job manager; where a storage is given, of the one that leads now. */
export async function connect(flags: ClientFlags): Promise<RestClient> {
  const { jobManager, tokenFile, authority } = flags;
  const isStorage = isUri(jobManager) && !/^https?:/iu.test(jobManager);
  const token =
    flags.token ??
    process.env['SLUICE_TOKEN'] ??
    (tokenFile === undefined ? undefined : await readToken(tokenFile));
  return new RestClient(isStorage ? await leaderOf(jobManager) : jobManager, {
    ...(token === undefined || token === '' ? {} : { token }),
    ...(authority === undefined
      ? {}
      : { authority: await readAuthority(authority, '--authority') }),
  });
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
