/**
 * The job manager, put together: what the command line starts as a process of its own, and what
 * `sluice run` starts beside a task manager. It owns its listeners and nothing else of the process:
 * signals and exit codes are the command line's.
 */
import {
  JOB_MANAGER_DEFAULTS,
  type JobManagerOptions,
} from '../shared/config/job-manager-options.ts';
import { SLUICE_VERSION } from '../shared/config/version.ts';
import type { FileSystemOptions } from '../shared/filesystem/filesystem-options.ts';
import { FileSystemRegistry } from '../shared/filesystem/filesystem-registry.ts';
import type { Logger } from '../shared/observability/logger.ts';
import { requireLoopback } from '../shared/rpc/loopback.ts';
import type { Clock } from '../shared/time/clock.ts';
import { systemClock } from '../shared/time/system-clock.ts';
import { CheckpointRecovery } from './checkpoint/checkpoint-recovery.ts';
import type { CompilePort } from './compile/compile-port.ts';
import { pipelineCompiler } from './compile/pipeline-compiler.ts';
import { Dispatcher } from './dispatcher/dispatcher.ts';
import { jobManagerMetrics } from './metrics/prometheus.ts';
import { type Ids, randomIds } from './random-ids.ts';
import { ResourceManager } from './resource-manager/resource-manager.ts';
import { RestServer } from './rest/rest-server.ts';
import { ControlServer } from './rpc/control-server.ts';
import { enumeratorFactory } from './sources/create-enumerator.ts';

export interface StartJobManagerOptions extends Partial<JobManagerOptions> {
  /** Default: the pipeline compiler. */
  readonly compile?: CompilePort;
  /** How sources and the compiler reach what they read. */
  readonly fileSystemOptions: FileSystemOptions;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly ids?: Ids;
}

export interface RunningJobManager {
  readonly id: string;
  readonly host: string;
  /** Where task managers connect to: `host:port`. */
  readonly rpcAddress: string;
  readonly rpcPort: number;
  /** `http://host:port` */
  readonly restAddress: string;
  readonly restPort: number;
  /** Cancels the jobs, waits for them (`shutdownTimeoutMs` at most), closes the listeners. */
  stop(): Promise<void>;
}

/** Rejects with PORT_IN_USE, or ARGUMENT_INVALID for a host that others reach. */
export async function startJobManager(options: StartJobManagerOptions): Promise<RunningJobManager> {
  const settings = { ...JOB_MANAGER_DEFAULTS, ...options };
  requireLoopback(settings.host, settings.insecure);
  const { host, logger } = settings;
  const clock = settings.clock ?? systemClock;
  const ids = settings.ids ?? randomIds;
  const jobManagerId = ids.newJobManagerId();
  const version = SLUICE_VERSION;

  const resourceManager = new ResourceManager({ ...settings, jobManagerId, version, clock });
  const fileSystems = new FileSystemRegistry(settings.fileSystemOptions, { clock });
  const compile = settings.compile ?? pipelineCompiler(fileSystems);
  const createEnumerator = enumeratorFactory({ fileSystems, clock, logger });
  const { storage } = settings;
  const recoveries =
    storage === null ? null : new CheckpointRecovery({ fileSystems, storage, clock, logger });
  const { newJobId } = ids;
  const dispatcher = new Dispatcher({
    ...settings,
    resourceManager,
    createEnumerator,
    recoveries,
    newJobId,
    clock,
  });
  const metrics = jobManagerMetrics({ dispatcher, resourceManager });
  const startedAtMs = clock.nowMs();
  const handlers = { dispatcher, resourceManager, compile, metrics, clock, version };
  const rest = new RestServer({
    host,
    port: settings.restPort,
    handlers: { ...handlers, jobManagerId, startedAtMs },
    logger,
  });
  const control = new ControlServer({
    host,
    port: settings.rpcPort,
    resourceManager,
    clock,
    logger,
  });

  resourceManager.start(dispatcher);
  let rpcPort: number;
  let restPort: number;
  try {
    rpcPort = await control.listen();
    restPort = await rest.listen();
  } catch (error) {
    resourceManager.stop();
    control.close();
    await Promise.all([rest.close(), fileSystems.close()]);
    throw error;
  }
  const authority = host.includes(':') ? `[${host}]` : host;
  logger.info({ jobManagerId, rpcPort, restPort, host, version }, 'job manager listens');

  const stop = async (): Promise<void> => {
    await within(clock, settings.shutdownTimeoutMs, dispatcher.shutdown());
    resourceManager.stop();
    dispatcher.abandon();
    control.close();
    await Promise.all([rest.close(), fileSystems.close()]);
    logger.info({ jobManagerId }, 'job manager stopped');
  };
  let stopping: Promise<void> | null = null;
  return {
    id: jobManagerId,
    host,
    rpcAddress: `${authority}:${rpcPort}`,
    rpcPort,
    restAddress: `http://${authority}:${restPort}`,
    restPort,
    stop: () => (stopping ??= stop()),
  };
}

/** Resolves with the promise, or without it after `timeoutMs`. */
function within(clock: Clock, timeoutMs: number, promise: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancelTimer = clock.setTimer(timeoutMs, resolve);
    promise.then(resolve, reject).finally(cancelTimer);
  });
}
