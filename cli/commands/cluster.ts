import { join } from 'node:path';
import process from 'node:process';
import type { Command } from 'commander';
import { systemClock } from '../../shared/time/system-clock.ts';
import { integerBetween, parsePort } from '../numbers.ts';
import { clusterStatusText } from '../output/cluster-status.ts';
import { locationOf, storageOption } from '../storage-location.ts';
import { addStorageOptions, type StorageFlags } from '../storage-options.ts';

interface DirectoryFlags extends StorageFlags {
  readonly directory: string;
  readonly json?: boolean;
}

interface UpFlags extends DirectoryFlags {
  readonly taskManagers: number;
  readonly gpuTaskManagers: number;
  readonly gpuProvider: string;
  readonly slots?: number;
  readonly restPort: number;
  readonly rpcPort: number;
  /** False with `--no-storage`. */
  readonly storage?: string | false;
}

const DIRECTORY_DEFAULT = '.sluice';

async function openCluster(flags: DirectoryFlags) {
  const { LocalCluster } = await import('../cluster/local-cluster.ts');
  return new LocalCluster(flags.directory, systemClock);
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
  withDirectory(cluster.command('status').description('show its processes and slots'))
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ sluice cluster status --json')
    .action(async (flags: DirectoryFlags) => {
      const status = await (await openCluster(flags)).status();
      print(flags.json === true ? JSON.stringify(status, null, 2) : clusterStatusText(status));
    });
  const scale = cluster
    .command('scale')
    .description('start or end CPU task managers until so many run')
    .argument('<count>', 'task managers', integerBetween(0, 256))
    .addHelpText('after', '\nExample:\n  $ sluice cluster scale 8')
    .action(async (count: number, flags: DirectoryFlags) => {
      const local = await openCluster(flags);
      await local.scale(count, flags);
      print(clusterStatusText(await local.status()));
    });
  addStorageOptions(withDirectory(scale));
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
    .option('--gpu-provider <name>', 'what runs models on GPU slots (cpu: none needed)', 'cuda')
    .option('--slots <n>', 'slots of each task manager (default: 1)', integerBetween(1, 64))
    .option('--rest-port <port>', 'port of the REST API', parsePort, 8081)
    .option('--rpc-port <port>', 'gRPC port', parsePort, 6123)
    .addOption(storageOption('where jobs and checkpoints lie (default: storage/ of the directory)'))
    .option('--no-storage', 'keep none: a failure ends a job')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice cluster up --task-managers 4 --slots 2\n' +
        '  $ sluice cluster up -n 2 --gpu-task-managers 1 --gpu-provider cpu\n' +
        '  $ sluice cluster up --storage s3://my-bucket/sluice',
    )
    .action(async (flags: UpFlags) => {
      const local = await openCluster(flags);
      await local.up({
        ...flags,
        slots: flags.slots ?? null,
        storage: flags.storage ?? locationOf(join(flags.directory, 'storage')),
      });
      print(clusterStatusText(await local.status()));
    });
  addStorageOptions(withDirectory(up));
}

function withDirectory(command: Command): Command {
  return command.option('--directory <path>', 'where state and logs lie', DIRECTORY_DEFAULT);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
