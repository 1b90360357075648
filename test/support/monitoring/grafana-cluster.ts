import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parse, stringify } from 'yaml';
import { createToken } from '../../../cli/security/create-token.ts';
import type { TlsFiles } from '../../../shared/config/tls-files.ts';
import { RestClient } from '../../../shared/rest/rest-client.ts';
import { SupervisedProcess } from '../chaos/supervised-process.ts';
import { eventually } from '../eventually.ts';
import { freePorts } from '../free-ports.ts';
import { S3Server } from '../s3/s3-server.ts';
import { TestAuthority } from '../security/test-authority.ts';
import { ROOT, type SluiceOptions, sluiceJson } from '../sluice-process.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { EXAMPLE_IMAGES, EXAMPLE_MODEL, environmentOf } from '../watch-job.ts';
import { PrometheusServer } from './prometheus-server.ts';

const EXAMPLE = join(ROOT, 'examples', 'image-classification', 'pipeline.yaml');
const BUCKET = 'sluice';
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test-secret' };
const TASK_MANAGERS = 2;
export const SCRAPE_SECONDS = 1;

interface Pipeline {
  name: string;
  readonly nodes: Readonly<Record<'images' | 'results', object>>;
  checkpoints?: object | 'off';
  restart?: object;
  onError?: 'fail';
}

interface Ports {
  readonly rpc: number;
  readonly rest: number;
  readonly metrics: readonly number[];
}

/**
 * A job manager and task managers with TLS and tokens, each started again when it dies, which keep
 * everything in S3; and a Prometheus that scrapes them as a deployment's does, only more often.
 */
export class GrafanaCluster {
  readonly s3: S3Server;
  readonly jobManager: SupervisedProcess;
  readonly taskManagers: readonly SupervisedProcess[];
  readonly ports: Ports;
  readonly client: RestClient;
  readonly #folder: string;
  readonly #config: string;
  readonly #environment: SluiceOptions;
  readonly #scrapeConfig: string;
  #copies = 0;

  private constructor(options: {
    readonly folder: string;
    readonly s3: S3Server;
    readonly ports: Ports;
    readonly tls: TlsFiles;
  }) {
    const { folder, s3, ports, tls } = options;
    this.s3 = s3;
    this.ports = ports;
    this.#folder = folder;
    this.#config = join(folder, 'sluice.yaml');
    this.client = new RestClient(`https://127.0.0.1:${ports.rest}`, {
      token: readFileSync(join(folder, 'token'), 'utf8'),
      authority: readFileSync(tls.authority, 'utf8'),
    });
    this.#environment = environmentOf({ endpoint: s3.endpoint, ...CREDENTIALS });
    this.#scrapeConfig = scrapeConfig({ folder, ports, tls });
    const config = ['--config', this.#config];
    this.jobManager = new SupervisedProcess(
      'jobmanager',
      ['jobmanager', ...config],
      this.#environment,
    );
    this.taskManagers = ports.metrics.map((port, index) => {
      const own = ['--id', `taskmanager-${index + 1}`, '--metrics-port', `${port}`];
      const args = ['taskmanager', ...config, ...own, '--slots', '1', '--executors', '1'];
      return new SupervisedProcess(`taskmanager-${index + 1}`, args, this.#environment);
    });
  }

  static async start(context: TestContext): Promise<GrafanaCluster> {
    const folder = temporaryFolder(context);
    const s3 = await S3Server.start({ buckets: [BUCKET] });
    const [rpc = 0, rest = 0, ...metrics] = await freePorts(2 + TASK_MANAGERS);
    const ports = { rpc, rest, metrics };
    const tls = await writeConfig(folder, ports);
    const cluster = new GrafanaCluster({ folder, s3, ports, tls });
    context.after(() => cluster.#stop());
    cluster.putImages();
    for (const process of cluster.#processes) process.start();
    await cluster.allRegistered();
    return cluster;
  }

  /** Waits until the leader knows every task manager. */
  async allRegistered(): Promise<void> {
    const areAll = async () => (await this.client.taskManagers()).length === TASK_MANAGERS;
    await eventually(() => areAll().catch(() => false), {
      timeoutMs: 60_000,
      message: 'not all task managers registered',
    }).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.#output()}`);
    });
  }

  /** Alert rules as YAML, for what shows alerts. */
  async startPrometheus(context: TestContext, rules: string): Promise<PrometheusServer> {
    writeFileSync(join(this.#folder, 'rules.yml'), rules);
    const server = await PrometheusServer.start({
      folder: join(this.#folder, 'prometheus'),
      config: this.#scrapeConfig,
    });
    context.after(() => server.close());
    return server;
  }

  /**
   * The job of the examples, but that it watches, so that it never ends, and that one subtask writes
   * all rows, so that some cross the network.
   */
  submitExample(): Promise<string> {
    return this.#submit((pipeline) => {
      Object.assign(pipeline.nodes.images, { watch: '1s', rateMax: 25 });
      Object.assign(pipeline.nodes.results, { parallelism: 1 });
      pipeline.checkpoints = { interval: '1s', timeout: '3s' };
      pipeline.restart = { strategy: 'fixed-delay', attempts: 100, delay: '100ms' };
    });
  }

  /** The same, but that it fails at the first image that is broken. */
  submitStrictExample(): Promise<string> {
    return this.#submit((pipeline) => {
      pipeline.name = 'strict';
      pipeline.onError = 'fail';
      pipeline.checkpoints = 'off';
    });
  }

  async #submit(change: (pipeline: Pipeline) => void): Promise<string> {
    const pipeline: Pipeline = parse(readFileSync(EXAMPLE, 'utf8'));
    change(pipeline);
    const path = join(this.#folder, `${pipeline.name}.yaml`);
    writeFileSync(path, stringify(pipeline));
    const values = [`images=s3://${BUCKET}/images`, `output=s3://${BUCKET}/out-${pipeline.name}`];
    const { id } = await sluiceJson<{ id: string }>(
      [
        ...['submit', path, '--detached', '--json', '--config', this.#config],
        ...[...values, `model=${EXAMPLE_MODEL}`].flatMap((value) => ['--set', value]),
      ],
      this.#environment,
    );
    return id;
  }

  /** The example's images, once more. */
  putImages(): void {
    const bucket = this.s3.bucket(BUCKET);
    this.#copies += 1;
    for (const name of readdirSync(EXAMPLE_IMAGES, { recursive: true, encoding: 'utf8' })) {
      if (!name.includes('.')) continue;
      bucket.put(`images/${this.#copies}/${name}`, readFileSync(join(EXAMPLE_IMAGES, name)));
    }
  }

  get #processes(): readonly SupervisedProcess[] {
    return [this.jobManager, ...this.taskManagers];
  }

  #output(): string {
    return this.#processes.map(({ name, output }) => `== ${name}\n${output}`).join('\n');
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.s3.close();
  }
}

async function writeConfig(folder: string, { rpc, rest }: Ports): Promise<TlsFiles> {
  const authority = await TestAuthority.create(join(folder, 'ca'));
  const tls = await authority.issue('cluster', { roles: ['job-manager', 'task-manager'] });
  const tokens = join(folder, 'tokens');
  const token = await createToken({ file: tokens, name: 'test', role: 'operator' });
  writeFileSync(join(folder, 'token'), token, { mode: 0o600 });
  const config = {
    tls: { certificate: tls.certificate, key: tls.key, authority: tls.authority },
    storage: `s3://${BUCKET}/storage`,
    drainTimeout: '0s',
    jobManager: { address: `127.0.0.1:${rpc}`, tokens, rpcPort: rpc, restPort: rest },
    taskManager: { localState: join(folder, 'state') },
    client: {
      jobManager: `https://127.0.0.1:${rest}`,
      tokenFile: join(folder, 'token'),
      authority: tls.authority,
    },
  };
  writeFileSync(join(folder, 'sluice.yaml'), stringify(config));
  return tls;
}

/** As ansible/roles/metrics writes it. */
function scrapeConfig(options: {
  readonly folder: string;
  readonly ports: Ports;
  readonly tls: TlsFiles;
}): string {
  const { folder, ports, tls } = options;
  const secured = {
    scheme: 'https',
    tls_config: { ca_file: tls.authority, cert_file: tls.certificate, key_file: tls.key },
  };
  const targets = (...numbers: number[]) => [
    { targets: numbers.map((port) => `127.0.0.1:${port}`), labels: { deployment: 'test' } },
  ];
  const authorization = { credentials_file: join(folder, 'token') };
  return stringify({
    global: { scrape_interval: `${SCRAPE_SECONDS}s`, evaluation_interval: `${SCRAPE_SECONDS}s` },
    rule_files: [join(folder, 'rules.yml')],
    scrape_configs: [
      {
        job_name: 'sluice-job-manager',
        ...secured,
        authorization,
        static_configs: targets(ports.rest),
      },
      {
        job_name: 'sluice-task-manager',
        ...secured,
        static_configs: targets(...ports.metrics),
      },
    ],
  });
}
