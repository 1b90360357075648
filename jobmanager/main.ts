/**
 * The job manager, put together: what the command line starts as a process of its own, and what
 * `sluice run` starts beside a task manager. It owns its listeners and nothing else of the process:
 * signals and exit codes are the command line's.
 */
import { hostname } from 'node:os';
import { CheckpointPaths } from '../shared/checkpoint/checkpoint-paths.ts';
import {
  JOB_MANAGER_DEFAULTS,
  type JobManagerOptions,
} from '../shared/config/job-manager-options.ts';
import { SLUICE_VERSION } from '../shared/config/version.ts';
import type { FileSystemOptions } from '../shared/filesystem/filesystem-options.ts';
import { FileSystemRegistry } from '../shared/filesystem/filesystem-registry.ts';
import { EventLoopMeter } from '../shared/observability/event-loop-delay.ts';
import type { Logger } from '../shared/observability/logger.ts';
import type { HealthAnswer } from '../shared/rest/rest-types.ts';
import { hostInAddress } from '../shared/rpc/host-in-address.ts';
import { requireProtection } from '../shared/security/exposure.ts';
import { RefusedConnections } from '../shared/security/refused-connections.ts';
import { TlsIdentity } from '../shared/security/tls-identity.ts';
import { TokenRegistry } from '../shared/security/token-registry.ts';
import type { Clock } from '../shared/time/clock.ts';
import { systemClock } from '../shared/time/system-clock.ts';
import type { CompilePort } from './compile/compile-port.ts';
import { pipelineCompiler } from './compile/pipeline-compiler.ts';
import { JobManagerRole } from './job-manager-role.ts';
import { JobManagerTerm } from './job-manager-term.ts';
import { ELECTION_TIMING } from './leader-election/leader-election.ts';
import type { Leadership } from './leader-election/leadership.ts';
import { jobManagerMetrics } from './metrics/prometheus.ts';
import { type Ids, randomIds } from './random-ids.ts';
import { RestServer } from './rest/rest-server.ts';
import { ControlServer } from './rpc/control-server.ts';

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
  /** `http://host:port`, with TLS `https://host:port` */
  readonly restAddress: string;
  readonly restPort: number;
  /** Whether it leads; without storage it always does. */
  health(): HealthAnswer;
  /**
   * Without storage: cancels the jobs, waits for them (`shutdownTimeoutMs` at most), closes the
   * listeners. With storage: gives the lease back, so that another job manager goes on with the jobs.
   */
  stop(): Promise<void>;
}

/**
 * Resolves once it listens and its role is known: with storage it leads, if no other job manager does,
 * or stands by. Rejects with PORT_IN_USE, or ARGUMENT_INVALID for a host that others reach.
 */
export async function startJobManager(options: StartJobManagerOptions): Promise<RunningJobManager> {
  const settings = { ...JOB_MANAGER_DEFAULTS, ...options };
  const { tls, tokensFile } = settings;
  requireProtection({ ...settings, hasTls: tls !== null, hasTokens: tokensFile !== null });
  const { host, logger } = settings;
  const clock = settings.clock ?? systemClock;
  const ids = settings.ids ?? randomIds;
  const jobManagerId = ids.newJobManagerId();
  const version = SLUICE_VERSION;

  const fileSystems = new FileSystemRegistry(settings.fileSystemOptions, { clock });
  const compile = settings.compile ?? pipelineCompiler(fileSystems);
  const { storage } = settings;
  const beginTerm = (leadership: Leadership | null) =>
    new JobManagerTerm({
      ...{ settings, jobManagerId, version, fileSystems, clock, logger, ids },
      storage:
        storage === null || leadership === null
          ? null
          : { uri: storage, paths: new CheckpointPaths(storage), leadership },
    });
  if (storage !== null) fileSystems.forUri(storage);
  const { identity, tokens } = await loadSecurity(settings, { clock, logger });
  const role = new JobManagerRole({ ...settings, beginTerm, clock });
  const eventLoop = new EventLoopMeter(clock);
  const refused = new RefusedConnections();
  const rest = new RestServer({
    host,
    port: settings.restPort,
    handlers: {
      ...{ leading: () => role.leading(), health: () => role.health() },
      metrics: page(role, { eventLoop, fileSystems, clock, identity, refused }),
      ...{ log: logger.recent ?? null, options: optionsOf(settings) },
      ...{ compile, clock, version, jobManagerId, startedAtMs: clock.nowMs() },
    },
    ...{ identity, tokens, logger, refused },
  });
  const control = new ControlServer({
    ...{ host, port: settings.rpcPort, identity, clock, logger, refused },
    controlPlane: role.gate,
  });
  const closeAll = async (): Promise<void> => {
    await role.stop();
    eventLoop.stop();
    control.close();
    await Promise.all([rest.close(), fileSystems.close()]);
    identity?.close();
    tokens?.close();
  };
  let rpcPort: number;
  let restPort: number;
  try {
    if (storage === null) role.leadAlone();
    rpcPort = await control.listen();
    restPort = await rest.listen();
  } catch (error) {
    await closeAll();
    throw error;
  }
  const authority = hostInAddress(host);
  const rpcAddress = `${authority}:${rpcPort}`;
  const scheme = identity === null ? 'http' : 'https';
  const restAddress = `${scheme}://${authority}:${restPort}`;
  logger.info({ jobManagerId, rpcPort, restPort, host, version }, 'job manager listens');
  if (storage !== null) {
    await standForElection(role, storage, {
      ...{ settings, fileSystems, jobManagerId, rpcPort, restPort, scheme },
    });
  }

  const stop = async (): Promise<void> => {
    await closeAll();
    logger.info({ jobManagerId }, 'job manager stopped');
  };
  let stopping: Promise<void> | null = null;
  return {
    ...{ id: jobManagerId, host, rpcAddress, rpcPort, restAddress, restPort },
    health: () => role.health(),
    stop: () => (stopping ??= stop()),
  };
}

/** Resolves once its role is known. */
async function standForElection(
  role: JobManagerRole,
  storage: string,
  own: {
    readonly settings: Pick<JobManagerOptions, 'host' | 'advertisedHost'>;
    readonly fileSystems: FileSystemRegistry;
    readonly jobManagerId: string;
    readonly rpcPort: number;
    readonly restPort: number;
    readonly scheme: 'http' | 'https';
  },
): Promise<void> {
  const { host, advertisedHost } = own.settings;
  // What listens on every address is found by the machine's name.
  const listened = host === '0.0.0.0' || host === '::' ? hostname() : hostInAddress(host);
  const reached = advertisedHost ?? listened;
  const uri = new CheckpointPaths(storage).leader();
  await role.elect({
    ...ELECTION_TIMING,
    ...{ leaderId: own.jobManagerId, hostName: hostname() },
    rpcAddress: `${reached}:${own.rpcPort}`,
    restAddress: `${own.scheme}://${reached}:${own.restPort}`,
    ...{ uri, fileSystem: own.fileSystems.forUri(uri) },
  });
}

/** Without what is given to it beside its options. */
function optionsOf(
  settings: JobManagerOptions & Pick<StartJobManagerOptions, 'fileSystemOptions'>,
): Readonly<Record<string, unknown>> {
  const names = Object.keys(JOB_MANAGER_DEFAULTS) as (keyof JobManagerOptions)[];
  const options = Object.fromEntries(names.map((name) => [name, settings[name]]));
  return { ...options, fileSystemOptions: settings.fileSystemOptions };
}

function page(
  role: JobManagerRole,
  own: {
    readonly eventLoop: EventLoopMeter;
    readonly fileSystems: FileSystemRegistry;
    readonly clock: Clock;
    readonly identity: TlsIdentity | null;
    readonly refused: RefusedConnections;
  },
): ReturnType<typeof jobManagerMetrics> {
  return jobManagerMetrics({
    term: () => role.term,
    eventLoop: () => own.eventLoop.read(),
    storage: () => own.fileSystems.meter.totals(),
    security: {
      certificateExpiresAtMs: () => own.identity?.material.expiresAtMs ?? null,
      refused: own.refused,
    },
    nowMs: () => own.clock.nowMs(),
  });
}

/** Whom it shows itself as, and whom it lets in. Throws what is wrong with the files. */
async function loadSecurity(
  { tls, tokensFile }: Pick<JobManagerOptions, 'tls' | 'tokensFile'>,
  options: { readonly clock: Clock; readonly logger: Logger },
): Promise<{ readonly identity: TlsIdentity | null; readonly tokens: TokenRegistry | null }> {
  const identity = tls === null ? null : await TlsIdentity.load(tls, options);
  try {
    const tokens = tokensFile === null ? null : await TokenRegistry.load(tokensFile, options);
    return { identity, tokens };
  } catch (error) {
    identity?.close();
    throw error;
  }
}
