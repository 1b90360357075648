import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type EmbeddedCluster, startEmbeddedCluster } from '../../cli/embedded-cluster.ts';
import type { SubmitJobRequest } from '../../shared/rest/rest-types.ts';
import { readRows } from './result-rows.ts';
import { S3Server } from './s3/s3-server.ts';
import { storageOf } from './watch-job.ts';

/** One folder for each released version that wrote any: see `write.ts` there. */
export const FIXTURES = fileURLToPath(new URL('../fixtures/savepoints', import.meta.url));

export const RECORDS = 40_000;
export const SAMPLE = 50;
export const OBJECTS = 40;
const BUCKET = 'fixture';

/**
 * Where the job that was saved wrote its results: committables name absolute places, so this one must
 * be the same wherever the fixture is restored.
 */
export function placeOf(version: string): string {
  return `/tmp/sluice-savepoint-fixture-${version}`;
}

export interface FixtureJob {
  readonly parallelism: number;
  readonly interval: string;
  readonly output: string;
  /** Records a second, and objects; null: as fast as it goes. */
  readonly rates: { readonly records: number; readonly objects: number } | null;
  readonly backend: 'heap' | 'lmdb';
}

/**
 * Has all that a savepoint can hold: positions of a bounded source, what a watching one has seen,
 * keyed state, committables. Later versions restore it: its nodes keep their names.
 */
export function fixturePipeline(job: FixtureJob): string {
  const { parallelism, interval, output, rates, backend } = job;
  const records = rates === null ? '' : `, rateMax: ${rates.records}`;
  const objects = rates === null ? '' : `, rateMax: ${rates.objects}`;
  return `name: fixture
parallelism: ${parallelism}
checkpoints: { interval: ${interval} }
state: { backend: ${backend} }
nodes:
  numbers: { source: datagen, keys: 6000, count: ${RECORDS}${records} }
  counts: { transform: count, from: numbers, keyBy: key }
  totals: { sink: files, from: counts, path: "${output}/totals" }
  few: { transform: filter, from: numbers, where: "sequence % ${SAMPLE} == 0" }
  rows: { sink: files, from: few, path: "${output}/rows" }
  objects: { source: files, path: "s3://${BUCKET}/in", watch: 200ms${objects} }
  names: { sink: files, from: objects, path: "${output}/names" }
`;
}

/** A cluster in this process, with storage, and an S3 server that holds the job's input. */
export class FixtureCluster {
  readonly client: EmbeddedCluster['client'];
  readonly folder: string;
  readonly #cluster: EmbeddedCluster;
  readonly #server: S3Server;

  private constructor(cluster: EmbeddedCluster, server: S3Server, folder: string) {
    this.client = cluster.client;
    this.folder = folder;
    this.#cluster = cluster;
    this.#server = server;
  }

  static async start(): Promise<FixtureCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-fixture-'));
    const server = await S3Server.start({ buckets: [BUCKET] });
    const s3 = { endpoint: server.endpoint, accessKeyId: 'test', secretAccessKey: 'secret' };
    const files = storageOf(s3);
    for (let index = 0; index < OBJECTS; index += 1) {
      const uri = objectUri(index);
      await files.forUri(uri).put(uri, Buffer.from(`object ${index}`));
    }
    await files.close();
    const cluster = await startEmbeddedCluster({
      restPort: 0,
      storage: `file://${folder}/storage`,
      device: 'cpu',
      fileSystemOptions: { s3 },
      slots: 3,
      executors: 1,
    });
    return new FixtureCluster(cluster, server, folder);
  }

  async submit(job: FixtureJob, more: Partial<SubmitJobRequest> = {}): Promise<string> {
    const pipeline = fixturePipeline(job);
    const fileName = join(this.folder, 'pipeline.yaml');
    writeFileSync(fileName, pipeline);
    const outcome = await this.client.submitJob({
      ...{ pipeline, fileName, baseDirectory: this.folder, parameters: {}, ...more },
    });
    assert.ok(outcome.kind === 'submitted', JSON.stringify(outcome));
    return outcome.id;
  }

  async stop(): Promise<void> {
    await this.#cluster.stop();
    await this.#server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function objectUri(index: number): string {
  return `s3://${BUCKET}/in/${`${index}`.padStart(3, '0')}.txt`;
}

export function sampledSequences(outputs: readonly string[]): number[] {
  const rows = outputs.flatMap((output) => readRows<{ sequence: number }>(join(output, 'rows')));
  return rows.map(({ sequence }) => sequence).toSorted((left, right) => left - right);
}

export function objectNames(outputs: readonly string[]): string[] {
  const rows = outputs.flatMap((output) => readRows<{ uri: string }>(join(output, 'names')));
  return rows.map(({ uri }) => uri).toSorted();
}

export function countedRecords(output: string): number {
  const rows = readRows<{ key: number; count: number }>(join(output, 'totals'));
  assert.equal(new Set(rows.map(({ key }) => key)).size, rows.length, 'a key has one count');
  return rows.reduce((sum, { count }) => sum + count, 0);
}

/** All that the job reads, once. */
export function assertAllRows(outputs: readonly string[]): void {
  const sequences = Array.from({ length: RECORDS / SAMPLE }, (_, index) => index * SAMPLE);
  assert.deepEqual(sampledSequences(outputs), sequences);
  const names = Array.from({ length: OBJECTS }, (_, index) => objectUri(index));
  assert.deepEqual(objectNames(outputs), names);
}

export function metadataText(folder: string): string {
  return readFileSync(join(folder, '_metadata'), 'utf8');
}
