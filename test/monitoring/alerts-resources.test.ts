/**
 * The alerts of what processes use, and of task managers and Prometheus that do not know each other, on
 * one cluster; each clears when its cause is gone.
 */
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { MemoryGroup } from '../support/memory-group.ts';
import { type Member, MonitoredCluster } from '../support/monitoring/monitored-cluster.ts';

/** A share of the memory limit beyond the alert's threshold, which stays. */
const MEMORY_SHARE = 0.99;
/** Longer than the alert's threshold for a thread. */
const BLOCKED_MS = 1_000;
const NOBODY = 1;

test('when memory, a thread or a registration falls short, then alerts say so until it does not', {
  concurrency: true,
}, async (t) => {
  const cluster = await MonitoredCluster.start(t);
  await cluster.jobManager('leader');
  const worker = await cluster.taskManager('worker', ['--slots', '1']);
  await Promise.all([
    t.test('a thread is blocked', () => blockedThread(cluster, worker)),
    t.test('memory runs out', () => shortOfMemory(cluster, worker, t)),
    t.test('task managers that are not known everywhere', () => unknownTaskManagers(cluster)),
  ]);
});

/** By an expression that backtracks on every record. */
async function blockedThread(cluster: MonitoredCluster, worker: Member): Promise<void> {
  const text = slowText();
  const id = await cluster.submit(`name: blocked
nodes:
  numbers: { source: datagen, rateMax: ${500 / BLOCKED_MS} }
  slow: { transform: filter, from: numbers, where: '("${text}" + string(sequence)).matches("^(a+)+$")' }
  nowhere: { sink: blackhole, from: slow }
`);
  await cluster.fires('SluiceEventLoopBlocked', { instance: worker.address, thread: 'slot-0' });
  await cluster.rest.cancelJob(id);
  await cluster.clears('SluiceEventLoopBlocked');
}

/** So many letters that matching them takes this machine `BLOCKED_MS` or longer, if others wait. */
function slowText(): string {
  for (let text = 'a'.repeat(16); ; text += 'a') {
    const { user } = process.cpuUsage();
    /^(a+)+$/.test(`${text}0`);
    if (process.cpuUsage().user - user >= 1000 * BLOCKED_MS) return text;
  }
}

/** The limit of its control group is close to what it uses; raising it is the cure. */
async function shortOfMemory(
  cluster: MonitoredCluster,
  worker: Member,
  context: TestContext,
): Promise<void> {
  const group = new MemoryGroup(`sluice-test-${process.pid}`);
  context.after(async () => {
    await worker.end();
    await group.remove();
  });
  group.add(worker.processId);
  const usage = `sluice_process_resident_memory_bytes{instance="${worker.address}"}`;
  const [used] = await cluster.within('it is not scraped', async () => {
    const samples = await cluster.prometheus.query(usage);
    return samples.length > 0 ? samples : null;
  });
  const usedBytes = used?.value ?? 0;
  group.limitBytes = usedBytes / MEMORY_SHARE;
  await cluster.fires('SluiceMemoryNearLimit', { instance: worker.address });
  group.limitBytes = 2 * usedBytes;
  await cluster.clears('SluiceMemoryNearLimit');
}

async function unknownTaskManagers(cluster: MonitoredCluster): Promise<void> {
  const lost = await cluster.taskManager('lost', ['--slots', '1'], { rpcPort: NOBODY });
  await cluster.fires('SluiceTaskManagerNotRegistered');
  await lost.end();
  cluster.forget('task-managers', lost.address);
  await cluster.clears('SluiceTaskManagerNotRegistered');

  const unlisted = await cluster.taskManager('unlisted', ['--slots', '1'], { isScraped: false });
  await cluster.fires('SluiceTaskManagerNotScraped');
  cluster.scrape('task-managers', unlisted.address);
  await cluster.clears('SluiceTaskManagerNotScraped');
}
