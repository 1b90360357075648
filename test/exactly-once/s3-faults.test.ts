import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobCheckpointsDetail, JobDetail } from '../../shared/rest/rest-types.ts';
import { ImageChaos } from '../support/chaos/image-chaos.ts';
import { eventually } from '../support/eventually.ts';
import type { ResultRow } from '../support/result-rows.ts';
import type { FaultKind } from '../support/s3/faults.ts';
import { S3Server } from '../support/s3/s3-server.ts';
import { readObjectRows, type S3UnderTest, storageOf } from '../support/watch-job.ts';

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
const OUTAGE_MS = 30_000;

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

const OUTAGES = [
  { what: 'the storage of checkpoints', key: 'storage/', isProcessing: true },
  { what: 'the whole S3', key: undefined, isProcessing: false },
];

for (const [index, { what, key, isProcessing }] of OUTAGES.entries()) {
  test(`when ${what} is away for 30 s, then checkpoints fail, the job goes on, nothing is lost`, async (t) => {
    const { server, s3 } = await startServer(4 + index);
    t.after(() => server.close());
    const options = { s3, bucket: BUCKET, taskManagers: 2, objects: 1200, chaosMs: OUTAGE_MS };
    const chaos = await ImageChaos.start(t, options);
    const checkpoints = (): Promise<JobCheckpointsDetail> =>
      chaos.cluster.json<JobCheckpointsDetail>(['checkpoints', chaos.jobId]);
    await eventually(async () => (await checkpoints()).latest !== null, { timeoutMs: 60_000 });
    const awayFrom = Date.now();
    server.faults.add({ kind: 'reset', ...(key === undefined ? {} : { key }) });
    await delay(OUTAGE_MS);
    const reported = await checkpoints();
    server.faults.clear();
    const awayUntil = Date.now();
    t.diagnostic(textOf(reported));
    assert.ok(reported.counts.failed > 0, 'failures are reported while it is away');
    await chaos.finishAndAudit();
    const job = await chaos.cluster.json<JobDetail>(['job', chaos.jobId]);
    assert.equal(job.state, 'FINISHED');
    t.diagnostic(`${job.restarts} restarts`);
    assert.equal(job.restarts, 0);
    const rows = await rowsOf(s3, chaos.output);
    const meanwhile = rows.filter(({ processedAt }) => {
      const atMs = Date.parse(processedAt);
      return atMs > awayFrom + 5_000 && atMs < awayUntil - 1_000;
    });
    t.diagnostic(`${meanwhile.length} of ${rows.length} images were classified meanwhile`);
    // Without their source there are no images to classify.
    if (isProcessing) assert.ok(meanwhile.length > 100, 'processing goes on');
  });
}

function textOf({ counts, history }: JobCheckpointsDetail): string {
  const failed = history.filter(({ status }) => status === 'FAILED');
  const each = failed.map(({ failure, durationMs }) => `${failure?.reason} after ${durationMs} ms`);
  return `checkpoints: ${counts.completed} completed, ${counts.failed} failed (${each.join(', ')})`;
}

async function rowsOf(s3: S3UnderTest, output: string): Promise<readonly ResultRow[]> {
  const storage = storageOf(s3);
  const rows = await readObjectRows<ResultRow>(storage, `${output}/results`);
  await storage.close();
  return rows;
}
