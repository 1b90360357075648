import process from 'node:process';
import { type Command, Option } from 'commander';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { formatProblems } from '../../shared/pipeline/format-problems.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { type ClientFlags, connect, jobManagerOption } from '../job-manager-address.ts';
import { jobSummary } from '../output/job-summary.ts';
import { collectParameter } from '../parameters.ts';
import { addRestoreOptions, type RestoreFlags, restoreFields } from '../restore-options.ts';
import { savepointDirectoryOption } from '../storage-location.ts';
import { submitPipeline } from '../submit-pipeline.ts';
import { watchJob } from '../watch-job.ts';

interface ClusterFlags extends ClientFlags {
  readonly json?: boolean;
}

interface SubmitFlags extends ClusterFlags, RestoreFlags {
  readonly set?: Readonly<Record<string, string>>;
  readonly detached?: boolean;
  readonly progress: boolean;
}

interface StopFlags extends ClusterFlags {
  readonly savepoint?: boolean;
  readonly directory?: string;
}

type SetExitCode = (code: ExitCode) => void;

const jsonOption = (): Option => new Option('--json', 'print JSON');

/** The commands that begin and end jobs on a running cluster: submit, stop, cancel. */
export function addJobCommands(program: Command, setExitCode: SetExitCode): void {
  addSubmit(program, setExitCode);
  addEndings(program);
}

function addSubmit(program: Command, setExitCode: SetExitCode): void {
  const command = program
    .command('submit')
    .description('run a pipeline on a cluster; waits for its end, with progress')
    .argument('<pipeline>', 'a pipeline file')
    .option('--set <name=value>', 'give a parameter (repeatable)', collectParameter);
  addRestoreOptions(command)
    .option('-d, --detached', 'print the id of the job and return at once')
    .option('--no-progress', 'show no progress')
    .addOption(jobManagerOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice submit pipeline.yaml --set images=s3://bucket/photos\n' +
        '  $ id=$(sluice submit pipeline.yaml --detached)\n' +
        '  $ sluice submit pipeline.yaml --from s3://bucket/savepoints/savepoint-3f2a-17\n\n' +
        'Ctrl-C stops watching; the job goes on.',
    )
    .action(async (path: string, flags: SubmitFlags) => {
      const { readPipelineFile } = await import('../pipeline-file.ts');
      const request = {
        ...(await readPipelineFile(path, flags.set ?? {})),
        ...restoreFields(flags),
      };
      const client = await connect(flags);
      const { id, warnings } = await submitPipeline(client, request);
      if (warnings.length > 0) process.stderr.write(`${formatProblems(warnings)}\n`);
      if (flags.detached === true) {
        print(flags.json === true ? JSON.stringify({ id, warnings }) : id);
        return;
      }
      const { job, reason } = await watchJob({
        client,
        reconnect: () => connect(flags),
        jobId: id,
        clock: systemClock,
        progress: flags.progress,
        onInterrupt: 'detach',
      });
      if (reason === 'detached') {
        process.stderr.write(`job ${id} goes on; sluice job ${id} shows it\n`);
        return;
      }
      print(flags.json === true ? JSON.stringify(job, null, 2) : jobSummary(job));
      setExitCode(job.state === 'FINISHED' ? EXIT_CODES.ok : EXIT_CODES.failure);
    });
}

function addEndings(program: Command): void {
  program
    .command('stop')
    .description('end a job cleanly: read nothing more, finish what is in flight')
    .argument('<id>', "the job's id, or its first characters")
    .option('--savepoint', 'store its state instead and end at once; prints the folder')
    .addOption(savepointDirectoryOption())
    .addOption(jobManagerOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice stop 3f2a\n' +
        '  $ path=$(sluice stop 3f2a --savepoint --directory s3://my-bucket/savepoints)',
    )
    .action(stopJob);
  program
    .command('cancel')
    .description('end a job at once; part files that are not finished are discarded')
    .argument('<id>', "the job's id, or its first characters")
    .addOption(jobManagerOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  $ sluice cancel 3f2a')
    .action(async (id: string, flags: ClusterFlags) => {
      const job = await (await connect(flags)).cancelJob(id);
      const isJson = flags.json === true;
      print(isJson ? JSON.stringify(job, null, 2) : `job ${id} is being cancelled`);
    });
}

async function stopJob(id: string, flags: StopFlags): Promise<void> {
  const client = await connect(flags);
  const { directory } = flags;
  if (flags.savepoint === true) {
    const request = directory === undefined ? {} : { directory };
    const answer = await client.stopWithSavepoint(id, request);
    print(flags.json === true ? JSON.stringify(answer) : answer.path);
    return;
  }
  if (directory !== undefined) {
    throw new SluiceError('ARGUMENT_INVALID', '--directory is where a savepoint goes', {
      domain: 'user',
      hint: 'say --savepoint too',
    });
  }
  const job = await client.stopJob(id);
  print(flags.json === true ? JSON.stringify(job, null, 2) : `job ${id} is stopping`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
