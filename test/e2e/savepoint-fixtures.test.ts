/** What released versions wrote is restored by this one, wherever its folder lies by now. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import {
  assertAllRows,
  countedRecords,
  FIXTURES,
  FixtureCluster,
  type FixtureJob,
  metadataText,
  OBJECTS,
  objectNames,
  placeOf,
  RECORDS,
  SAMPLE,
  sampledSequences,
} from '../support/savepoint-fixture.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const VERSIONS = readdirSync(FIXTURES).filter((name) => /^\d/.test(name));

/** Puts the part files to where the committables say that they are. */
function putPending(t: TestContext, version: string, folder: string): string {
  const place = placeOf(version);
  const clear = () => rmSync(place, { recursive: true, force: true });
  clear();
  t.after(clear);
  mkdirSync(place, { recursive: true });
  cpSync(join(FIXTURES, version, folder), place, { recursive: true });
  return place;
}

/** Restores, waits until it has read everything, stops it. */
async function runFrom(
  cluster: FixtureCluster,
  from: string,
  job: Pick<FixtureJob, 'parallelism' | 'backend' | 'output'>,
  isDone: () => boolean,
): Promise<void> {
  const restored = { ...job, interval: '200ms', rates: null };
  const id = await cluster.submit(restored, { restoreFrom: `file://${from}` });
  const ended = () => cluster.client.job(id);
  await eventually(isDone, { timeoutMs: 30_000, message: 'it did not read everything' }).catch(
    async (error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify((await ended()).failure)}`);
    },
  );
  await cluster.client.stopJob(id);
  await eventually(async () => (await ended()).state === 'FINISHED', { timeoutMs: 30_000 });
}

test('fixtures of every version are there', () => {
  assert.ok(VERSIONS.includes('0.1.0'));
});

for (const version of VERSIONS) {
  test(`savepoints of ${version}`, async (t) => {
    const folder = temporaryFolder(t);
    const cluster = await FixtureCluster.start();
    t.after(() => cluster.stop());

    for (const [parallelism, backend] of [
      [2, 'lmdb'],
      [3, 'heap'],
    ] as const) {
      await t.test(`when one is restored at ${parallelism}, then all is there once`, async (t) => {
        const place = putPending(t, version, 'savepoint-pending');
        const from = join(folder, `moved-${parallelism}`);
        cpSync(join(FIXTURES, version, 'savepoint'), from, { recursive: true });
        const output = join(folder, `out-${parallelism}`);
        const outputs = [place, output];
        await runFrom(cluster, from, { parallelism, backend, output }, () => {
          const rows = sampledSequences(outputs).length;
          return rows >= RECORDS / SAMPLE && objectNames(outputs).length >= OBJECTS;
        });
        assertAllRows(outputs);
        assert.ok(sampledSequences([place]).length > 0, 'its committables are committed');
        assert.equal(countedRecords(output), RECORDS);
      });
    }

    await t.test('when a checkpoint with changes is restored, then counts are exact', async (t) => {
      putPending(t, version, 'checkpoint-pending');
      const checkpoints = join(folder, 'moved');
      cpSync(join(FIXTURES, version, 'checkpoints'), checkpoints, { recursive: true });
      const [name = ''] = readdirSync(checkpoints).filter((entry) => entry.startsWith('chk-'));
      assert.match(metadataText(join(checkpoints, name)), /"kind":"changes"/);
      const output = join(folder, 'out-checkpoint');
      const job = { parallelism: 2, backend: 'heap', output } as const;
      const last = RECORDS - SAMPLE;
      await runFrom(cluster, join(checkpoints, name), job, () =>
        sampledSequences([output]).includes(last),
      );
      assert.equal(countedRecords(output), RECORDS);
    });
  });
}
