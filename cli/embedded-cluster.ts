import { availableParallelism } from 'node:os';
import { startJobManager } from '../jobmanager/main.ts';
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
}

export interface EmbeddedCluster {
  readonly client: RestClient;
  /** Of the REST API. */
  readonly address: string;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';

/** A job manager and one task manager in this process, talking over loopback as they always do. */
export async function startEmbeddedCluster(
  options: EmbeddedClusterOptions,
): Promise<EmbeddedCluster> {
  const cores = availableParallelism();
  const slots = options.slots ?? Math.max(1, Math.floor(cores / 2));
  // An error ends the job, and the job's summary tells it: once is enough.
  const logger = onlyWarnings(createLogger({ level: 'warn', format: 'pretty' }));
  const jobManager = await startJobManager({
    host: HOST,
    rpcPort: 0,
    restPort: options.restPort,
    storage: options.storage,
    expectedSlots: slots,
    fileSystemOptions: options.fileSystemOptions,
    logger,
  });
  try {
    const taskManager = await startTaskManager({
      jobManagerAddress: jobManager.rpcAddress,
      host: HOST,
      dataPort: 0,
      metricsPort: 0,
      slots,
      device: options.device,
      gpuExecutionProvider: 'cuda',
      executors: options.executors ?? cores,
      fileSystemOptions: options.fileSystemOptions,
      logger,
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
  return { ...silentLogger, warn: (fields, message) => logger.warn(fields, message) };
}
