import process from 'node:process';
import { type Command, Option } from 'commander';
import { type ClientFlags, connect, jobManagerOption } from '../job-manager-address.ts';
import { checkpointsText } from '../output/checkpoints-text.ts';
import { savepointDirectoryOption } from '../storage-location.ts';

interface CheckpointFlags extends ClientFlags {
  readonly json?: boolean;
  readonly directory?: string;
}

const ID_TEXT = "the job's id, or its first characters";

/** The commands about a job's checkpoints: checkpoints, savepoint. */
export function addCheckpointCommands(program: Command): void {
  program
    .command('checkpoints')
    .description("show a job's checkpoints: settings, the last ones, why some failed")
    .argument('<id>', ID_TEXT)
    .addOption(jobManagerOption())
    .addOption(new Option('--json', 'print JSON'))
    .addHelpText('after', '\nExample:\n  $ sluice checkpoints 3f2a')
    .action(async (id: string, flags: CheckpointFlags) => {
      const detail = await (await connect(flags)).checkpoints(id);
      print(flags.json === true ? JSON.stringify(detail, null, 2) : checkpointsText(detail));
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
