import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import type { JobDetail } from '../../../shared/rest/rest-types.ts';
import { eventually } from '../eventually.ts';
import { describeModel } from '../model-files.ts';
import { SeededRandom } from '../seeded-random.ts';
import { sluice } from '../sluice-process.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { DATA } from '../test-data.ts';
import { environmentOf, type S3UnderTest, storageOf } from '../watch-job.ts';
import { ChaosCluster } from './chaos-cluster.ts';

const TASK_MANAGER_KILL_MS = 3_000;
const JOB_MANAGER_KILL_MS = 10_000;
const DONE_TIMEOUT_MS = 300_000;

export interface ImageChaosOptions {
  readonly s3: S3UnderTest;
  readonly bucket: string;
  readonly taskManagers: number;
  readonly objects: number;
  /** So long what `disturb` does may take; the source's rate is spread over it. */
  readonly chaosMs: number;
}

/** The image job over S3 on a cluster of processes that are started again when they die. */
export class ImageChaos {
  readonly cluster: ChaosCluster;
  readonly jobId: string;
  readonly output: string;
  readonly #options: ImageChaosOptions;

  private constructor(options: ImageChaosOptions, cluster: ChaosCluster, jobId: string) {
    this.#options = options;
    this.cluster = cluster;
    this.jobId = jobId;
    this.output = `s3://${options.bucket}/out`;
  }

  static async start(t: TestContext, options: ImageChaosOptions): Promise<ImageChaos> {
    const { s3, bucket, taskManagers } = options;
    const folder = temporaryFolder(t);
    const storage = storageOf(s3);
    await putImages(storage, `s3://${bucket}/images`, options.objects);
    await storage.close();
    const cluster = await ChaosCluster.start(t, {
      taskManagers,
      slots: 1,
      storage: `s3://${bucket}/storage`,
      environment: environmentOf(s3),
    });
    const pipeline = writePipeline(folder, options);
    const { id } = await cluster.json<{ id: string }>(['submit', pipeline, '--detached']);
    return new ImageChaos(options, cluster, id);
  }

  /** Kills a random task manager every 3 s and the job manager every 10 s; says what it did. */
  async killAtRandom(seed: number): Promise<string> {
    const { cluster } = this;
    const random = new SeededRandom(seed);
    const startedMs = performance.now();
    let jobManagerKills = 0;
    let taskManagerKills = 0;
    for (let atMs = 1_000; atMs <= this.#options.chaosMs; atMs += 1_000) {
      await delay(Math.max(0, startedMs + atMs - performance.now()));
      if (atMs % TASK_MANAGER_KILL_MS === 0) {
        const victim = cluster.taskManagers[random.integer(0, cluster.taskManagers.length - 1)];
        if (victim?.kill() === true) taskManagerKills += 1;
      }
      if (atMs % JOB_MANAGER_KILL_MS === 0 && cluster.jobManager.kill()) jobManagerKills += 1;
    }
    return `${taskManagerKills} task managers and ${jobManagerKills} job managers killed`;
  }

  /** Waits until all objects are accounted for, stops the job, audits again; gives the audit. */
  async finishAndAudit(): Promise<string> {
    let last = '';
    // A watching job never ends by itself: all has been read once the audit is exact.
    await this.#within('the audit is not exact', DONE_TIMEOUT_MS, async () => {
      await delay(1_000);
      const { code, stdout, stderr } = await this.#audit();
      last = stdout + stderr;
      return code === 0;
    }).catch((error: Error) => {
      throw new Error(`${error.message}\n${last}`);
    });
    await this.cluster.json<JobDetail>(['stop', this.jobId]);
    await this.#within('the job did not stop', 60_000, async () => {
      const { state } = await this.cluster.json<JobDetail>(['job', this.jobId]);
      return state === 'FINISHED';
    });
    const { code, stdout } = await this.#audit();
    assert.equal(code, 0, stdout);
    return stdout;
  }

  #audit(): ReturnType<typeof sluice> {
    const command = ['audit', this.jobId, '--json', ...this.cluster.where];
    return sluice(command, environmentOf(this.#options.s3));
  }

  async #within(
    message: string,
    timeoutMs: number,
    condition: () => Promise<boolean>,
  ): Promise<void> {
    await eventually(condition, { timeoutMs, message }).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.cluster.output()}`);
    });
  }
}

async function putImages(storage: FileSystemRegistry, prefix: string, count: number) {
  const folder = join(DATA, 'imagenet-150');
  const photographs = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  const put = async (index: number): Promise<void> => {
    const uri = `${prefix}/${`${index}`.padStart(5, '0')}.jpg`;
    await storage.forUri(uri).put(uri, photographs[index % photographs.length] as Buffer);
  };
  for (let from = 0; from < count; from += 16) {
    const length = Math.min(16, count - from);
    await Promise.all(Array.from({ length }, (_, offset) => put(from + offset)));
  }
}

function writePipeline(folder: string, options: ImageChaosOptions): string {
  const { bucket, objects, chaosMs } = options;
  const path = join(folder, 'pipeline.yaml');
  const rate = Math.max(1, Math.ceil((objects / chaosMs) * 1000 * 1.2));
  const output = `s3://${bucket}/out`;
  writeFileSync(
    path,
    `name: chaos
checkpoints: { interval: 1s }
restart: { strategy: fixed-delay, attempts: 1000, delay: 100ms }
nodes:
  images: { source: files, path: "s3://${bucket}/images", watch: 1s, rateMax: ${rate} }
  tensors: { transform: image-tensor, from: images }
  classes: { transform: onnx, from: tensors, model: "${describeModel(folder, 'mobilenetv1-025-128')}" }
  results: { sink: files, from: classes, path: "${output}/results" }
  thumbnails: { sink: thumbnails, from: classes, path: "${output}/thumbnails" }
deadLetters: { path: "${output}/dead-letters" }
`,
  );
  return path;
}
