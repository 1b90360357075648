import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { addAuditCommand } from './commands/audit.ts';
import { addCertsCommands } from './commands/certs.ts';
import { addCheckpointCommands } from './commands/checkpoints.ts';
import { addClusterCommands } from './commands/cluster.ts';
import { addClusterInfoCommands } from './commands/cluster-info.ts';
import { addConfigCommand } from './commands/config.ts';
import { addDrainCommand } from './commands/drain.ts';
import { addJobCommands } from './commands/jobs.ts';
import { addLogsCommand } from './commands/logs.ts';
import { addModelsCommands } from './commands/models.ts';
import { addPipelineCommands } from './commands/pipeline.ts';
import { addRunCommand } from './commands/run.ts';
import { addServerCommands } from './commands/servers.ts';
import { addShowJobsCommands } from './commands/show-jobs.ts';
import { addTokensCommands } from './commands/tokens.ts';
import { installConfig } from './config/command-config.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { installClientOptions } from './job-manager-address.ts';
import { printError } from './output/print-error.ts';

const RELEASE_NOTES = fileURLToPath(new URL('../CHANGELOG.md', import.meta.url));

const EXAMPLES = `
Examples:
  $ sluice run examples/image-classification/pipeline.yaml
  $ sluice run pipeline.yaml --set images=./photos --set model=resnet50/model.yaml
  $ sluice cluster up --task-managers 4
  $ sluice submit pipeline.yaml --set images=s3://my-bucket/photos
  $ sluice job 3f2a
  $ sluice savepoint 3f2a
  $ sluice audit 3f2a
  $ sluice cluster down

Exit status: 0 done, 1 the work failed, 2 the command or the pipeline is wrong, 130 abandoned.`;

/** All commands with their options; `docs/cli.md` is made from it. */
export function createProgram(setExitCode: (code: ExitCode) => void): Command {
  const program = new Command('sluice')
    .description('Streaming inference: classify images as they arrive, on one machine or many.')
    .version(`${packageJson.version}\nRelease notes: ${RELEASE_NOTES}`)
    .showHelpAfterError('(sluice --help shows the commands)')
    .addHelpText('after', EXAMPLES)
    .exitOverride();
  program.configureOutput({ outputError: (text, write) => write(text) });
  addRunCommand(program, setExitCode);
  addJobCommands(program, setExitCode);
  addShowJobsCommands(program);
  addCheckpointCommands(program);
  addAuditCommand(program, setExitCode);
  addPipelineCommands(program, setExitCode);
  addModelsCommands(program);
  addClusterCommands(program);
  addClusterInfoCommands(program);
  addDrainCommand(program);
  addLogsCommand(program);
  addServerCommands(program, setExitCode);
  addCertsCommands(program);
  addTokensCommands(program);
  addConfigCommand(program);
  installClientOptions(program);
  installConfig(program);
  return program;
}

/** Parses the command line and runs one command; gives the exit status, never throws. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  let exitCode: number = EXIT_CODES.ok;
  const program = createProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv);
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage;
    }
    return printError(error);
  }
}

/** A closed pipe (`sluice jobs | head`) is no error; a full disk is, and ends the command. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`error STORAGE_UNAVAILABLE: standard output: ${error.message}\n`);
  process.exit(EXIT_CODES.failure);
});

/** There is nowhere left to tell that nobody reads what is told. */
process.stderr.on('error', () => {});
