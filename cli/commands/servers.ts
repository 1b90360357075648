import process from 'node:process';
import type { Command } from 'commander';
import type { ConfigKeyName } from '../../shared/config/config-keys.ts';
import type { EffectiveConfig } from '../../shared/config/effective-config.ts';
import {
  fileSystemOptionsOf,
  jobManagerOptions,
  taskManagerOptions,
} from '../../shared/config/manager-options.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import { configOf, withConfigScopes } from '../config/command-config.ts';
import { configOption } from '../config/config-option.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { NO_STORAGE, storageOption } from '../storage-location.ts';
import { addStorageOptions } from '../storage-options.ts';

type SetExitCode = (code: ExitCode) => void;

const JOB_MANAGER_KEYS: readonly ConfigKeyName[] = [
  'jobManager.rpcPort',
  'jobManager.restPort',
  'jobManager.tokens',
];

const TASK_MANAGER_KEYS: readonly ConfigKeyName[] = [
  'jobManager.address',
  'taskManager.id',
  'taskManager.slots',
  'taskManager.executors',
  'taskManager.device',
  'taskManager.gpuProvider',
  'taskManager.labels',
  'taskManager.localState',
  'taskManager.modelCache',
  'taskManager.dataPort',
  'taskManager.metricsPort',
  'drainTimeout',
];

/** Of both. */
const SERVER_KEYS: readonly ConfigKeyName[] = [
  'host',
  'advertisedHost',
  'insecure',
  'tls.certificate',
  'tls.key',
  'tls.authority',
  'log.format',
  'log.level',
  'log.file',
];

const FROM_A_FILE = '\n\nEverything else is set in a sluice.yaml: docs/configuration.md.';

/** The processes of a cluster: they run in the foreground until SIGTERM or Ctrl-C. */
export function addServerCommands(program: Command, setExitCode: SetExitCode): void {
  const jobManager = program
    .command('jobmanager')
    .description('start a job manager (runs until Ctrl-C)')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice jobmanager --rpc-port 6123 --rest-port 8081\n' +
        '  $ sluice jobmanager --storage s3://my-bucket/sluice\n' +
        `  $ sluice jobmanager --config /etc/sluice/sluice.yaml${FROM_A_FILE}`,
    )
    .action(async (_flags: unknown, command: Command) =>
      setExitCode(await runJobManager(configOf(command))),
    );
  addKeys(withConfigScopes(jobManager, 'job manager'), JOB_MANAGER_KEYS)
    .addOption(storageOption('folder or s3://bucket/prefix of jobs and checkpoints'))
    .option(...NO_STORAGE);
  addStorageOptions(addKeys(jobManager, SERVER_KEYS));

  const taskManager = program
    .command('taskmanager')
    .description('start a task manager (runs until Ctrl-C)')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice taskmanager --job-manager 127.0.0.1:6123 --slots 4\n' +
        '  $ sluice taskmanager --device gpu --gpu-provider cuda --label zone=a\n' +
        `  $ sluice taskmanager --config /etc/sluice/sluice.yaml${FROM_A_FILE}`,
    )
    .action(async (_flags: unknown, command: Command) =>
      setExitCode(await runTaskManager(configOf(command))),
    );
  addKeys(withConfigScopes(taskManager, 'task manager'), TASK_MANAGER_KEYS)
    .addOption(storageOption("the job managers' storage: its lease says which of them leads"))
    .option(...NO_STORAGE);
  addStorageOptions(addKeys(taskManager, SERVER_KEYS));
}

function addKeys(command: Command, keys: readonly ConfigKeyName[]): Command {
  for (const key of keys) command.addOption(configOption(key));
  return command;
}

async function runJobManager(config: EffectiveConfig): Promise<ExitCode> {
  const signalled = untilSignal();
  const { startJobManager } = await import('../../jobmanager/main.ts');
  const running = await startJobManager({
    ...jobManagerOptions(config),
    fileSystemOptions: fileSystemOptionsOf(config),
    logger: await loggerOf(config),
  });
  process.stdout.write(
    `job manager ready: REST ${running.restAddress}, gRPC ${running.rpcAddress}\n`,
  );
  await signalled;
  await running.stop();
  return EXIT_CODES.ok;
}

async function runTaskManager(config: EffectiveConfig): Promise<ExitCode> {
  const signalled = untilSignal();
  const { startTaskManager } = await import('../../taskmanager/main.ts');
  const { id, ...options } = taskManagerOptions(config);
  const running = await startTaskManager({
    ...options,
    ...(id === null ? {} : { id }),
    logger: await loggerOf(config),
  });
  process.stdout.write(`task manager ${running.id} ready: data ${running.dataAddress}\n`);
  const refused = await Promise.race([signalled.then(() => null), running.refused]);
  if (refused === null) await running.drain();
  await running.stop();
  if (refused !== null) throw refused;
  return EXIT_CODES.ok;
}

async function loggerOf(config: EffectiveConfig): Promise<Logger> {
  const { createLogger } = await import('../../shared/observability/logger.ts');
  return createLogger({
    level: config.get('log.level') ?? 'info',
    format: config.get('log.format') ?? 'json',
    file: config.get('log.file'),
  });
}

/**
 * Resolves on the first SIGINT or SIGTERM, which may come while the process still starts. A second
 * one ends the process at once.
 */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = (): void => {
      signals += 1;
      if (signals > 1) process.exit(EXIT_CODES.interrupted);
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}
