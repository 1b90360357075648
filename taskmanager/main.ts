import { randomBytes } from 'node:crypto';
import { availableParallelism, hostname, networkInterfaces, totalmem } from 'node:os';
import process from 'node:process';
import {
  TASK_MANAGER_DEFAULTS,
  type TaskManagerOptions,
} from '../shared/config/task-manager-options.ts';
import { SLUICE_VERSION } from '../shared/config/version.ts';
import type { SluiceError } from '../shared/errors/sluice-error.ts';
import { FileSystemRegistry } from '../shared/filesystem/filesystem-registry.ts';
import type { Logger } from '../shared/observability/logger.ts';
import type { JobManagerMessage, TaskManagerRegistration } from '../shared/rpc/messages.ts';
import { requireProtection } from '../shared/security/exposure.ts';
import { RefusedConnections } from '../shared/security/refused-connections.ts';
import { TlsIdentity } from '../shared/security/tls-identity.ts';
import type { CancelTimer, Clock } from '../shared/time/clock.ts';
import { systemClock } from '../shared/time/system-clock.ts';
import { UNLOAD_AFTER_MS } from './inference/inference-options.ts';
import { InferenceService } from './inference/inference-service.ts';
import { GpuMeter } from './metrics/gpu-meter.ts';
import { type MetricsServer, startMetricsServer } from './metrics/metrics-server.ts';
import { ProcessMeter } from './metrics/process-metrics.ts';
import { taskManagerMetrics } from './metrics/prometheus.ts';
import { TaskMetricsStore } from './metrics/task-metrics-store.ts';
import { NetworkHub } from './network/network-hub.ts';
import { JobManagerConnection } from './rpc/job-manager-connection.ts';
import { leaderAddress } from './rpc/leader-address.ts';
import { startSlotThread } from './slots/slot-thread.ts';
import { localStateFolder } from './snapshots/local-state.ts';
import { LocalStateKeeper } from './snapshots/local-state-keeper.ts';
import { Drain } from './task-executor/drain.ts';
import { TaskExecutor } from './task-executor/task-executor.ts';

/** What is given beside the options that can come from a command line. */
export interface StartTaskManagerOptions extends Partial<Omit<TaskManagerOptions, 'id'>> {
  readonly id?: string;
  readonly logger: Logger;
}

export interface RunningTaskManager {
  readonly id: string;
  /** `host:port` */
  readonly dataAddress: string;
  readonly metricsAddress: string;
  /** Resolves if the job manager refuses this task manager; nothing runs then, `stop` it. */
  readonly refused: Promise<SluiceError>;
  /**
   * Asks the job manager to move its tasks elsewhere; resolves when they have moved, or after
   * `drainTimeoutMs`, and at once where nobody could move them. `stop` comes after it.
   */
  drain(): Promise<void>;
  /** Graceful and bounded: says goodbye, cancels its tasks, ends its threads. */
  stop(): Promise<void>;
}

/**
 * Starts a task manager in this process: the data plane, the inference service, the slots, the
 * metrics endpoint, and the connection to the job manager, which is tried for ever. Embedded mode
 * and `sluice taskmanager` both come here. Throws a SluiceError where it cannot listen.
 */
export async function startTaskManager(
  given: StartTaskManagerOptions,
): Promise<RunningTaskManager> {
  const { logger, ...overrides } = given;
  const options: TaskManagerOptions = { ...TASK_MANAGER_DEFAULTS, ...overrides };
  requireProtection({ ...options, hasTls: options.tls !== null, hasTokens: null });
  const id = options.id ?? `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  const taskManager = new TaskManager({ id, options, logger, clock: systemClock });
  await taskManager.start();
  return taskManager;
}

interface Settings {
  readonly id: string;
  readonly options: TaskManagerOptions;
  readonly logger: Logger;
  readonly clock: Clock;
}

class TaskManager implements RunningTaskManager {
  readonly id: string;
  readonly refused: Promise<SluiceError>;
  readonly #settings: Settings;
  readonly #tasks: TaskMetricsStore;
  readonly #meter: ProcessMeter;
  readonly #gpus: GpuMeter;
  readonly #fileSystems: FileSystemRegistry;
  readonly #localState: LocalStateKeeper;
  readonly #drain: Drain;
  readonly #refused = new RefusedConnections();
  #refuse: (error: SluiceError) => void = () => {};
  #identity: TlsIdentity | null = null;
  #hub: NetworkHub | null = null;
  #inference: InferenceService | null = null;
  #metricsServer: MetricsServer | null = null;
  #executor: TaskExecutor | null = null;
  #connection: JobManagerConnection | null = null;
  #cancelLostTimer: CancelTimer = () => {};
  #stopping: Promise<void> | null = null;

  constructor(settings: Settings) {
    this.id = settings.id;
    this.#settings = settings;
    this.#tasks = new TaskMetricsStore(settings.clock);
    this.#meter = new ProcessMeter(settings.clock);
    this.#gpus = new GpuMeter(settings);
    const { clock, options } = settings;
    this.#fileSystems = new FileSystemRegistry(options.fileSystemOptions, { clock });
    this.#localState = new LocalStateKeeper({
      folder: localStateFolder(options.localStateDirectory, settings.id),
      bytesMax: options.localStateBytesMax,
      clock,
      logger: settings.logger,
    });
    this.#drain = new Drain({
      clock,
      logger: settings.logger,
      timeoutMs: options.drainTimeoutMs,
      hasTasks: () => (this.#executor?.runningAttemptIds.length ?? 0) > 0,
      ask: () => this.#connection?.ask({ kind: 'drain' }) ?? false,
    });
    this.refused = new Promise((resolve) => {
      this.#refuse = resolve;
    });
  }

  get dataAddress(): string {
    const address = this.#hub?.address;
    return address === undefined ? '' : `${address.host}:${address.port}`;
  }

  get metricsAddress(): string {
    return this.#metricsServer?.address ?? '';
  }

  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  drain(): Promise<void> {
    return this.#drain.untilDrained();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #start(): Promise<void> {
    const { id, options, logger, clock } = this.#settings;
    const { host, dataPort, metricsPort } = options;
    const advertisedHost = options.advertisedHost ?? reachableHost(host);
    const identity =
      options.tls === null ? null : await TlsIdentity.load(options.tls, { clock, logger });
    this.#identity = identity;
    const hub = await NetworkHub.start({
      taskManagerId: id,
      host,
      advertisedHost,
      port: dataPort,
      identity,
      refused: this.#refused,
      clock,
      log: (level, message, context) => logger[level](context, message),
    });
    this.#hub = hub;
    const inference = await InferenceService.start({
      executors: options.executors,
      intraOpThreads: options.intraOpThreads,
      gpuExecutionProvider: options.gpuExecutionProvider,
      modelCacheDirectory: options.modelCacheDirectory,
      unloadAfterMs: UNLOAD_AFTER_MS,
      fileSystems: this.#fileSystems,
      clock,
    });
    this.#inference = inference;
    if (options.device === 'gpu') this.#gpus.start();
    const registry = taskManagerMetrics({
      tasks: this.#tasks,
      inference: () => inference.stats(),
      gpus: () => this.#gpus.readings,
      eventLoop: () => this.#meter.eventLoop(),
      storage: () => this.#fileSystems.meter.totals(),
      security: {
        certificateExpiresAtMs: () => identity?.material.expiresAtMs ?? null,
        refused: this.#refused,
      },
    });
    this.#metricsServer = await startMetricsServer(registry, {
      ...{ host, port: metricsPort, identity, clock, logger, refused: this.#refused },
    });
    this.#localState.start(options.localStateDirectory);
    this.#executor = this.#createExecutor(hub, inference);
    this.#executor.warmUp();
    this.#connection = this.#createConnection(this.#executor);
    this.#connection.start();
  }

  #createExecutor(hub: NetworkHub, inference: InferenceService): TaskExecutor {
    const { id, options, logger, clock } = this.#settings;
    const { device, fileSystemOptions, metricsIntervalMs, cancellationTimeoutMs } = options;
    const { localStateDirectory } = options;
    return new TaskExecutor({
      taskManagerId: id,
      fileSystems: this.#fileSystems,
      localState: this.#localState,
      slots: options.slots,
      clock,
      logger,
      observer: this.#tasks,
      cancellationTimeoutMs,
      send: (message) => this.#connection?.send(message),
      startThread: (slotIndex, events) =>
        startSlotThread(
          {
            slotIndex,
            taskManagerId: id,
            device,
            fileSystemOptions,
            localStateDirectory,
            localStateFolder: localStateFolder(localStateDirectory, id),
            metricsIntervalMs,
            networkPort: hub.connectSlot(),
            inferencePort: inference.connectSlot(),
            logsDebug: logger.isLevelEnabled?.('debug') ?? true,
          },
          events,
        ),
    });
  }

  #createConnection(executor: TaskExecutor): JobManagerConnection {
    const { options, logger, clock } = this.#settings;
    return new JobManagerConnection({
      address: options.jobManagerAddress,
      ...(options.storage === null
        ? {}
        : { leaderAddress: leaderAddress(this.#fileSystems, options.storage) }),
      identity: this.#identity,
      clock,
      random: Math.random,
      logger,
      registration: () => this.#registration(executor),
      heartbeat: () => ({ subtasks: executor.subtaskMetrics(), process: this.#meter.read() }),
      handler: {
        onMessage: (message) => {
          if (message.kind === 'read-log') this.#sendLog(message);
          else handleCommand(executor, this.#drain, message);
        },
        onRegistered: () => this.#cancelLostTimer(),
        onLost: () => this.#jobManagerLost(executor),
        onRefused: (error) => this.#refuse(error),
      },
    });
  }

  #registration(executor: TaskExecutor): TaskManagerRegistration {
    const { id, options } = this.#settings;
    const address = this.#hub?.address;
    return {
      taskManagerId: id,
      version: SLUICE_VERSION,
      dataHost: address?.host ?? options.host,
      dataPort: address?.port ?? 0,
      metricsAddress: this.metricsAddress,
      slots: Array.from({ length: options.slots }, () => ({ device: options.device })),
      labels: options.labels,
      executors: options.executors,
      draining: this.#drain.begun,
      runningAttemptIds: executor.runningAttemptIds,
      attempts: executor.attempts,
      hostName: hostname(),
      processId: process.pid,
      cpuCores: availableParallelism(),
      memoryBytes: totalmem(),
    };
  }

  #sendLog({ requestId, range }: Extract<JobManagerMessage, { kind: 'read-log' }>): void {
    const part = this.#settings.logger.recent?.read(range) ?? null;
    this.#connection?.send({ kind: 'log-part', requestId, part });
  }

  /** Tasks go on for a while: a job manager that comes back in time decides about them. */
  #jobManagerLost(executor: TaskExecutor): void {
    const { clock, options, logger } = this.#settings;
    this.#drain.onLost();
    this.#cancelLostTimer();
    this.#cancelLostTimer = clock.setTimer(options.jobManagerLostTimeoutMs, () => {
      const attemptIds = executor.runningAttemptIds;
      if (attemptIds.length === 0) return;
      logger.error({ attemptIds }, 'no job manager for too long: its tasks are cancelled');
      executor.cancelAll();
    });
  }

  async #stop(): Promise<void> {
    const { options, logger } = this.#settings;
    logger.info({ taskManagerId: this.id }, 'task manager stops');
    this.#cancelLostTimer();
    await this.#connection?.close('the task manager was asked to stop', LEAVING_TIMEOUT_MS);
    // Slots first: they use everything else.
    await this.#executor?.stop(options.shutdownTimeoutMs);
    await this.#localState.close();
    await this.#inference?.stop();
    await this.#hub?.close();
    await this.#metricsServer?.close();
    await this.#fileSystems.close();
    this.#gpus.stop();
    this.#identity?.close();
    this.#meter.stop();
  }
}

const LEAVING_TIMEOUT_MS = 1_000;

/** What listens on every address is found at the machine's first one that others reach. */
function reachableHost(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return host;
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const first = addresses.find(({ internal, family }) => !internal && family === 'IPv4');
  return first?.address ?? hostname();
}

function handleCommand(
  executor: TaskExecutor,
  drain: Drain,
  message: Exclude<JobManagerMessage, { kind: 'read-log' }>,
): void {
  switch (message.kind) {
    case 'deploy-task':
    case 'cancel-task':
    case 'assign-splits':
    case 'no-more-splits':
    case 'trigger-checkpoint':
    case 'checkpoint-complete':
    case 'checkpoint-aborted':
      executor.handle(message);
      return;
    case 'drain-state':
      drain.onState(message.drained);
      return;
    case 'registered':
    case 'refused':
    case 'heartbeat-reply':
      // These concern the connection, which has dealt with them.
      return;
    default:
      message satisfies never;
  }
}
