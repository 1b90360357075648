/**
 * A watch over a prefix of a million objects, when its processes are killed with `-9`:
 *
 *   npm run bench:discovery -- --objects 1000000 --rounds 3
 *
 *   snapshot     how long taking the enumerator's state holds up the job manager's thread, and what
 *                checkpoints weigh: all of one, and what each wrote
 *   first image  from the kill to the first request for an image that was put while the processes
 *                were down, and to its visible row; at the end of the prefix and in its midst
 *
 * Nobody reads a million images here. A small S3 server makes the listing up, and one small photograph
 * as every object's body. The bench lets the engine's own enumerator list everything and hand it out,
 * then puts its state into a savepoint that a job with the same pipeline has taken of an empty prefix;
 * the measured job starts from that. That it reads nothing but the new images is checked, so what it
 * restored is what the enumerator had seen. The server answers in no time; S3 takes 50–200 ms a page.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { FileSystemRegistry } from '../shared/filesystem/filesystem-registry.ts';
import { systemClock } from '../shared/time/system-clock.ts';
import { ListingServer } from './discovery/listing-server.ts';
import {
  checkpointBytes,
  savepointWith,
  snapshotMs,
  watchThatHasSeen,
} from './discovery/seen-by.ts';
import { WatchCluster } from './discovery/watch-cluster.ts';
import { machineText, spread } from './support/statistics.ts';

const HELP = `usage: npm run bench:discovery -- [options]
  --objects N   in the prefix, default 1000000
  --rounds N    kills of each kind, default 3
  --watch TIME  pause between listings, default 10s
  --delay MS    of the server's answer to a listing, default 0
  --image FILE  default: one of examples/image-classification`;

const { values: flags } = parseArgs({
  options: {
    objects: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    watch: { type: 'string', default: '10s' },
    delay: { type: 'string', default: '0' },
    image: { type: 'string', default: 'examples/image-classification/images/camera-1/0001.jpg' },
    help: { type: 'boolean', default: false },
  },
});

const SETTLED_CHECKPOINTS = 3;
const SETTLE_MS = 3_000;
const FIRST_IMAGE_MS_MAX = 10_000;
const CHECKPOINT_MB_MAX = 20;

if (flags.help) process.stdout.write(`${HELP}\n`);
else await main();

async function main(): Promise<void> {
  const objects = Number(flags.objects);
  const work = mkdtempSync(join(tmpdir(), 'sluice-discovery-'));
  const server = await ListingServer.start({
    bucket: 'images',
    prefix: 'in/',
    image: readFileSync(resolve(flags.image)),
    delayMs: Number(flags.delay),
  });
  // For this process and those that it starts.
  process.env['SLUICE_S3_ENDPOINT'] = server.endpoint;
  process.env['AWS_ACCESS_KEY_ID'] = 'bench';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'bench';
  const fileSystems = new FileSystemRegistry(
    { s3: { endpoint: server.endpoint } },
    { clock: systemClock },
  );
  const source = 's3://images/in';
  const cluster = new WatchCluster({ work, source, watch: flags.watch });
  try {
    print(`machine: ${machineText()}`);
    print(`input: ${objects} objects listed, watch: ${flags.watch}, delay: ${flags.delay} ms`);
    const empty = await cluster.submit(null);
    await cluster.untilRunning(empty);
    const savepoint = await cluster.savepoint(empty);
    await cluster.cancel(empty);
    server.count = objects;
    const state = await listEverything(source, objects, fileSystems);
    const from = await savepointWith(savepoint, { operatorId: 'images', state }, fileSystems);
    const id = await cluster.submit(from);
    await cluster.untilRunning(id);
    await measureCheckpoints(cluster, id, fileSystems);
    await measureKills(cluster, server);
  } finally {
    await cluster.stop();
    await fileSystems.close();
    server.close();
    rmSync(work, { recursive: true, force: true });
  }
}

async function listEverything(
  source: string,
  objects: number,
  fileSystems: FileSystemRegistry,
): Promise<unknown> {
  const startedAt = performance.now();
  const enumerator = await watchThatHasSeen(source, objects, fileSystems);
  const seconds = (performance.now() - startedAt) / 1000;
  print(`first listing: ${seconds.toFixed(1)} s, with the server in the same thread`);
  const first = snapshotMs(enumerator);
  const others = Array.from({ length: 20 }, () => snapshotMs(enumerator));
  print(`snapshot: ${first.toFixed(2)} ms, then ${spread(others, 2)} ms`);
  const state = enumerator.snapshotState();
  enumerator.close();
  return state;
}

async function measureCheckpoints(
  cluster: WatchCluster,
  id: string,
  fileSystems: FileSystemRegistry,
): Promise<void> {
  const [first, ...others] = await cluster.untilCheckpoints(id, SETTLED_CHECKPOINTS);
  const megabytes = (await checkpointBytes(others.at(-1)?.path ?? '', fileSystems)) / 1e6;
  const written = [first, ...others].map((checkpoint) => checkpoint?.bytes ?? 0);
  print(`checkpoint: ${megabytes.toFixed(2)} MB (at most ${CHECKPOINT_MB_MAX})`);
  print(`written by each: ${written.join(', ')} bytes; ${durationsText([first, ...others])}`);
}

function durationsText(checkpoints: readonly ({ durationMs: number } | undefined)[]): string {
  return `durations ${checkpoints.map((checkpoint) => checkpoint?.durationMs ?? 0).join(', ')} ms`;
}

async function measureKills(cluster: WatchCluster, server: ListingServer): Promise<void> {
  const kinds = {
    'job manager': () => cluster.jobManager.kill(),
    'job manager and task manager': () => {
      cluster.taskManager.kill();
      return cluster.jobManager.kill();
    },
  };
  let number = 0;
  for (const [kind, kill] of Object.entries(kinds)) {
    for (const place of ['at the end', 'in the midst'] as const) {
      const [requested, visible]: [number[], number[]] = [[], []];
      for (let round = 0; round < Number(flags.rounds); round += 1) {
        await delay(SETTLE_MS);
        number += 1;
        const at = place === 'at the end' ? server.count + number : server.count >> 1;
        const key = server.key(at, `-${number}`);
        const killedAtMs = kill();
        server.add(key);
        visible.push((await cluster.untilRow(`s3://images/${key}`)) - killedAtMs);
        requested.push((server.reads.get(key) ?? Number.NaN) - killedAtMs);
      }
      const verdict = Math.max(...visible) <= FIRST_IMAGE_MS_MAX ? 'within' : 'NOT within';
      print(
        `${kind} killed, image ${place}: requested after ${spread(requested, 0)} ms, ` +
          `visible after ${spread(visible, 0)} ms, ${verdict} ${FIRST_IMAGE_MS_MAX / 1000} s`,
      );
    }
  }
  print(`images read: ${server.reads.size}, put: ${number}; rows: ${cluster.rows().length}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
