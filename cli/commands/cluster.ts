import { join } from 'node:path';
import process from 'node:process';
import type { Command } from 'commander';
import { systemClock } from '../../shared/time/system-clock.ts';
import { configOf, withConfigFile, withConfigScopes } from '../config/command-config.ts';
import { configOption } from '../config/config-option.ts';
import { type ClientFlags, connect } from '../job-manager-address.ts';
import { integerBetween } from '../numbers.ts';
import { clusterStatusText } from '../output/cluster-status.ts';
import { locationOf, NO_STORAGE, storageOption } from '../storage-location.ts';
import { addStorageOptions } from '../storage-options.ts';

interface DirectoryFlags {
  readonly directory: string;
  readonly json?: boolean;
}

interface UpFlags extends DirectoryFlags {
  readonly taskManagers: number;
  readonly gpuTaskManagers: number;
}

const DIRECTORY_DEFAULT = '.sluice';
const SERVERS = ['job manager', 'task manager', 'client'] as const;

async function openCluster(flags: DirectoryFlags & Partial<ClientFlags>) {
  const { LocalCluster } = await import('../cluster/local-cluster.ts');
  return new LocalCluster(flags.directory, {
    clock: systemClock,
    connect: (jobManager) => connect({ ...flags, jobManager }),
  });
}

/** Its processes and the command itself trust the same authority, unless somebody says otherwise. */
function withAuthority<Flags extends DirectoryFlags>(flags: Flags, self: Command) {
  const authority = configOf(self).get('client.authority') ?? configOf(self).get('tls.authority');
  return { ...flags, ...(authority === null ? {} : { authority }) };
}

/** The one that it was started with. */
async function fileOfCluster(command: Command): Promise<string | null> {
  return (await openCluster(command.opts<DirectoryFlags>())).configFile();
}

/** `sluice cluster`: a cluster of processes on this machine. */
export function addClusterCommands(program: Command): void {
  const cluster = program
    .command('cluster')
    .description('start, watch, scale and end a cluster of processes on this machine')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice cluster up --task-managers 4\n  $ sluice cluster status\n' +
        '  $ sluice cluster scale 8\n  $ sluice cluster down',
    );
  addUp(cluster);
  const status = cluster.command('status').description('show its processes and slots');
  withConfigFile(withDirectory(status), fileOfCluster)
    .option('--json', 'print JSON')
    .addOption(configOption('client.tokenFile'))
    .addOption(configOption('client.authority'))
    .addHelpText('after', '\nExample:\n  $ sluice cluster status --json')
    .action(async (flags: DirectoryFlags, self: Command) => {
      const status = await (await openCluster(withAuthority(flags, self))).status();
      print(flags.json === true ? JSON.stringify(status, null, 2) : clusterStatusText(status));
    });
  const scale = cluster
    .command('scale')
    .description('start or end CPU task managers until so many run')
    .argument('<count>', 'task managers', integerBetween(0, 256))
    .addOption(configOption('drainTimeout', { help: 'how long those that leave may drain' }))
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice cluster scale 8\n  $ sluice cluster scale 2 --drain-timeout 2m\n\n' +
        'Those that leave drain first: jobs go on from a checkpoint on the others. What has not drained\n' +
        'in time ends all the same, and its jobs restart from their last checkpoint.',
    )
    .action(async (count: number, flags: DirectoryFlags, self: Command) => {
      const local = await openCluster(withAuthority(flags, self));
      await local.scale(count, configOf(self), (text) => process.stderr.write(`${text}\n`));
      print(clusterStatusText(await local.status()));
    });
  addStorageOptions(
    withDirectory(withConfigFile(withConfigScopes(scale, ...SERVERS), fileOfCluster)),
  );
  withDirectory(cluster.command('down').description('end all its processes'))
    .addHelpText('after', '\nExample:\n  $ sluice cluster down')
    .action(async (flags: DirectoryFlags) => {
      const { ended, killed } = await (await openCluster(flags)).down();
      print(`${ended} processes ended${killed > 0 ? `, ${killed} of them by force` : ''}`);
    });
}

function addUp(cluster: Command): void {
  const up = cluster
    .command('up')
    .description('start a job manager and task managers')
    .option('-n, --task-managers <n>', 'CPU task managers', integerBetween(0, 256), 2)
    .option('--gpu-task-managers <n>', 'task managers with GPU slots', integerBetween(0, 16), 0)
    .addOption(
      configOption('taskManager.gpuProvider', {
        help: 'what runs models on GPU slots (cpu: none needed)',
        preset: 'cuda',
      }),
    )
    .addOption(
      configOption('taskManager.slots', { help: 'slots of each task manager', preset: '1' }),
    )
    .addOption(configOption('jobManager.restPort', { help: 'port of the REST API' }))
    .addOption(configOption('jobManager.rpcPort', { help: 'gRPC port' }))
    .addOption(storageOption('where jobs and checkpoints lie', 'storage/ of the directory'))
    .option(...NO_STORAGE)
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice cluster up --task-managers 4 --slots 2\n' +
        '  $ sluice cluster up -n 2 --gpu-task-managers 1 --gpu-provider cpu\n' +
        '  $ sluice cluster up --storage s3://my-bucket/sluice\n' +
        '  $ sluice cluster up --config sluice.yaml\n\n' +
        'Each task manager has its own name, its share of the cores (unless taskManager.executors\n' +
        'is set), and any free ports, whatever the file says; all else is as in the file.',
    )
    .action(async (flags: UpFlags, self: Command) => {
      const local = await openCluster(withAuthority(flags, self));
      await local.up(configOf(self), {
        ...flags,
        storageDefault: locationOf(join(flags.directory, 'storage')),
      });
      print(clusterStatusText(await local.status()));
    });
  addStorageOptions(withDirectory(withConfigScopes(up, ...SERVERS)));
}

function withDirectory(command: Command): Command {
  return command.option('--directory <path>', 'where state and logs lie', DIRECTORY_DEFAULT);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
