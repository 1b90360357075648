import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobCheckpointsDetail, JobDetail } from '../../shared/rest/rest-types.ts';
import { ImageChaos } from '../support/chaos/image-chaos.ts';
import { eventually } from '../support/eventually.ts';
import type { ResultRow } from '../support/result-rows.ts';
import type { FaultKind } from '../support/s3/faults.ts';
import { S3Server } from '../support/s3/s3-server.ts';
import { readObjectRows, storageOf } from '../support/watch-job.ts';

/** The image job over an S3 server that misbehaves while processes are killed, or that is away. */
const BUCKET = 'sluice';
const KINDS: readonly FaultKind[] = [
  'slow-down',
  'internal-error',
  'reset',
  'lost-response',
  'truncate',
];
const FAULT_SHARE = 0.05;
/** Longer than a storage that has answered before is waited for. */
const OUTAGE_MS = 40_000;

async function startServer(seed: number) {
  const server = await S3Server.start({ buckets: [BUCKET], seed });
  const s3 = { endpoint: server.endpoint, accessKeyId: 'test', secretAccessKey: 'test-secret' };
  return { server, s3 };
}

test('when every twentieth request fails and everything is killed, then the audit is exact', async (t) => {
  const { server, s3 } = await startServer(3);
  t.after(() => server.close());
  const options = { s3, bucket: BUCKET, taskManagers: 2, objects: 600, chaosMs: 30_000 };
  const chaos = await ImageChaos.start(t, options);
  for (const kind of KINDS) server.faults.add({ kind, rate: FAULT_SHARE / KINDS.length });
  t.diagnostic(await chaos.killAtRandom(3));
  const audit = await chaos.finishAndAudit();
  const total = [...server.requests.values()].reduce((sum, count) => sum + count, 0);
  const failed = [...server.faults.injected.values()].reduce((sum, count) => sum + count, 0);
  t.diagnostic(`${failed} of ${total} requests failed (${((failed / total) * 100).toFixed(1)} %)`);
  t.diagnostic(audit.trim().slice(0, 1_000));
  for (const kind of KINDS)
    assert.ok((server.faults.injected.get(kind) ?? 0) > 0, `${kind} happened`);
});

test('when the storage of checkpoints is away for 40 s, then processing goes on and nothing is lost', async (t) => {
  const { server, s3 } = await startServer(4);
  t.after(() => server.close());
  const options = { s3, bucket: BUCKET, taskManagers: 2, objects: 1200, chaosMs: OUTAGE_MS };
  const chaos = await ImageChaos.start(t, options);
  const checkpoints = (): Promise<JobCheckpointsDetail> =>
    chaos.cluster.json<JobCheckpointsDetail>(['checkpoints', chaos.jobId]);
  await eventually(async () => (await checkpoints()).latest !== null, { timeoutMs: 60_000 });
  const awayFrom = Date.now();
  server.faults.add({ kind: 'reset', key: 'storage/' });
  await delay(OUTAGE_MS);
  server.faults.clear();
  const awayUntil = Date.now();
  const { counts, history, inProgress } = await checkpoints();
  const failures = history.filter(({ status }) => status === 'FAILED');
  const late = [...history, ...(inProgress === null ? [] : [inProgress])];
  t.diagnostic(
    `checkpoints: ${counts.completed} completed, ${counts.failed} failed ` +
      `(${failures.map(({ failure }) => failure?.reason).join(', ')}), ` +
      `the longest took ${Math.max(...late.map(({ durationMs }) => durationMs))} ms`,
  );
  assert.ok(counts.failed > 0, 'failures are reported');
  await chaos.finishAndAudit();
  const job = await chaos.cluster.json<JobDetail>(['job', chaos.jobId]);
  assert.equal(job.state, 'FINISHED');
  const storage = storageOf(s3);
  const rows = await readObjectRows<ResultRow>(storage, `${chaos.output}/results`);
  await storage.close();
  const meanwhile = rows.filter(({ processedAt }) => {
    const atMs = Date.parse(processedAt);
    return atMs > awayFrom + 5_000 && atMs < awayUntil - 1_000;
  });
  t.diagnostic(`${meanwhile.length} of ${rows.length} images were classified meanwhile`);
  assert.ok(meanwhile.length > 100, 'processing goes on');
});
