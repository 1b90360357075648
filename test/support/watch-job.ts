import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { FileSystemOptions } from '../../shared/filesystem/filesystem-options.ts';
import { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { eventually } from './eventually.ts';
import { writeMainJob } from './job-pipelines.ts';
import { type ResultRow, rowsIn } from './result-rows.ts';
import { ROOT, SluiceProcess, sluice } from './sluice-process.ts';

export const EXAMPLE_IMAGES = join(ROOT, 'examples', 'image-classification', 'images');
export const EXAMPLE_MODEL = join(ROOT, 'examples', 'image-classification', 'model', 'model.yaml');

/** An S3 server under test: the tests' own or a real one. */
export interface S3UnderTest {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export function storageOf(server: S3UnderTest): FileSystemRegistry {
  const { endpoint, accessKeyId, secretAccessKey } = server;
  const options: FileSystemOptions = { s3: { endpoint, accessKeyId, secretAccessKey } };
  return new FileSystemRegistry(options, { clock: systemClock });
}

/** What a user sets to reach that server. */
export function environmentOf(server: S3UnderTest): {
  readonly env: Readonly<Record<string, string>>;
} {
  return {
    env: {
      SLUICE_S3_ENDPOINT: server.endpoint,
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    },
  };
}

/** All JSON lines of the objects below a prefix. */
export async function readObjectRows<Row>(
  storage: FileSystemRegistry,
  prefix: string,
): Promise<Row[]> {
  const fileSystem = storage.forUri(prefix);
  const page = await fileSystem.list(prefix);
  assert.equal(page.next, null, 'few part files');
  const rows: Row[] = [];
  for (const { uri } of page.files.filter((file) => file.uri.endsWith('.jsonl'))) {
    const { bytes } = await fileSystem.read(uri);
    rows.push(...rowsIn<Row>(Buffer.from(bytes).toString('utf8')));
  }
  return rows;
}

/** Runs the main job over S3, in and out, to its end; gives the rows and the thumbnails' URIs. */
export async function runOverS3(
  server: S3UnderTest,
  folder: string,
  prefixes: { readonly images: string; readonly output: string },
): Promise<{ rows: ResultRow[]; thumbnails: string[]; rejected: number }> {
  const { images, output } = prefixes;
  const pipeline = writeMainJob(folder, { images, model: EXAMPLE_MODEL, output });
  const result = await sluice(['run', pipeline, '--no-progress'], environmentOf(server));
  assert.equal(result.code, 0, result.stderr + result.stdout);
  const storage = storageOf(server);
  const rows = await readObjectRows<ResultRow>(storage, `${output}/results`);
  const dead = await readObjectRows<object>(storage, `${output}/dead-letters`);
  const thumbnails = await storage.forUri(output).list(`${output}/thumbnails`);
  await storage.close();
  return { rows, thumbnails: thumbnails.files.map((file) => file.uri), rejected: dead.length };
}

/**
 * Watches a prefix every `intervalMs`, puts `puts` objects one after the other while the job runs,
 * and measures from each put to its visible row. Ends the job with SIGINT, which must end it cleanly.
 */
export async function measureWatch(
  server: S3UnderTest,
  folder: string,
  options: {
    readonly images: string;
    readonly output: string;
    readonly intervalMs: number;
    readonly puts: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  },
): Promise<number[]> {
  const { images, output, intervalMs } = options;
  const source = `watch: ${intervalMs}ms`;
  const job = { images, model: EXAMPLE_MODEL, output, source, thumbnails: false };
  const pipeline = writeMainJob(folder, job);
  const run = new SluiceProcess(['run', pipeline], environmentOf(server));
  const storage = storageOf(server);
  const rowOf = async (name: string): Promise<ResultRow | undefined> => {
    const rows = await readObjectRows<ResultRow>(storage, `${output}/results`);
    return rows.find((row) => row.uri.endsWith(`/${name}`));
  };
  const delaysMs: number[] = [];
  try {
    for (const { name, bytes } of options.puts) {
      const uri = `${images}/${name}`;
      await storage.forUri(uri).put(uri, bytes);
      const putAt = performance.now();
      await eventually(() => rowOf(name), { timeoutMs: 30_000, message: `no row of ${name}` });
      delaysMs.push(performance.now() - putAt);
    }
  } finally {
    run.child.kill('SIGINT');
    await storage.close();
  }
  const ended = await run.ended;
  assert.equal(ended.code, 0, `Ctrl-C ends it cleanly: ${ended.stderr}`);
  return delaysMs;
}
