/**
 * The alerts of processes: each is fired by what it is meant for, done to real processes, and clears when
 * that is undone. Prometheus has the shipped configuration and rules, made quicker (`quick-rules.ts`).
 */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Member, MonitoredCluster } from '../support/monitoring/monitored-cluster.ts';
import { ROOT } from '../support/sluice-process.ts';

/** On both task managers, or waiting for them. */
const COUNTING = `name: counting
parallelism: 2
checkpoints: { interval: 500ms }
restart: { strategy: fixed-delay, attempts: 1000, delay: 100ms }
nodes:
  numbers: { source: datagen, keys: 50, rateMax: 200 }
  counts: { transform: count, from: numbers, keyBy: key }
  nowhere: { sink: blackhole, from: counts }
`;

const CRASHES_MAX = 12;

test('when processes die, hang, lead twice or differ, then alerts say so until they do not', {
  concurrency: true,
}, async (t) => {
  const cluster = await MonitoredCluster.start(t);
  const leader = await cluster.jobManager('leader', ['--storage', join(cluster.folder, 'storage')]);
  const [second] = await Promise.all([
    cluster.taskManager('second', ['--slots', '1']),
    cluster.taskManager('first', ['--slots', '1']),
  ]);
  await Promise.all([
    t.test('another release leads, too', () => anotherRelease(cluster)),
    t.test('a task manager fails in several ways', () => failingTaskManager(cluster, second)),
  ]);
  await t.test('the leader is killed', () => withoutLeader(cluster, leader));
});

async function anotherRelease(cluster: MonitoredCluster): Promise<void> {
  const storage = join(cluster.folder, 'another-storage');
  const other = await cluster.jobManager('other', ['--storage', storage], otherRelease(cluster));
  await cluster.fires('SluiceSeveralLeaders');
  await cluster.fires('SluiceVersionsDiffer');
  await other.end('SIGTERM');
  cluster.forget('job-managers', other.address);
  await Promise.all([
    cluster.clears('SluiceSeveralLeaders'),
    cluster.clears('SluiceVersionsDiffer'),
  ]);
}

/** A copy of this installation that says it is another version; gives its entry point. */
function otherRelease({ folder }: MonitoredCluster): string {
  const release = join(folder, 'release');
  mkdirSync(release);
  for (const name of ['cli', 'jobmanager', 'taskmanager', 'shared', 'proto']) {
    cpSync(join(ROOT, name), join(release, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(release, 'node_modules'));
  const text = readFileSync(join(ROOT, 'package.json'), 'utf8');
  const version = '"version": "999.0.0"';
  writeFileSync(join(release, 'package.json'), text.replace(/"version": "[^"]+"/, version));
  return join(release, 'cli', 'main.ts');
}

async function failingTaskManager(cluster: MonitoredCluster, victim: Member): Promise<void> {
  const job = await cluster.submit(COUNTING);
  await cluster.jobReaches(job, 'RUNNING');

  victim.signal('SIGSTOP');
  await cluster.fires('SluiceTaskManagerSilent', { task_manager: victim.name });
  victim.signal('SIGCONT');
  await cluster.clears('SluiceTaskManagerSilent');

  let isKnown = false;
  const known = Promise.all([
    cluster.fires('SluiceJobRestarting', { job_id: job }),
    cluster.fires('SluiceProcessRestarting', { instance: victim.address }),
  ]).then(() => {
    isKnown = true;
  });
  for (let crash = 0; crash < CRASHES_MAX && !isKnown; crash += 1) {
    await cluster.jobReaches(job, 'RUNNING');
    const startedMs = performance.now();
    await victim.restart();
    // No life is so short that no scrape sees it, or that the next one begins in the same second.
    await cluster.within('it is not scraped', async () => {
      const aliveMs = 1000 * (await uptime(cluster, victim));
      return aliveMs > 1_200 && aliveMs < performance.now() - startedMs;
    });
  }
  await known;
  await cluster.fires('SluiceTaskManagerLost', { reason: 'disconnected' });

  await victim.end();
  await cluster.fires('SluiceTaskManagerDown', { instance: victim.address });
  await victim.restart();
  await cluster.clears('SluiceTaskManagerDown');
  const after = ['SluiceTaskManagerLost', 'SluiceProcessRestarting', 'SluiceJobRestarting'];
  await Promise.all(after.map((name) => cluster.clears(name)));
  await cluster.jobReaches(job, 'RUNNING');
}

/** Seconds, by the last scrape. */
async function uptime(cluster: MonitoredCluster, { address }: Member): Promise<number> {
  const expression = `sluice_uptime_seconds{instance="${address}"}`;
  return (await cluster.prometheus.query(expression))[0]?.value ?? 0;
}

async function withoutLeader(cluster: MonitoredCluster, leader: Member): Promise<void> {
  await leader.end();
  await cluster.fires('SluiceNoLeader');
  await cluster.fires('SluiceJobManagerDown', { instance: leader.address });
  await leader.restart();
  await Promise.all([cluster.clears('SluiceNoLeader'), cluster.clears('SluiceJobManagerDown')]);
}
