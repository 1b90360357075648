import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parse, stringify } from 'yaml';
import { createToken } from '../../../cli/security/create-token.ts';
import { S3Server } from '../s3/s3-server.ts';
import { flood } from '../security/strangers.ts';
import { TestAuthority, tlsArguments } from '../security/test-authority.ts';
import { ROOT } from '../sluice-process.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { EXAMPLE_IMAGES, EXAMPLE_MODEL, environmentOf } from '../watch-job.ts';
import {
  type Member,
  MonitoredCluster,
  type MonitoredClusterOptions,
} from './monitored-cluster.ts';
import type { PrometheusServer } from './prometheus-server.ts';
import { standInGpu } from './stand-in-gpu.ts';

const EXAMPLE = join(ROOT, 'examples', 'image-classification', 'pipeline.yaml');
const BUCKET = 'sluice';
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test-secret' };

interface Pipeline {
  name: string;
  readonly parameters: Record<'images' | 'model' | 'output', { default: string }>;
  readonly nodes: Readonly<Record<'images' | 'results', object>>;
  checkpoints?: object | 'off';
  restart?: object;
  onError?: 'fail';
}

/**
 * A cluster with TLS and tokens over S3 that has seen everything that dashboards show: the examples' job
 * with broken images, a job that failed, another leader, strangers, slow and failing S3, a checkpoint that
 * failed, a task manager that was killed. Prometheus has the shipped configuration and rules.
 */
export class GrafanaRun {
  readonly prometheus: PrometheusServer;
  /** Seconds since 1970. */
  readonly startedAt = Date.now() / 1000;
  readonly #cluster: MonitoredCluster;
  readonly #s3: S3Server;
  #copies = 0;

  private constructor(cluster: MonitoredCluster, s3: S3Server) {
    this.#cluster = cluster;
    this.#s3 = s3;
    this.prometheus = cluster.prometheus;
  }

  static async complete(context: TestContext): Promise<GrafanaRun> {
    const folder = temporaryFolder(context);
    const s3 = await S3Server.start({ buckets: [BUCKET] });
    context.after(() => s3.close());
    const cluster = await MonitoredCluster.start(context, await secured(folder, s3), folder);
    const run = new GrafanaRun(cluster, s3);
    run.#putImages();
    await run.#live();
    return run;
  }

  async #live(): Promise<void> {
    const cluster = this.#cluster;
    const tokens = ['--tokens', join(cluster.folder, 'tokens')];
    const jobManager = await cluster.jobManager('leader', tokens);
    const taskManagers = await Promise.all(
      ['first', 'second'].map((name) => cluster.taskManager(name, ['--slots', '1'])),
    );
    // Has a card, by its stand-in; no job asks for it.
    await cluster.taskManager('idle', ['--device', 'gpu', '--gpu-provider', 'cpu']);
    await this.#until('not all processes are scraped', 'count(up == 1) == 4');
    await jobManager.restart();
    await this.#until('no leader with another epoch', 'changes(sluice_leader_epoch[1m])');
    await this.#until('not all task managers are there', 'sluice_task_managers == 3');

    await cluster.jobReaches(await this.#submit(strict), 'FAILED');
    await this.#submit(watching);
    // By this job: the other one may have had some, too.
    const classified = 'job_name="image-classification", kind="transform/onnx"';
    await this.#until('no image is classified', `sluice_operator_records_out_total{${classified}}`);
    for (let copy = 0; copy < 10; copy += 1) this.#putImages();
    await this.#visitByStrangers([jobManager, ...taskManagers]);

    const { faults } = this.#s3;
    faults.add({ kind: 'slow-down', operation: 'GetObject', rate: 0.2, count: 10 });
    // The object of a checkpoint is not stored before the checkpoint's time is over.
    faults.add({ kind: 'hang', operation: 'PutObject', key: '/chk-' });
    await this.#until('no checkpoint fails', 'sum(sluice_checkpoints_failed_total)');
    faults.clear();

    await taskManagers[0]?.restart();
    await this.#until('the job does not start again', 'sum(sluice_job_restarts_total)');
    await cluster.fires('SluiceTaskManagerLost');
    // For as long as it takes that every step of a graph has seen it.
    for (const counter of [
      'sluice_checkpoints_completed_total',
      'sluice_task_time_seconds_total',
    ]) {
      const lowest = `min_over_time(sum(rate(${counter}[4s]))[3s:1s])`;
      await this.#until('the job does not go on', lowest);
    }
  }

  async #visitByStrangers(members: readonly Member[]): Promise<void> {
    const ports = members.map(({ address }) => Number(address.split(':')[1]));
    for (const port of [this.#cluster.rpcPort, ...ports]) {
      await flood(port, { count: 3, openMax: 3, waitMs: 1_000 });
    }
  }

  async #until(message: string, expression: string): Promise<void> {
    await this.#cluster.within(`${message} (${expression})`, async () => {
      return (await this.prometheus.query(expression)).some(({ value }) => value > 0);
    });
  }

  /** The examples' pipeline, changed. */
  #submit(change: (pipeline: Pipeline) => void): Promise<string> {
    const pipeline: Pipeline = parse(readFileSync(EXAMPLE, 'utf8'));
    change(pipeline);
    const { images, model, output } = pipeline.parameters;
    images.default = `s3://${BUCKET}/images`;
    model.default = EXAMPLE_MODEL;
    output.default = `s3://${BUCKET}/out-${pipeline.name}`;
    return this.#cluster.submit(stringify(pipeline));
  }

  /** The example's images, once more. */
  #putImages(): void {
    const bucket = this.#s3.bucket(BUCKET);
    this.#copies += 1;
    for (const name of readdirSync(EXAMPLE_IMAGES, { recursive: true, encoding: 'utf8' })) {
      if (!name.includes('.')) continue;
      bucket.put(`images/${this.#copies}/${name}`, readFileSync(join(EXAMPLE_IMAGES, name)));
    }
  }
}

/** It never ends, and one subtask writes all rows, so that some cross the network. */
function watching(pipeline: Pipeline): void {
  Object.assign(pipeline.nodes.images, { watch: '1s', rateMax: 25 });
  Object.assign(pipeline.nodes.results, { parallelism: 1 });
  pipeline.checkpoints = { interval: '1s', timeout: '3s' };
  pipeline.restart = { strategy: 'fixed-delay', attempts: 100, delay: '100ms' };
}

/** It fails at the first image that is broken. */
function strict(pipeline: Pipeline): void {
  pipeline.name = 'strict';
  pipeline.onError = 'fail';
  pipeline.checkpoints = 'off';
}

/** Certificates and tokens, where the shipped configuration of Prometheus expects its own. */
async function secured(folder: string, s3: S3Server): Promise<MonitoredClusterOptions> {
  const authority = await TestAuthority.create(folder);
  const tls = await authority.issue('tls', { roles: ['job-manager', 'task-manager', 'metrics'] });
  const tokens = join(folder, 'tokens');
  const token = await createToken({ file: tokens, name: 'test', role: 'operator' });
  const viewer = await createToken({ file: tokens, name: 'prometheus', role: 'viewer' });
  writeFileSync(join(folder, 'sluice.token'), viewer, { mode: 0o600 });
  return {
    config: 'prometheus-tls.yml',
    env: {
      ...environmentOf({ endpoint: s3.endpoint, ...CREDENTIALS }).env,
      ...standInGpu(folder),
    },
    args: [...tlsArguments(tls), ...['--storage', `s3://${BUCKET}/storage`]],
    rest: { token, authority: authority.certificate },
    targetLabels: { deployment: 'test' },
  };
}
