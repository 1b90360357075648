import process from 'node:process';
import { test } from 'node:test';
import { ImageChaos } from '../support/chaos/image-chaos.ts';
import { RealS3Server } from '../support/s3/real-server.ts';

/**
 * The image job against a real S3 server while a random task manager is killed every 3 s and the job
 * manager every 10 s: afterwards `sluice audit` finds one result and one thumbnail for each object.
 */
const OBJECTS = Number(process.env['SLUICE_CHAOS_OBJECTS'] ?? '2000');
const CHAOS_MS = Number(process.env['SLUICE_CHAOS_SECONDS'] ?? '60') * 1000;
const SEEDS = (process.env['SLUICE_CHAOS_SEEDS'] ?? '1,2').split(',').map(Number);
const BUCKET = 'sluice';

for (const [index, seed] of SEEDS.entries()) {
  const taskManagers = index % 2 === 0 ? 2 : 4;
  const title = `seed ${seed}, ${taskManagers} task managers, ${OBJECTS} objects`;
  test(`when everything is killed at random (${title}), then the audit is exact`, async (t) => {
    const s3 = await RealS3Server.start({ buckets: [BUCKET] });
    t.after(() => s3.close());
    const options = { s3, bucket: BUCKET, taskManagers, objects: OBJECTS, chaosMs: CHAOS_MS };
    const chaos = await ImageChaos.start(t, options);
    t.diagnostic(await chaos.killAtRandom(seed));
    t.diagnostic((await chaos.finishAndAudit()).trim().slice(0, 1_000));
  });
}
