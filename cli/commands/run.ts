import process from 'node:process';
import type { Command } from 'commander';
import type { EffectiveConfig } from '../../shared/config/effective-config.ts';
import { jobManagerOptions, taskManagerOptions } from '../../shared/config/manager-options.ts';
import type { SubmitJobRequest } from '../../shared/rest/rest-types.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import type { Compiled } from '../compile-or-refuse.ts';
import { configOf, withConfigScopes } from '../config/command-config.ts';
import { configOption } from '../config/config-option.ts';
import type { EmbeddedClusterOptions } from '../embedded-cluster.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { collectParameter } from '../parameters.ts';
import { addRestoreOptions, type RestoreFlags, restoreFields } from '../restore-options.ts';
import { NO_STORAGE, storageOption } from '../storage-location.ts';
import { addStorageOptions, fileSystemOptions, type StorageFlags } from '../storage-options.ts';

interface RunFlags extends StorageFlags, RestoreFlags {
  readonly set?: Readonly<Record<string, string>>;
  readonly gpu?: boolean;
  readonly report?: string | boolean;
  readonly progress: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ sluice run examples/image-classification/pipeline.yaml
  $ sluice run pipeline.yaml --set images=./photos --set output=./out
  $ sluice run pipeline.yaml --json > summary.json

The whole cluster runs in this process. A bounded pipeline ends by itself; a watching one runs until
Ctrl-C, which finishes what is in flight. A second Ctrl-C abandons it.

With --storage, the same command goes on with a run that was killed, from its last checkpoint:
nothing is processed twice. While that is unfinished, nothing else runs on this storage.`;

export function addRunCommand(program: Command, setExitCode: (code: ExitCode) => void): void {
  const command = program
    .command('run')
    .description('run a pipeline in this process and show its progress')
    .argument('<pipeline>', 'a pipeline file')
    .option('--set <name=value>', 'give a parameter (repeatable)', collectParameter)
    .addOption(configOption('taskManager.slots'))
    .addOption(configOption('taskManager.executors'))
    .option('--gpu', 'run inference on the GPU')
    .addOption(
      configOption('jobManager.restPort', {
        help: 'port of the REST API while it runs',
        preset: 'any free port',
      }),
    )
    .addOption(storageOption('where checkpoints go; without it a failure ends the job'))
    .option(...NO_STORAGE)
    .option(
      '--report [file]',
      'write a contact sheet (default where the pipeline makes thumbnails)',
    )
    .option('--no-report', 'write none')
    .option('--no-progress', 'show no progress')
    .option('--json', 'print the summary as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (path: string, flags: RunFlags, self: Command) =>
      setExitCode(await run(path, flags, configOf(self))),
    );
  withConfigScopes(command, 'job manager', 'task manager');
  addRestoreOptions(command);
  addStorageOptions(command);
}

async function run(path: string, flags: RunFlags, config: EffectiveConfig): Promise<ExitCode> {
  const { readPipelineFile } = await import('../pipeline-file.ts');
  const request = {
    ...(await readPipelineFile(path, flags.set ?? {})),
    ...restoreFields(flags),
  };
  const compiled = await precompile(request, flags);
  const { startEmbeddedCluster } = await import('../embedded-cluster.ts');
  const cluster = await startEmbeddedCluster(embeddedOptions(flags, config));
  try {
    const { watchJob } = await import('../watch-job.ts');
    const { submitPipeline } = await import('../submit-pipeline.ts');
    const { id, resumed } = await submitPipeline(cluster.client, { ...request, resume: true });
    if (resumed) process.stderr.write(`going on with job ${id} of an earlier run\n`);
    const { job, reason } = await watchJob({
      client: cluster.client,
      jobId: id,
      clock: systemClock,
      progress: flags.progress,
      onInterrupt: 'stop-job',
    });
    const { finishRun } = await import('../report/finish-run.ts');
    const fileSystems = fileSystemOptions(flags);
    const { json = false, report } = flags;
    await finishRun({ job, graph: compiled.graph, request, json, report, fileSystems });
    if (reason === 'abandoned') return EXIT_CODES.interrupted;
    return job.state === 'FINISHED' ? EXIT_CODES.ok : EXIT_CODES.failure;
  } finally {
    await cluster.stop();
  }
}

/** Of a file, what is about the work; where the servers of a deployment listen is not. */
function embeddedOptions(flags: RunFlags, config: EffectiveConfig): EmbeddedClusterOptions {
  const { id: _id, ...taskManager } = taskManagerOptions(config);
  return {
    restPort: config.given('jobManager.restPort') ?? 0,
    storage: config.get('storage'),
    device: flags.gpu === true ? 'gpu' : taskManager.device,
    fileSystemOptions: fileSystemOptions(flags),
    slots: taskManager.slots,
    executors: taskManager.executors,
    jobManager: jobManagerOptions(config),
    taskManager: {
      ...taskManager,
      gpuExecutionProvider: config.given('taskManager.gpuProvider') ?? 'cuda',
    },
  };
}

/** Mistakes are told before anything starts. */
async function precompile(request: SubmitJobRequest, flags: RunFlags): Promise<Compiled> {
  const [{ FileSystemRegistry }, { compileOrRefuse }, { formatProblems }] = await Promise.all([
    import('../../shared/filesystem/filesystem-registry.ts'),
    import('../compile-or-refuse.ts'),
    import('../../shared/pipeline/format-problems.ts'),
  ]);
  const fileSystems = new FileSystemRegistry(fileSystemOptions(flags), { clock: systemClock });
  try {
    const compiled = await compileOrRefuse(request, fileSystems);
    if (compiled.warnings.length > 0) {
      process.stderr.write(`${formatProblems(compiled.warnings)}\n`);
    }
    return compiled;
  } finally {
    await fileSystems.close();
  }
}
