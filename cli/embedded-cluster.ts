import { startJobManager } from '../jobmanager/main.ts';
import type { JobManagerOptions } from '../shared/config/job-manager-options.ts';
import {
  TASK_MANAGER_DEFAULTS,
  type TaskManagerOptions,
} from '../shared/config/task-manager-options.ts';
import type { FileSystemOptions } from '../shared/filesystem/filesystem-options.ts';
import { createLogger, type Logger, silentLogger } from '../shared/observability/logger.ts';
import { RestClient } from '../shared/rest/rest-client.ts';
import { startTaskManager } from '../taskmanager/main.ts';

export interface EmbeddedClusterOptions {
  readonly restPort: number;
  /** A URI; null: no checkpoints. */
  readonly storage: string | null;
  readonly device: 'cpu' | 'gpu';
  readonly fileSystemOptions: FileSystemOptions;
  /** Default: half the cores. */
  readonly slots?: number;
  /** Default: the cores. */
  readonly executors?: number;
  /** What else is not as usual; where they listen is not asked. */
  readonly jobManager?: Partial<JobManagerOptions>;
  readonly taskManager?: Partial<Omit<TaskManagerOptions, 'id'>>;
}

export interface EmbeddedCluster {
  readonly client: RestClient;
  /** Of the REST API. */
  readonly address: string;
  stop(): Promise<void>;
}

/** Nobody else is to reach it, whatever a file says of the servers of a deployment. */
const ALONE = { host: '127.0.0.1', advertisedHost: null, insecure: false, tls: null } as const;

/** A job manager and one task manager in this process, talking over loopback as they always do. */
export async function startEmbeddedCluster(
  options: EmbeddedClusterOptions,
): Promise<EmbeddedCluster> {
  const { restPort, storage, device, fileSystemOptions, executors } = options;
  const slots = options.slots ?? TASK_MANAGER_DEFAULTS.slots;
  // An error ends the job, and the job's summary tells it: once is enough.
  const logger = onlyWarnings(createLogger({ level: 'warn', format: 'pretty' }));
  const jobManager = await startJobManager({
    ...options.jobManager,
    ...ALONE,
    ...{ restPort, storage, fileSystemOptions, logger },
    tokensFile: null,
    rpcPort: 0,
    expectedSlots: slots,
  });
  try {
    const taskManager = await startTaskManager({
      gpuExecutionProvider: 'cuda',
      ...options.taskManager,
      ...ALONE,
      ...{ slots, device, fileSystemOptions, logger },
      ...(executors === undefined ? {} : { executors }),
      jobManagerAddress: jobManager.rpcAddress,
      // Its job manager is this one, whoever leads on the storage.
      storage: null,
      dataPort: 0,
      metricsPort: 0,
    });
    return {
      client: new RestClient(jobManager.restAddress),
      address: jobManager.restAddress,
      async stop() {
        await jobManager.stop();
        await taskManager.stop();
      },
    };
  } catch (error) {
    await jobManager.stop();
    throw error;
  }
}

function onlyWarnings(logger: Logger): Logger {
  const { recent } = logger;
  return {
    ...silentLogger,
    warn: (fields, message) => logger.warn(fields, message),
    ...(recent === undefined ? {} : { recent }),
  };
}
