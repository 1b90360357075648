import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { RestClient } from '../../../shared/rest/rest-client.ts';
import { eventually } from '../eventually.ts';
import { freePorts } from '../free-ports.ts';
import { ROOT, SluiceProcess } from '../sluice-process.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { type ActiveAlert, PrometheusServer } from './prometheus-server.ts';
import { quickConfig, quickRules } from './quick-rules.ts';

export const MONITORING = join(ROOT, 'monitoring', 'prometheus');

const LIFE_MAX_MS = 240_000;
const READY_TIMEOUT_MS = 60_000;
const ALERT_TIMEOUT_MS = 90_000;

export interface MonitoredClusterOptions {
  /** Of the shipped ones; default: without TLS. */
  readonly config?: 'prometheus.yml' | 'prometheus-tls.yml';
  /** Of every process. */
  readonly env?: Readonly<Record<string, string>>;
  /** More arguments of every process. */
  readonly args?: readonly string[];
  /** How the test talks to the first job manager. */
  readonly rest?: { readonly token: string; readonly authority: string };
  /** Of every target. */
  readonly targetLabels?: Labels;
}

type Labels = Readonly<Record<string, string>>;
type Role = 'job-managers' | 'task-managers';

/** A process of a cluster; `address` is that of its metrics, by which Prometheus knows it. */
export class Member {
  readonly name: string;
  readonly address: string;
  readonly #start: () => SluiceProcess;
  #life: SluiceProcess;

  constructor(name: string, address: string, start: () => SluiceProcess) {
    this.name = name;
    this.address = address;
    this.#start = start;
    this.#life = start();
  }

  get processId(): number {
    return this.#life.child.pid ?? 0;
  }

  get output(): string {
    return (this.#life.stdout + this.#life.stderr).slice(-4_000);
  }

  async ready(): Promise<void> {
    await this.#life.until(/ready/, READY_TIMEOUT_MS);
  }

  signal(signal: NodeJS.Signals): void {
    this.#life.child.kill(signal);
  }

  /** Ends it, by default as a crash does. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.signal(signal);
    await this.#life.ended;
  }

  async restart(): Promise<void> {
    await this.end();
    this.#life = this.#start();
    await this.ready();
  }
}

/**
 * Sluice processes, and a Prometheus with the shipped configuration and rules (made quicker) that finds
 * them by file. All of it ends with the test.
 */
export class MonitoredCluster {
  readonly folder: string;
  readonly prometheus: PrometheusServer;
  readonly #options: MonitoredClusterOptions;
  readonly #context: TestContext;
  readonly #members: Member[] = [];
  readonly #targets: Readonly<Record<Role, Set<string>>> = {
    'job-managers': new Set(),
    'task-managers': new Set(),
  };
  #restPort = 0;
  #rpcPort = 0;

  private constructor(
    context: TestContext,
    folder: string,
    options: MonitoredClusterOptions,
    prometheus: PrometheusServer,
  ) {
    this.#context = context;
    this.folder = folder;
    this.#options = options;
    this.prometheus = prometheus;
  }

  static async start(
    context: TestContext,
    options: MonitoredClusterOptions = {},
    folder = temporaryFolder(context),
  ): Promise<MonitoredCluster> {
    const { config = 'prometheus.yml' } = options;
    for (const name of ['rules', 'targets']) mkdirSync(join(folder, name), { recursive: true });
    for (const name of readdirSync(join(MONITORING, 'rules'))) {
      const text = readFileSync(join(MONITORING, 'rules', name), 'utf8');
      writeFileSync(join(folder, 'rules', name), quickRules(text));
    }
    const prometheus = await PrometheusServer.start({
      folder,
      config: quickConfig(readFileSync(join(MONITORING, config), 'utf8')),
    });
    context.after(() => prometheus.close());
    return new MonitoredCluster(context, folder, options, prometheus);
  }

  /** The first job manager that was started. */
  get rest(): RestClient {
    const { rest } = this.#options;
    const address = `127.0.0.1:${this.#restPort}`;
    return rest === undefined
      ? new RestClient(`http://${address}`)
      : new RestClient(`https://${address}`, rest);
  }

  get rpcPort(): number {
    return this.#rpcPort;
  }

  async jobManager(name: string, args: readonly string[] = [], main?: string): Promise<Member> {
    const [restPort = 0, rpcPort = 0] = await freePorts(2);
    if (this.#restPort === 0) [this.#restPort, this.#rpcPort] = [restPort, rpcPort];
    const ports = ['--rest-port', `${restPort}`, '--rpc-port', `${rpcPort}`];
    const address = `127.0.0.1:${restPort}`;
    const member = this.#member(name, address, ['jobmanager', ...ports, ...args], main);
    this.scrape('job-managers', address);
    await member.ready();
    return member;
  }

  async taskManager(
    name: string,
    args: readonly string[] = [],
    options: { readonly isScraped?: boolean; readonly rpcPort?: number } = {},
  ): Promise<Member> {
    const { isScraped = true, rpcPort = this.#rpcPort } = options;
    const [metricsPort] = await freePorts(1);
    const address = `127.0.0.1:${metricsPort}`;
    const member = this.#member(name, address, [
      ...['taskmanager', '--id', name, '--job-manager', `127.0.0.1:${rpcPort}`],
      ...['--metrics-port', `${metricsPort}`, '--executors', '1', '--drain-timeout', '0s'],
      ...['--local-state', join(this.folder, 'state'), ...args],
    ]);
    if (isScraped) this.scrape('task-managers', address);
    await member.ready();
    return member;
  }

  /** From now on Prometheus looks at this address. */
  scrape(role: Role, address: string): void {
    this.#targets[role].add(address);
    this.#writeTargets(role);
  }

  forget(role: Role, address: string): void {
    this.#targets[role].delete(address);
    this.#writeTargets(role);
  }

  /** Gives the job's id; the text is a pipeline in YAML. */
  async submit(pipeline: string): Promise<string> {
    const outcome = await this.rest.submitJob({
      pipeline,
      fileName: 'pipeline.yaml',
      baseDirectory: this.folder,
      parameters: {},
    });
    if (outcome.kind === 'submitted') return outcome.id;
    throw new Error(`rejected: ${JSON.stringify(outcome.problems)}`);
  }

  async jobReaches(id: string, state: string): Promise<void> {
    await this.within(`job ${id} does not become ${state}`, async () => {
      return (await this.rest.job(id)).state === state;
    });
  }

  /** Waits until the alert fires, with these labels among its own. */
  async fires(name: string, labels: Labels = {}): Promise<ActiveAlert> {
    return this.within(`${name} does not fire`, async () => {
      const alerts = await this.prometheus.alerts();
      return alerts.find((alert) => alert.state === 'firing' && isOf(alert, name, labels));
    });
  }

  /** Waits until the alert with these labels is gone, pending ones included. */
  async clears(name: string, labels: Labels = {}): Promise<void> {
    await this.within(`${name} does not clear`, async () => {
      return !(await this.prometheus.alerts()).some((alert) => isOf(alert, name, labels));
    });
  }

  async within<T>(message: string, condition: () => Promise<T>): Promise<NonNullable<T>> {
    return eventually(condition, { timeoutMs: ALERT_TIMEOUT_MS, message }).catch(async (error) => {
      const alerts = (await this.prometheus.alerts()).map(({ name, state }) => `${name} ${state}`);
      const outputs = this.#members.map((member) => `== ${member.name}\n${member.output}`);
      throw new Error(`${error.message}\nalerts: ${alerts.join(', ')}\n${outputs.join('\n')}`);
    });
  }

  #member(name: string, address: string, args: readonly string[], main?: string): Member {
    const { env = {}, args: more = [] } = this.#options;
    const options = { env, timeoutMs: LIFE_MAX_MS, ...(main === undefined ? {} : { main }) };
    const member = new Member(name, address, () => new SluiceProcess([...args, ...more], options));
    this.#members.push(member);
    this.#context.after(() => member.end());
    return member;
  }

  #writeTargets(role: Role): void {
    const { targetLabels: labels = {} } = this.#options;
    const text = JSON.stringify([{ targets: [...this.#targets[role]], labels }]);
    writeFileSync(join(this.folder, 'targets', `${role}.yml`), text);
  }
}

function isOf(alert: ActiveAlert, name: string, labels: Labels): boolean {
  const wanted = Object.entries(labels);
  return alert.name === name && wanted.every(([label, value]) => alert.labels[label] === value);
}
