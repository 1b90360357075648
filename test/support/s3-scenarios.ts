import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sluice } from './sluice-process.ts';
import { temporaryFolder } from './temporary-folder.ts';
import {
  EXAMPLE_IMAGES,
  environmentOf,
  measureWatch,
  runOverS3,
  type S3UnderTest,
  storageOf,
} from './watch-job.ts';

const WATCH_MS = 1000;
/** What the issue of a result may take beyond the interval. */
const SLACK_MS = 2000;

function exampleFiles(): { name: string; bytes: Uint8Array }[] {
  return readdirSync(EXAMPLE_IMAGES, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(EXAMPLE_IMAGES, name)).isFile())
    .map((name) => ({ name, bytes: readFileSync(join(EXAMPLE_IMAGES, name)) }));
}

/** The main job over S3, bounded and watching; the same on the tests' server and on a real one. */
export function s3Scenarios(
  title: string,
  server: () => { readonly s3: S3UnderTest; readonly bucket: string },
): void {
  test(`${title}: when images lie in a bucket, then rows and thumbnails land in it, each once`, async (t) => {
    const { s3, bucket } = server();
    const images = `s3://${bucket}/bounded/images`;
    const output = `s3://${bucket}/bounded/out`;
    const storage = storageOf(s3);
    const files = exampleFiles();
    for (const { name, bytes } of files) {
      await storage.forUri(images).put(`${images}/${name}`, bytes);
    }
    await storage.close();
    const folder = temporaryFolder(t);
    const { rows, thumbnails, rejected } = await runOverS3(s3, folder, { images, output });
    assert.equal(rejected, 3);
    assert.equal(rows.length, files.length - 3);
    assert.equal(new Set(rows.map((row) => row.uri)).size, rows.length);
    assert.equal(new Set(thumbnails).size, rows.length);
    assert.ok(rows.every((row) => row.uri.startsWith(images) && row.etag.length >= 32));
    const pipeline = join(folder, 'pipeline.yaml');
    const audit = await sluice(['audit', '--pipeline', pipeline], environmentOf(s3));
    assert.equal(audit.code, 0, audit.stdout + audit.stderr);
    assert.match(audit.stdout, new RegExp(`^${files.length} object versions, 3 dead letters\n`));
  });

  test(`${title}: when an object is put while it is watched, then its row follows in time`, async (t) => {
    const { s3, bucket } = server();
    const puts = exampleFiles()
      .filter(({ name }) => name.startsWith('camera-2'))
      .slice(0, 5);
    const delaysMs = await measureWatch(s3, temporaryFolder(t), {
      images: `s3://${bucket}/watched/images`,
      output: `s3://${bucket}/watched/out`,
      intervalMs: WATCH_MS,
      puts,
    });
    // The first one waits for the process to start as well.
    const [, ...settled] = delaysMs;
    t.diagnostic(`put to row, ms: ${delaysMs.map(Math.round).join(', ')}`);
    assert.ok(
      settled.every((delayMs) => delayMs <= WATCH_MS + SLACK_MS),
      `${settled}`,
    );
  });
}
