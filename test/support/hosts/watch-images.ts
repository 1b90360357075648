import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import { ROOT } from '../sluice-process.ts';
import type { Deployment } from './deployment.ts';

const EXAMPLE = join(ROOT, 'examples/image-classification');
const WAIT_MS = 120_000;

/** Buckets that the job needs. */
export const IMAGE_BUCKETS = ['images', 'models', 'results'] as const;

const PIPELINE = `
name: watch
nodes:
  images: { source: files, path: 's3://images/', watch: 1s }
  tensors: { transform: image-tensor, from: images }
  classes: { transform: onnx, from: tensors, model: 's3://models/model.yaml' }
  rows: { sink: files, from: classes, path: 's3://results/rows', roll: { age: 1s } }
deadLetters: { path: 's3://results/dead-letters' }
checkpoints: { interval: 1s }
`;

/** The image job of a deployment, watching a bucket that the test fills camera by camera. */
export class WatchImages {
  readonly #deployment: Deployment;
  readonly #cameras: string[] = [];
  readonly id: string;

  private constructor(deployment: Deployment, id: string) {
    this.#deployment = deployment;
    this.id = id;
  }

  /** Submits it with the command line, from this machine. */
  static async submit(deployment: Deployment, folder: string): Promise<WatchImages> {
    for (const file of readdirSync(join(EXAMPLE, 'model'))) {
      deployment.s3.bucket('models').put(file, readFileSync(join(EXAMPLE, 'model', file)));
    }
    const pipeline = join(folder, 'watch.yaml');
    writeFileSync(pipeline, PIPELINE);
    const submitted = await deployment.sluice('submit', pipeline, '--detached', '--json');
    assert.equal(submitted.code, 0, submitted.stderr);
    return new WatchImages(deployment, JSON.parse(submitted.stdout).id);
  }

  /** Puts one camera's images, `camera-1` to `camera-4`, into the watched bucket. */
  put(camera: string): void {
    this.#cameras.push(camera);
    for (const file of imagesOf(camera)) {
      const bytes = readFileSync(join(EXAMPLE, 'images', camera, file));
      this.#deployment.s3.bucket('images').put(`${camera}/${file}`, bytes);
    }
  }

  /** Waits until every image that was put has its row, and no image has two. */
  async untilDone(): Promise<void> {
    const bucket = this.#deployment.s3.bucket('results');
    const wanted = this.#cameras.flatMap(imagesOf).length;
    let found = 0;
    await eventually(
      () => {
        const uris = [...bucket.keysAfter('rows/', '')]
          .filter((key) => key.endsWith('.jsonl'))
          .flatMap((key) => bucket.get(key).bytes.toString('utf8').trim().split('\n'))
          .map((line) => (JSON.parse(line) as { uri: string }).uri);
        assert.equal(new Set(uris).size, uris.length, 'an image has two rows');
        found = uris.length;
        return found === wanted;
      },
      { timeoutMs: WAIT_MS, message: `not all of ${wanted} images have a row` },
    );
  }

  /** The program's own count agrees. */
  async mustBeExact(): Promise<void> {
    const audit = await this.#deployment.sluice('audit', this.id);
    assert.equal(audit.code, 0, `${audit.stdout}${audit.stderr}`);
  }
}

/** Those that can be decoded. */
function imagesOf(camera: string): readonly string[] {
  return readdirSync(join(EXAMPLE, 'images', camera)).filter((file) => /^\d/.test(file));
}
