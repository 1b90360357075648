import type { TestContext } from 'node:test';
import { eventually } from '../eventually.ts';
import { freePorts } from '../free-ports.ts';
import { type SluiceOptions, sluiceJson } from '../sluice-process.ts';
import { SupervisedProcess } from './supervised-process.ts';

export interface ChaosClusterOptions {
  readonly taskManagers: number;
  readonly slots: number;
  /** Of the job manager. */
  readonly storage: string;
  readonly environment: SluiceOptions;
  /** Set for the first life of one of the processes: `SLUICE_KILL_POINT`. */
  readonly killPoint?: { readonly process: string; readonly value: string };
}

/** A job manager and task managers, each a process that is started again when it dies. */
export class ChaosCluster {
  readonly jobManager: SupervisedProcess;
  readonly taskManagers: readonly SupervisedProcess[];
  readonly where: readonly string[];
  readonly #environment: SluiceOptions;

  private constructor(options: ChaosClusterOptions, ports: readonly number[]) {
    const [restPort, rpcPort] = ports;
    const { environment } = options;
    this.#environment = environment;
    this.where = ['--job-manager', `http://127.0.0.1:${restPort}`];
    this.jobManager = new SupervisedProcess(
      'jobmanager',
      ['jobmanager', '--storage', options.storage].concat([
        '--rest-port',
        `${restPort}`,
        '--rpc-port',
        `${rpcPort}`,
        '--log-level',
        'info',
      ]),
      environment,
    );
    this.taskManagers = Array.from({ length: options.taskManagers }, (_, index) => {
      const name = `taskmanager-${index + 1}`;
      return new SupervisedProcess(
        name,
        ['taskmanager', '--id', name, '--job-manager', `127.0.0.1:${rpcPort}`].concat([
          '--slots',
          `${options.slots}`,
          '--executors',
          '1',
          '--drain-timeout',
          '0s',
          '--log-level',
          'info',
        ]),
        environment,
      );
    });
  }

  static async start(context: TestContext, options: ChaosClusterOptions): Promise<ChaosCluster> {
    const cluster = new ChaosCluster(options, await freePorts(2));
    context.after(() => cluster.stop());
    for (const process of cluster.processes) {
      const { killPoint } = options;
      const env = killPoint?.process === process.name ? killPoint.value : null;
      process.start(env === null ? {} : { SLUICE_KILL_POINT: env });
    }
    await eventually(async () => (await cluster.slots()) === options.taskManagers * options.slots, {
      timeoutMs: 30_000,
      message: 'not all task managers registered',
    });
    return cluster;
  }

  get processes(): readonly SupervisedProcess[] {
    return [this.jobManager, ...this.taskManagers];
  }

  /** A command that talks to the job manager, tried again while there is none. */
  async json<T>(command: readonly string[], timeoutMs = 60_000): Promise<T> {
    let last: unknown = null;
    const result = await eventually(
      async () => {
        try {
          return { value: await this.tryJson<T>(command) };
        } catch (error) {
          last = error;
          return null;
        }
      },
      { timeoutMs, message: `sluice ${command.join(' ')} did not succeed` },
    ).catch((error: Error) => {
      throw new Error(`${error.message}: ${last}\n${this.output()}`);
    });
    return result.value;
  }

  tryJson<T>(command: readonly string[]): Promise<T> {
    return sluiceJson<T>([...command, '--json', ...this.where], this.#environment);
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
  }

  output(): string {
    return this.processes.map(({ name, output }) => `== ${name}\n${output}`).join('\n');
  }

  private async slots(): Promise<number> {
    try {
      const response = await fetch(`${this.where[1]}/v1/cluster`);
      const cluster = (await response.json()) as { slots?: { total?: number } };
      return cluster.slots?.total ?? 0;
    } catch {
      return 0;
    }
  }
}
