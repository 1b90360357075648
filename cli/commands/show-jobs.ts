import { type Command, InvalidArgumentError, Option } from 'commander';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { JOB_TRANSITIONS, type JobState } from '../../shared/job-graph/states.ts';
import { type ClientFlags, connect, jobManagerOption } from '../job-manager-address.ts';
import { integerBetween } from '../numbers.ts';
import { exceptionsText } from '../output/exceptions-text.ts';
import { jobDetailText, subtasksTable, vertexText } from '../output/job-detail.ts';
import { jobsTable } from '../output/jobs-table.ts';
import { printAnswer } from '../output/print-answer.ts';
import { verticesTable } from '../output/vertices-table.ts';

interface JobsFlags extends ClientFlags {
  readonly state?: JobState;
  readonly limit?: number;
  readonly json?: boolean;
}

interface JobFlags extends ClientFlags {
  readonly vertices?: boolean;
  readonly vertex?: string;
  readonly subtasks?: boolean;
  readonly exceptions?: boolean;
  readonly json?: boolean;
}

/** The commands that show the jobs of a running cluster: jobs, job. */
export function addShowJobsCommands(program: Command): void {
  program
    .command('jobs')
    .description('list the jobs of a cluster, newest first')
    .addOption(
      new Option('--state <state>', 'only jobs in this state')
        .choices(Object.keys(JOB_TRANSITIONS))
        .argParser(jobState),
    )
    .option('--limit <n>', 'only the newest (default: all)', integerBetween(1, 1_000_000))
    .addOption(jobManagerOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice jobs --state running\n  $ sluice jobs --limit 20 --json',
    )
    .action(async (flags: JobsFlags) => {
      const jobs = await (await connect(flags)).jobs(flags);
      printAnswer(jobs, { ...flags, text: jobsTable });
    });
  program
    .command('job')
    .description('show one job: subtasks, placement, rates, back-pressure, cause of a failure')
    .argument('<id>', "the job's id, or its first characters")
    .option('--vertices', 'only its vertices, as a table')
    .option('--vertex <vertex>', 'only this vertex: its operators and subtasks')
    .option('--subtasks', 'of that vertex only the subtasks')
    .option('--exceptions', 'what it failed of, the last ones')
    .addOption(jobManagerOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice job 3f2a\n  $ sluice job 3f2a --vertices\n' +
        '  $ sluice job 3f2a --vertex images --subtasks --json\n  $ sluice job 3f2a --exceptions',
    )
    .action(showJob);
}

/** In any case: `running` is what people type. */
function jobState(text: string): string {
  const state = text.toUpperCase().replaceAll('-', '_');
  if (Object.hasOwn(JOB_TRANSITIONS, state)) return state;
  throw new InvalidArgumentError(`Allowed are ${Object.keys(JOB_TRANSITIONS).join(', ')}.`);
}

async function showJob(id: string, flags: JobFlags): Promise<void> {
  const { vertex } = flags;
  const wholes = [flags.vertices === true, vertex !== undefined, flags.exceptions === true];
  if (wholes.filter(Boolean).length > 1) {
    throw wrongFlags('--vertices, --vertex and --exceptions are of different answers', 'say one');
  }
  if (flags.subtasks === true && vertex === undefined) {
    throw wrongFlags('subtasks are of a vertex', `say --vertex; sluice job ${id} --vertices`);
  }
  const client = await connect(flags);
  if (vertex !== undefined && flags.subtasks === true) {
    printAnswer(await client.subtasks(id, vertex), { ...flags, text: subtasksTable });
  } else if (vertex !== undefined) {
    printAnswer(await client.vertex(id, vertex), { ...flags, text: vertexText });
  } else if (flags.vertices === true) {
    const { vertices } = await client.vertices(id);
    printAnswer(vertices, { ...flags, text: verticesTable });
  } else if (flags.exceptions === true) {
    printAnswer(await client.exceptions(id), { ...flags, text: exceptionsText });
  } else {
    printAnswer(await client.job(id), { ...flags, text: jobDetailText });
  }
}

function wrongFlags(message: string, hint: string): SluiceError {
  return new SluiceError('ARGUMENT_INVALID', message, { domain: 'user', hint });
}
