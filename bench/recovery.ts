/**
 * How long a job stands still when its processes are killed with `-9`, on one machine:
 *
 *   npm run bench:recovery -- --rounds 10
 *
 *   task manager   from the kill to the first record that a restarted subtask hands to a sink
 *   job manager    the longest time without a record at the sinks around the kill, and from the kill to
 *                  a job manager that leads again (a supervisor starts it after 100 ms)
 *
 * The job classifies images with two task managers of two slots at parallelism 2, so that a spare slot
 * exists; a sink that takes so many images a second holds it back, so that there is always more to do. Times are the rows' own `processedAt`, on the clock that the kills are taken by.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { prepareImages } from './images/image-set.ts';
import { RecoveryCluster } from './recovery/recovery-cluster.ts';
import { gapAround, readWrites, recoveryMs } from './recovery/row-times.ts';
import { machineText, spread } from './support/statistics.ts';

const HELP = `usage: npm run bench:recovery -- [options]
  --rounds N       kills of each kind, default 10
  --images DIR     default examples/image-classification/images/camera-1
  --rate N         images a second, default 60
  --checkpoint MS  checkpoint interval in milliseconds, default 1000`;

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    images: { type: 'string', default: 'examples/image-classification/images/camera-1' },
    rate: { type: 'string', default: '60' },
    checkpoint: { type: 'string', default: '1000' },
    help: { type: 'boolean', default: false },
  },
});

/** Between two kills: the restarted process is back, and a checkpoint is complete. */
const SETTLE_MS = 4_000;

if (flags.help) process.stdout.write(`${HELP}\n`);
else await main();

async function main(): Promise<void> {
  const [rounds, rate] = [Number(flags.rounds), Number(flags.rate)];
  const work = mkdtempSync(join(tmpdir(), 'sluice-recovery-'));
  const count = Math.ceil(rate * (rounds * 2 + 4) * ((SETTLE_MS + 3_000) / 1000));
  const images = prepareImages(resolve(flags.images), join(work, 'images'), count);
  const cluster = await RecoveryCluster.start({
    work,
    images: images.folder,
    rate,
    checkpointMs: Number(flags.checkpoint),
  });
  try {
    process.stdout.write(`machine: ${machineText()}\n`);
    process.stdout.write(`input: ${rate} images a second, checkpoints of ${flags.checkpoint} ms\n`);
    const taskManagerKills: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await cluster.untilRunning();
      await delay(SETTLE_MS);
      taskManagerKills.push(await cluster.killTaskManager());
    }
    const jobManagerKills: { atMs: number; leadsMs: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await cluster.untilRunning();
      await delay(SETTLE_MS);
      const atMs = cluster.jobManager.kill();
      jobManagerKills.push({ atMs, leadsMs: (await cluster.untilLed(atMs)) - atMs });
    }
    await cluster.untilRunning();
    await delay(SETTLE_MS);
    await cluster.stopJob();

    const writes = readWrites(cluster.results);
    const recoveries = taskManagerKills.map((atMs) => recoveryMs(writes, atMs));
    const gaps = jobManagerKills.map(({ atMs, leadsMs }) => gapAround(writes, atMs, leadsMs));
    const leads = jobManagerKills.map(({ leadsMs }) => leadsMs);
    print(`task manager killed: first record after ${spread(recoveries, 0)} ms, ${rounds} kills`);
    print(`job manager killed: longest gap ${spread(gaps, 0)} ms`);
    print(`job manager killed: leads again after ${spread(leads, 0)} ms, ${rounds} kills`);
    print(`rows: ${writes.length}, distinct images: ${new Set(writes.map(({ uri }) => uri)).size}`);
  } finally {
    await cluster.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
