import process from 'node:process';
import { type Command, Option } from 'commander';
import { type ClientFlags, connect, jobManagerOption } from '../job-manager-address.ts';
import { integerBetween } from '../numbers.ts';
import { checkpointsText, historyTable } from '../output/checkpoints-text.ts';
import { printAnswer } from '../output/print-answer.ts';
import { savepointDirectoryOption } from '../storage-location.ts';

interface CheckpointFlags extends ClientFlags {
  readonly json?: boolean;
  readonly directory?: string;
}

interface CheckpointsFlags extends CheckpointFlags {
  readonly checkpoint?: number;
}

const ID_TEXT = "the job's id, or its first characters";

/** The commands about a job's checkpoints: checkpoints, savepoint. */
export function addCheckpointCommands(program: Command): void {
  program
    .command('checkpoints')
    .description("show a job's checkpoints: settings, the last ones, why some failed")
    .argument('<id>', ID_TEXT)
    .option('--checkpoint <number>', 'only this one', integerBetween(1, 2 ** 53 - 1))
    .addOption(jobManagerOption())
    .addOption(new Option('--json', 'print JSON'))
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice checkpoints 3f2a\n  $ sluice checkpoints 3f2a --checkpoint 17 --json',
    )
    .action(async (id: string, flags: CheckpointsFlags) => {
      const client = await connect(flags);
      const { checkpoint } = flags;
      if (checkpoint === undefined) {
        printAnswer(await client.checkpoints(id), { ...flags, text: checkpointsText });
      } else {
        const info = await client.checkpoint(id, checkpoint);
        printAnswer(info, { ...flags, text: (one) => historyTable([one]) });
      }
    });
  program
    .command('savepoint')
    .description('store the state of a job to start from later; prints its folder')
    .argument('<id>', ID_TEXT)
    .addOption(savepointDirectoryOption())
    .addOption(jobManagerOption())
    .addOption(new Option('--json', 'print JSON'))
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice savepoint 3f2a --directory s3://my-bucket/savepoints\n' +
        '  $ path=$(sluice savepoint 3f2a)\n' +
        '  $ sluice submit pipeline.yaml --from "$path"\n\n' +
        'The job goes on. A savepoint is never removed by Sluice.',
    )
    .action(async (id: string, flags: CheckpointFlags) => {
      const { directory } = flags;
      const request = directory === undefined ? {} : { directory };
      const answer = await (await connect(flags)).savepoint(id, request);
      print(flags.json === true ? JSON.stringify(answer) : answer.path);
    });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
