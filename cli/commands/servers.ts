import { resolve } from 'node:path';
import process from 'node:process';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { TlsFiles } from '../../shared/config/tls-files.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { integerBetween, parsePort } from '../numbers.ts';
import { storageOption } from '../storage-location.ts';
import { addStorageOptions, fileSystemOptions, type StorageFlags } from '../storage-options.ts';

interface ServerFlags extends StorageFlags {
  readonly host: string;
  readonly insecure?: boolean;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  readonly tlsAuthority?: string;
  readonly logFormat: 'json' | 'pretty';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

interface JobManagerFlags extends ServerFlags {
  readonly rpcPort: number;
  readonly restPort: number;
  readonly storage?: string;
  readonly tokens?: string;
}

interface TaskManagerFlags extends ServerFlags {
  readonly jobManager: string;
  readonly storage?: string;
  readonly id?: string;
  readonly slots?: number;
  readonly executors?: number;
  readonly device: 'cpu' | 'gpu';
  readonly gpuProvider?: 'cpu' | 'cuda' | 'tensorrt' | 'webgpu';
  readonly dataPort: number;
  readonly metricsPort: number;
  readonly label?: Readonly<Record<string, string>>;
  readonly localState?: string;
}

type SetExitCode = (code: ExitCode) => void;

/** The processes of a cluster: they run in the foreground until SIGTERM or Ctrl-C. */
export function addServerCommands(program: Command, setExitCode: SetExitCode): void {
  const jobManager = program
    .command('jobmanager')
    .description('start a job manager (runs until Ctrl-C)')
    .option('--rpc-port <port>', 'gRPC port for task managers', parsePort, 6123)
    .option('--rest-port <port>', 'port of the REST API and /metrics', parsePort, 8081)
    .addOption(
      storageOption(
        'folder or s3://bucket/prefix of jobs and checkpoints (default: none are kept)',
      ),
    )
    .option('--tokens <file>', 'file of the tokens that the REST API accepts')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice jobmanager --rpc-port 6123 --rest-port 8081\n' +
        '  $ sluice jobmanager --storage s3://my-bucket/sluice',
    )
    .action(async (flags: JobManagerFlags) => setExitCode(await runJobManager(flags)));
  addServerOptions(jobManager);
  const taskManager = program
    .command('taskmanager')
    .description('start a task manager (runs until Ctrl-C)')
    .addOption(
      new Option(
        '--job-manager <host:port>',
        'gRPC address of the job manager; several with commas are tried in turn',
      )
        .env('SLUICE_JOB_MANAGER_RPC')
        .default('127.0.0.1:6123'),
    )
    .addOption(storageOption("the job managers' storage: its lease says which of them leads"))
    .option('--id <name>', 'name in the cluster (default: made from the host and the process)')
    .option('--slots <n>', 'parallel subtasks (default: half the cores)', integerBetween(1, 1024))
    .option('--executors <n>', 'inference threads (default: the cores)', integerBetween(1, 1024))
    .addOption(
      new Option('--device <kind>', 'kind of slots').choices(['cpu', 'gpu']).default('cpu'),
    )
    .addOption(
      new Option('--gpu-provider <name>', 'what runs models on the GPU slots').choices([
        'cpu',
        'cuda',
        'tensorrt',
        'webgpu',
      ]),
    )
    .option('--label <name=value>', 'a label that pipelines can ask for (repeatable)', label)
    .option('--local-state <folder>', 'on a local disk: working files and copies of state')
    .option('--data-port <port>', 'port of the data plane (0: any)', parsePort, 0)
    .option('--metrics-port <port>', 'port of /metrics (0: any)', parsePort, 0)
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice taskmanager --job-manager 127.0.0.1:6123 --slots 4\n' +
        '  $ sluice taskmanager --device gpu --gpu-provider cuda --label zone=a',
    )
    .action(async (flags: TaskManagerFlags) => setExitCode(await runTaskManager(flags)));
  addServerOptions(taskManager);
}

function addServerOptions(command: Command): void {
  command
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--insecure', 'allow an address that other machines reach, without TLS and tokens')
    .option('--tls-certificate <file>', "the server's certificate, a PEM file")
    .option('--tls-key <file>', 'its private key, a PEM file')
    .option('--tls-authority <file>', 'the certificate of the authority that signed it')
    .addOption(
      new Option('--log-format <format>', 'how to log').choices(['json', 'pretty']).default('json'),
    )
    .addOption(
      new Option('--log-level <level>', 'what to log')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    );
  addStorageOptions(command);
}

async function runJobManager(flags: JobManagerFlags): Promise<ExitCode> {
  const signalled = untilSignal();
  const { startJobManager } = await import('../../jobmanager/main.ts');
  const { createLogger } = await import('../../shared/observability/logger.ts');
  const running = await startJobManager({
    host: flags.host,
    rpcPort: flags.rpcPort,
    restPort: flags.restPort,
    storage: flags.storage ?? null,
    fileSystemOptions: fileSystemOptions(flags),
    logger: createLogger({ level: flags.logLevel, format: flags.logFormat }),
    insecure: flags.insecure === true,
    tls: tlsOf(flags),
    tokensFile: flags.tokens ?? null,
  });
  process.stdout.write(
    `job manager ready: REST ${running.restAddress}, gRPC ${running.rpcAddress}\n`,
  );
  await signalled;
  await running.stop();
  return EXIT_CODES.ok;
}

async function runTaskManager(flags: TaskManagerFlags): Promise<ExitCode> {
  const signalled = untilSignal();
  const { startTaskManager } = await import('../../taskmanager/main.ts');
  const { createLogger } = await import('../../shared/observability/logger.ts');
  const running = await startTaskManager({
    jobManagerAddress: flags.jobManager,
    storage: flags.storage ?? null,
    host: flags.host,
    dataPort: flags.dataPort,
    metricsPort: flags.metricsPort,
    device: flags.device,
    labels: flags.label ?? {},
    fileSystemOptions: fileSystemOptions(flags),
    logger: createLogger({ level: flags.logLevel, format: flags.logFormat }),
    insecure: flags.insecure === true,
    tls: tlsOf(flags),
    ...(flags.id === undefined ? {} : { id: flags.id }),
    ...(flags.slots === undefined ? {} : { slots: flags.slots }),
    ...(flags.executors === undefined ? {} : { executors: flags.executors }),
    ...(flags.localState === undefined ? {} : { localStateDirectory: resolve(flags.localState) }),
    ...(flags.gpuProvider === undefined ? {} : { gpuExecutionProvider: flags.gpuProvider }),
  });
  process.stdout.write(`task manager ${running.id} ready: data ${running.dataAddress}\n`);
  const refused = await Promise.race([signalled.then(() => null), running.refused]);
  await running.stop();
  if (refused !== null) throw refused;
  return EXIT_CODES.ok;
}

function tlsOf({ tlsCertificate, tlsKey, tlsAuthority }: ServerFlags): TlsFiles | null {
  const files = [tlsCertificate, tlsKey, tlsAuthority];
  if (files.every((file) => file === undefined)) return null;
  if (tlsCertificate === undefined || tlsKey === undefined || tlsAuthority === undefined) {
    throw new SluiceError('ARGUMENT_INVALID', 'TLS needs certificate, key and authority', {
      domain: 'user',
      hint: 'give --tls-certificate, --tls-key and --tls-authority together',
    });
  }
  return { certificate: tlsCertificate, key: tlsKey, authority: tlsAuthority };
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

function label(
  text: string,
  previous: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const [name = '', value, ...rest] = text.split('=');
  if (name === '' || value === undefined || rest.length > 0) {
    throw new InvalidArgumentError('It must be name=value.');
  }
  if (Object.keys(previous).length >= 32) {
    throw new SluiceError('ARGUMENT_INVALID', 'a task manager carries at most 32 labels', {
      domain: 'user',
    });
  }
  return { ...previous, [name]: value };
}
