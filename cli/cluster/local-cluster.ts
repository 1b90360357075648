import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { EffectiveConfig } from '../../shared/config/effective-config.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { RestClient } from '../../shared/rest/rest-client.ts';
import type { TaskManagerInfo } from '../../shared/rest/rest-types.ts';
import { hostInAddress } from '../../shared/rpc/host-in-address.ts';
import { type Clock, sleep } from '../../shared/time/clock.ts';
import { awaitDrained } from '../await-drained.ts';
import { type ClusterMember, type ClusterState, ClusterStateFile } from './cluster-state.ts';
import { endProcesses, isAlive, logTail, spawnDetached } from './processes.ts';

const START_TIMEOUT_MS = 30_000;
const POLL_MS = 100;

export interface ClusterUpOptions {
  readonly taskManagers: number;
  readonly gpuTaskManagers: number;
  /** Where nobody has said any, a URI. */
  readonly storageDefault: string;
}

/**
 * A cluster of local processes, remembered in a folder. Each task manager gets its share of the
 * machine's cores as inference threads.
 */
export class LocalCluster {
  readonly #directory: string;
  readonly #file: ClusterStateFile;
  readonly #clock: Clock;
  readonly #connect: (address: string) => Promise<RestClient>;

  constructor(
    directory: string,
    options: {
      readonly clock: Clock;
      /** With the token and the authority that its job manager asks for. */
      readonly connect: (address: string) => Promise<RestClient>;
    },
  ) {
    this.#directory = resolve(directory);
    this.#file = new ClusterStateFile(this.#directory);
    this.#clock = options.clock;
    this.#connect = options.connect;
  }

  async up(config: EffectiveConfig, options: ClusterUpOptions): Promise<ClusterState> {
    const old = await this.#file.read();
    if (old !== null && (await this.#anyAlive(old))) {
      throw new SluiceError('FILE_EXISTS', `a cluster already runs in ${this.#directory}`, {
        domain: 'user',
        hint: 'sluice cluster scale <n> changes its size; sluice cluster down ends it',
      });
    }
    const jobManager = this.#startJobManager(config, options.storageDefault);
    const host = hostToDial(config.get('host') ?? '127.0.0.1');
    const scheme = config.get('tls.certificate') === null ? 'http' : 'https';
    let state: ClusterState = {
      restAddress: `${scheme}://${host}:${config.get('jobManager.restPort')}`,
      rpcAddress: `${host}:${config.get('jobManager.rpcPort')}`,
      slots: config.given('taskManager.slots') ?? 1,
      configFile: config.file,
      members: [jobManager],
    };
    await this.#file.write(state);
    try {
      await this.#untilReady(state, 0);
      state = this.#withTaskManagers(state, 'cpu', options.taskManagers, config);
      state = this.#withTaskManagers(state, 'gpu', options.gpuTaskManagers, config);
      await this.#file.write(state);
      await this.#untilReady(state, state.members.length - 1);
    } catch (error) {
      await this.down();
      throw error;
    }
    return state;
  }

  /** The `sluice.yaml` of its processes; null: none, or no cluster. */
  async configFile(): Promise<string | null> {
    return (await this.#file.read())?.configFile ?? null;
  }

  /** The state, which of its processes run, and what the job manager says. */
  async status(): Promise<{
    readonly state: ClusterState;
    readonly alive: readonly boolean[];
    readonly taskManagers: readonly TaskManagerInfo[];
  }> {
    const state = await this.#require();
    const alive = await Promise.all(state.members.map((member) => isAlive(member.processId)));
    const client = await this.#connect(state.restAddress);
    return { state, alive, taskManagers: alive[0] === true ? await client.taskManagers() : [] };
  }

  /**
   * Starts or ends CPU task managers until `count` run; the youngest end first, and drain before for the
   * configured time at most. `onNotice` is told what is waited for.
   */
  async scale(
    count: number,
    config: EffectiveConfig,
    onNotice: (text: string) => void,
  ): Promise<ClusterState> {
    const found = await this.#require();
    await requireJobManager(found);
    let state = await this.#withoutDead(found);
    const current = state.members.filter(isCpuTaskManager);
    if (count < current.length) {
      const leaving = current.slice(count);
      const timeoutMs = config.get('drainTimeout') ?? 0;
      await this.#drain(state, leaving, { timeoutMs, onNotice });
      const processIds = leaving.map(({ processId }) => processId);
      await endProcesses(processIds, this.#clock);
      state = { ...state, members: state.members.filter((member) => !leaving.includes(member)) };
    } else {
      state = this.#withTaskManagers(state, 'cpu', count - current.length, config);
    }
    await this.#file.write(state);
    await this.#untilReady(state, state.members.length - 1);
    return state;
  }

  /** Ends every process, the task managers first; gives how many had to be killed. */
  async down(): Promise<{ readonly ended: number; readonly killed: number }> {
    const state = await this.#require();
    const [jobManager, ...taskManagers] = state.members;
    let killed = await endProcesses(
      taskManagers.map((member) => member.processId),
      this.#clock,
    );
    if (jobManager !== undefined) {
      killed += await endProcesses([jobManager.processId], this.#clock);
    }
    await this.#file.remove();
    return { ended: state.members.length, killed };
  }

  /** All at once, so that no job moves from one that leaves to another. */
  async #drain(
    state: ClusterState,
    members: readonly ClusterMember[],
    options: { readonly timeoutMs: number; readonly onNotice: (text: string) => void },
  ): Promise<void> {
    const { timeoutMs, onNotice } = options;
    if (timeoutMs === 0) return;
    const client = await this.#connect(state.restAddress);
    const begun = await Promise.all(members.map(({ name }) => client.drain(name)));
    const waiting = { timeoutMs, clock: this.#clock, onReason: onNotice };
    const infos = await Promise.all(begun.map((info) => awaitDrained(client, info, waiting)));
    for (const { id, state } of infos) {
      if (state !== 'DRAINED') onNotice(`${id}: not drained in ${timeoutMs / 1000} s, it ends now`);
    }
  }

  async #require(): Promise<ClusterState> {
    const state = await this.#file.read();
    if (state !== null) return state;
    throw new SluiceError('FILE_NOT_FOUND', `no cluster was started in ${this.#directory}`, {
      domain: 'user',
      hint: 'sluice cluster up starts one; --directory names another place',
    });
  }

  async #anyAlive(state: ClusterState): Promise<boolean> {
    const alive = await Promise.all(state.members.map((member) => isAlive(member.processId)));
    return alive.includes(true);
  }

  async #withoutDead(state: ClusterState): Promise<ClusterState> {
    const alive = await Promise.all(state.members.map((member) => isAlive(member.processId)));
    return { ...state, members: state.members.filter((_, index) => alive[index]) };
  }

  #startJobManager(config: EffectiveConfig, storageDefault: string): ClusterMember {
    const { value, origin } = config.entry('storage');
    const storage = origin.from === 'default' ? storageDefault : value;
    const name = 'jobmanager';
    const args = ['jobmanager', '--rest-port', `${config.get('jobManager.restPort')}`];
    args.push('--rpc-port', `${config.get('jobManager.rpcPort')}`);
    args.push(...(storage === null ? ['--no-storage'] : ['--storage', `${storage}`]));
    args.push(...sharedArguments(config, { name, configFile: config.file }));
    return this.#start(name, 'jobmanager', 'cpu', args);
  }

  #withTaskManagers(
    state: ClusterState,
    device: 'cpu' | 'gpu',
    count: number,
    config: EffectiveConfig,
  ): ClusterState {
    const taken = new Set(state.members.map((member) => member.name));
    const members = [...state.members];
    const together = taken.size - 1 + count;
    const share = Math.max(1, Math.floor(availableParallelism() / Math.max(1, together)));
    const executors = config.given('taskManager.executors') ?? share;
    for (let number = 1; members.length < state.members.length + count; number += 1) {
      const name = device === 'gpu' ? `taskmanager-gpu-${number}` : `taskmanager-${number}`;
      if (taken.has(name)) continue;
      const args = ['taskmanager', '--id', name, '--job-manager', state.rpcAddress];
      args.push('--slots', `${state.slots}`, '--executors', `${executors}`, '--device', device);
      // There are several on this machine, and the job manager is known.
      args.push('--data-port', '0', '--metrics-port', '0', '--no-storage');
      // `cluster down` ends all of them: there is nobody to move tasks to.
      args.push('--drain-timeout', '0s');
      args.push(...sharedArguments(config, { name, configFile: state.configFile }));
      const provider = config.given('taskManager.gpuProvider') ?? 'cuda';
      if (device === 'gpu') args.push('--gpu-provider', provider);
      members.push(this.#start(name, 'taskmanager', device, args));
    }
    return { ...state, members };
  }

  #start(
    name: string,
    role: ClusterMember['role'],
    device: ClusterMember['device'],
    args: readonly string[],
  ): ClusterMember {
    const logFile = join(this.#directory, 'logs', `${name}.log`);
    return { name, role, device, logFile, processId: spawnDetached(args, logFile) };
  }

  /** Waits until the job manager answers and that many task managers are registered. */
  async #untilReady(state: ClusterState, taskManagers: number): Promise<void> {
    const client = await this.#connect(state.restAddress);
    const deadlineMs = this.#clock.monotonicMs() + START_TIMEOUT_MS;
    for (;;) {
      for (const member of state.members) {
        if (!(await isAlive(member.processId))) throw await notStarted(member);
      }
      const overview = await client.cluster().catch(() => null);
      // A stranger on our ports answers too, before our own job manager finds them taken.
      const isOurs = overview?.processId === state.members[0]?.processId;
      if (isOurs && (overview?.taskManagers ?? 0) >= taskManagers) return;
      if (this.#clock.monotonicMs() > deadlineMs) {
        throw new SluiceError(
          'NETWORK_TIMEOUT',
          `the cluster was not ready after ${START_TIMEOUT_MS / 1000} s`,
          { domain: 'external', hint: `look into ${join(this.#directory, 'logs')}` },
        );
      }
      await sleep(this.#clock, POLL_MS);
    }
  }
}

/** What the command line of `cluster` says for all its processes, and the file that says the rest. */
function sharedArguments(
  config: EffectiveConfig,
  member: { readonly name: string; readonly configFile: string | null },
): string[] {
  const args = member.configFile === null ? [] : ['--config', member.configFile];
  for (const { key, value, origin } of config.entries()) {
    if (!key.startsWith('s3.') || origin.from !== 'command line' || value === null) continue;
    args.push(...(value === true ? [origin.flag] : [origin.flag, `${value}`]));
  }
  // A file that several processes rotated would lose lines.
  const logFile = config.get('log.file');
  if (logFile !== null) args.push('--log-file', join(dirname(logFile), `${member.name}.log`));
  return args;
}

function hostToDial(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return hostInAddress(host);
}

function isCpuTaskManager(member: ClusterMember): boolean {
  return member.role === 'taskmanager' && member.device === 'cpu';
}

/** Nothing can be added to a cluster without one; what ran on it is lost. */
async function requireJobManager({ members: [jobManager] }: ClusterState): Promise<void> {
  if (jobManager?.role === 'jobmanager' && (await isAlive(jobManager.processId))) return;
  throw new SluiceError('NETWORK_UNREACHABLE', "the cluster's job manager has ended", {
    domain: 'external',
    hint: 'sluice cluster down ends the rest, sluice cluster up starts anew',
  });
}

async function notStarted(member: ClusterMember): Promise<SluiceError> {
  const tail = await logTail(member.logFile);
  return new SluiceError('TASK_FAILED', `${member.name} ended while it started:\n${tail}`, {
    domain: 'external',
    hint: `the whole log is ${member.logFile}`,
  });
}
