import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startLocalCluster } from '../support/local-cluster.ts';
import { type JobDetail, sluice, sluiceJson } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { EXAMPLE_IMAGES, EXAMPLE_MODEL } from '../support/watch-job.ts';

const SLOW_MS = 60_000;
const WARM_UP_MS = 10_000;
const GROWTH_MAX_BYTES = 100e6;

/** A sink that takes 2 records a second, at the far end of an exchange, fed by fast stages. */
function pipeline(): string {
  return `name: slow-sink
nodes:
  numbers: { source: datagen, keys: 1000 }
  slow: { sink: blackhole, from: numbers, delay: 500ms, partition: rebalance }
  images: { source: files, path: "${EXAMPLE_IMAGES}" }
  tensors: { transform: image-tensor, from: images }
  classes: { transform: onnx, from: tensors, model: "${EXAMPLE_MODEL}", partition: rebalance }
  slower: { sink: blackhole, from: classes, delay: 500ms, partition: rebalance }
`;
}

function residentBytes(processId: number): number {
  const status = readFileSync(`/proc/${processId}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? '0') * 1024;
}

test('when a sink is slow for a minute, then no process grows by more than 100 MB', async (t) => {
  const folder = temporaryFolder(t);
  const cluster = await startLocalCluster(t, ['-n', '2']);
  const path = join(folder, 'slow-sink.yaml');
  writeFileSync(path, pipeline());
  const { id } = await sluiceJson<{ id: string }>([
    ...['submit', path, '--detached', '--json'],
    ...cluster.where,
  ]);
  const status = await sluiceJson<{ state: { members: { name: string; processId: number }[] } }>([
    ...['cluster', 'status', '--json', '--directory', cluster.directory],
  ]);
  const { members } = status.state;
  await delay(WARM_UP_MS);
  const before = members.map((member) => residentBytes(member.processId));
  let peaks = before;
  const untilMs = performance.now() + SLOW_MS;
  while (performance.now() < untilMs) {
    await delay(500);
    peaks = members.map((member, index) =>
      Math.max(peaks[index] ?? 0, residentBytes(member.processId)),
    );
  }
  const job = await cluster.json<JobDetail>(['job', id]);
  assert.equal(job.state, 'RUNNING');
  const numbers = job.vertices.find((vertex) => vertex.id === 'numbers');
  assert.ok(
    numbers?.subtasks.every((subtask) => subtask.backPressured > 0.9),
    'the fast source is held back',
  );
  members.forEach((member, index) => {
    const growth = (peaks[index] ?? 0) - (before[index] ?? 0);
    t.diagnostic(`${member.name}: grew by ${(growth / 1e6).toFixed(1)} MB`);
    assert.ok(growth < GROWTH_MAX_BYTES, `${member.name} grew by ${growth} bytes`);
  });
  assert.equal((await sluice(['cancel', id, ...cluster.where])).code, 0);
});
