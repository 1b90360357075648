import type { Command } from 'commander';
import { type ClientFlags, connect, jobManagerOption } from '../job-manager-address.ts';
import { clusterInfoText, configText, healthText } from '../output/cluster-info.ts';
import { printAnswer } from '../output/print-answer.ts';
import { taskManagersTable } from '../output/task-managers-table.ts';

interface InfoFlags extends ClientFlags {
  readonly json?: boolean;
}

/** What a running cluster says of itself, wherever it runs: task-managers, cluster info … */
export function addClusterInfoCommands(program: Command): void {
  program
    .command('task-managers')
    .description('list the task managers of a cluster')
    .argument('[id]', 'only this one')
    .addOption(jobManagerOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice task-managers\n  $ sluice task-managers worker-3 --json',
    )
    .action(async (id: string | undefined, flags: InfoFlags) => {
      const client = await connect(flags);
      if (id === undefined) {
        printAnswer(await client.taskManagers(), { ...flags, text: taskManagersTable });
      } else {
        const info = await client.taskManager(id);
        printAnswer(info, { ...flags, text: (one) => taskManagersTable([one]) });
      }
    });
  const cluster = program.commands.find((command) => command.name() === 'cluster');
  if (cluster !== undefined) addToCluster(cluster);
}

function addToCluster(cluster: Command): void {
  cluster
    .command('info')
    .description('show the leading job manager, slots and jobs')
    .addOption(jobManagerOption())
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ sluice cluster info --job-manager 10.0.0.1:8081')
    .action(async (flags: InfoFlags) => {
      printAnswer(await (await connect(flags)).cluster(), { ...flags, text: clusterInfoText });
    });
  cluster
    .command('health')
    .description('ask a job manager whether it runs and whether it leads')
    .addOption(jobManagerOption())
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ sluice cluster health --job-manager 10.0.0.1:8081')
    .action(async (flags: InfoFlags) => {
      printAnswer(await (await connect(flags)).health(), { ...flags, text: healthText });
    });
  cluster
    .command('config')
    .description('show the options that a job manager runs with, secrets masked')
    .addOption(jobManagerOption())
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ sluice cluster config --json')
    .action(async (flags: InfoFlags) => {
      printAnswer(await (await connect(flags)).config(), { ...flags, text: configText });
    });
}
