import process from 'node:process';
import { type Command, Option } from 'commander';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import type { PlanNode } from '../../shared/job-graph/job-plan.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { type ClientFlags, connect, jobManagerOption } from '../job-manager-address.ts';
import { collectParameter } from '../parameters.ts';
import { addStorageOptions, fileSystemOptions } from '../storage-options.ts';
import { hasEnded } from '../watch-job.ts';

interface AuditFlags extends ClientFlags {
  readonly pipeline?: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly json?: boolean;
}

const OFFENCES_SHOWN = 20;

const DETAILS = `
Examples:
  $ sluice audit 3f2a
  $ sluice audit --pipeline pipeline.yaml --set images=s3://my-bucket/photos

Lists the files of the sources and reads all rows and dead letters: everything that any job wrote
into the folders of the sinks. Each object version must have exactly one row (or dead letter) in
every "files" sink and one thumbnail; behind a filter at most one.

Exit status: 0 exact, 1 not exact.`;

/** `sluice audit`: proves from the storage alone that nothing is missing or double. */
export function addAuditCommand(program: Command, setExitCode: (code: ExitCode) => void): void {
  const command = program
    .command('audit')
    .description('compare source and output: one result and one thumbnail per object version')
    .argument('[id]', 'a job of the cluster: its id, or its first characters')
    .option('--pipeline <file>', 'a pipeline file instead; needs no job manager')
    .option('--set <name=value>', 'give the pipeline a parameter (repeatable)', collectParameter)
    .addOption(jobManagerOption())
    .addOption(new Option('--json', 'print JSON, with everything that is missing or double'))
    .addHelpText('after', DETAILS)
    .action(async (id: string | undefined, flags: AuditFlags) => setExitCode(await run(id, flags)));
  addStorageOptions(command);
}

async function run(id: string | undefined, flags: AuditFlags): Promise<ExitCode> {
  const [{ audit }, { auditPlan }, { auditText }] = await Promise.all([
    import('../audit/audit.ts'),
    import('../audit/audit-plan.ts'),
    import('../output/audit-text.ts'),
  ]);
  const fileSystems = new FileSystemRegistry(fileSystemOptions(flags), { clock: systemClock });
  try {
    const plan = auditPlan(await planOf(id, flags, fileSystems));
    const offencesMax = flags.json === true ? Number.POSITIVE_INFINITY : OFFENCES_SHOWN;
    const report = await audit({ plan, fileSystems, offencesMax });
    const text = flags.json === true ? JSON.stringify(report, null, 2) : auditText(report);
    process.stdout.write(`${text}\n`);
    return report.exact ? EXIT_CODES.ok : EXIT_CODES.failure;
  } finally {
    await fileSystems.close();
  }
}

async function planOf(
  id: string | undefined,
  flags: AuditFlags,
  fileSystems: FileSystemRegistry,
): Promise<readonly PlanNode[]> {
  const { pipeline, set = {} } = flags;
  if ((id === undefined) === (pipeline === undefined)) {
    throw new SluiceError('ARGUMENT_INVALID', 'an audit is of a job or of a pipeline file', {
      domain: 'user',
      hint: 'sluice audit <id>, or sluice audit --pipeline <file>',
    });
  }
  if (pipeline !== undefined) {
    const { readPipelineFile } = await import('../pipeline-file.ts');
    const { compileOrRefuse } = await import('../compile-or-refuse.ts');
    const { planNodes } = await import('../../shared/job-graph/job-plan.ts');
    const request = await readPipelineFile(pipeline, set);
    return planNodes((await compileOrRefuse(request, fileSystems)).graph);
  }
  const plan = await (await connect(flags)).plan(id ?? '');
  if (!hasEnded(plan)) {
    process.stderr.write(
      `warning: job ${plan.id} has not ended; what it has not written yet is missing\n`,
    );
  }
  return plan.nodes;
}
