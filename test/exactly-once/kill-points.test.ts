import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ChaosCluster } from '../support/chaos/chaos-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { readRows } from '../support/result-rows.ts';
import type { JobDetail } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/**
 * `kill -9` at each named commit point of a running job, in the process that passes it: the rows of
 * all sinks are exact all the same.
 */
const RECORDS = 4_000;
const POINTS = [
  ['before-pre-commit', 'taskmanager-1'],
  ['after-pre-commit', 'taskmanager-1'],
  ['before-metadata', 'jobmanager'],
  ['after-metadata', 'jobmanager'],
  ['before-commit', 'taskmanager-1'],
  ['between-sink-commits', 'taskmanager-1'],
  ['after-commit', 'taskmanager-1'],
] as const;

interface Row {
  readonly sequence: number;
}

const table: string[] = [];

function writePipeline(folder: string): string {
  const path = join(folder, 'pipeline.yaml');
  writeFileSync(
    path,
    `name: kill-points
checkpoints: { interval: 300ms }
restart: { strategy: fixed-delay, attempts: 20, delay: 100ms }
nodes:
  numbers: { source: datagen, count: ${RECORDS}, keys: 100, rateMax: 1000 }
  first: { sink: files, from: numbers, path: "${folder}/first" }
  again: { sink: files, from: numbers, path: "${folder}/again" }
  even: { transform: filter, from: numbers, where: "sequence % 2 == 0", partition: rebalance }
  second: { sink: files, from: even, path: "${folder}/second" }
`,
  );
  return path;
}

function countOnce(rows: readonly Row[]): { rows: number; distinct: number } {
  return { rows: rows.length, distinct: new Set(rows.map(({ sequence }) => sequence)).size };
}

for (const [point, victim] of POINTS) {
  test(`when ${victim} is killed ${point}, then every row is there once`, async (t) => {
    const folder = temporaryFolder(t);
    const cluster = await ChaosCluster.start(t, {
      taskManagers: 2,
      slots: 1,
      storage: pathToFileURL(join(folder, 'storage')).href,
      environment: {},
      killPoint: { process: victim, value: `${point}:2` },
    });
    const { id } = await cluster.json<{ id: string }>([
      ...['submit', writePipeline(folder), '--detached'],
    ]);
    const job = await eventually(
      async () => {
        const detail = await cluster.json<JobDetail>(['job', id]);
        return ['FINISHED', 'FAILED', 'CANCELED'].includes(detail.state) ? detail : null;
      },
      { timeoutMs: 60_000, message: 'the job did not end' },
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${cluster.output()}`);
    });
    assert.equal(job.state, 'FINISHED', cluster.output());
    const killed = cluster.processes.find(({ name }) => name === victim);
    assert.equal(killed?.lives, 2, `${victim} was killed once\n${cluster.output()}`);
    const first = countOnce(readRows<Row>(join(folder, 'first')));
    const again = countOnce(readRows<Row>(join(folder, 'again')));
    const second = countOnce(readRows<Row>(join(folder, 'second')));
    table.push(
      `${point.padEnd(22)}${victim.padEnd(15)}${first.rows}/${RECORDS}  ${again.rows}/${RECORDS}  ${second.rows}/${RECORDS / 2}`,
    );
    assert.deepEqual(first, { rows: RECORDS, distinct: RECORDS });
    assert.deepEqual(again, { rows: RECORDS, distinct: RECORDS });
    assert.deepEqual(second, { rows: RECORDS / 2, distinct: RECORDS / 2 });
  });
}

after(() => {
  console.log(['commit point          killed         rows of three sinks', ...table].join('\n'));
});
