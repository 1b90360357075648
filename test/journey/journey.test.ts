/** From nothing to a cluster that grows and restarts under load, and back to nothing, on one machine. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { AuditReport } from '../../cli/audit/audit-report.ts';
import { eventually } from '../support/eventually.ts';
import type { HostRecap } from '../support/hosts/ansible.ts';
import { requireTestHosts } from '../support/hosts/deployment.ts';
import {
  assertBucketsAreSafe,
  assertClosedToTheWorld,
  assertHostsAreBounded,
  assertInputIsTold,
  countResources,
  type KindOfResource,
} from './aws-checks.ts';
import { ImageStream } from './image-stream.ts';
import { Journey } from './journey.ts';
import { Story } from './story.ts';

const WAIT_MS = 120_000;
const POLL_MS = 500;
const RECORDS_MIN = 20;
const PIPELINE = join(import.meta.dirname, 'pipeline.yaml');

describe('the journey', { concurrency: 1 }, () => {
  const story = new Story();
  let journey: Journey;
  let images: ImageStream;
  let job = '';
  let third = '';

  before(async () => {
    requireTestHosts();
    journey = await Journey.begin();
  });
  after(async () => {
    story.printTable();
    await images?.end();
    await journey?.end();
  });

  const client = () => journey.control.client();

  story.step('terraform apply: a network, buckets, roles, 4 machines', async () => {
    const made = await journey.apply(2);
    for (const [group, hosts] of Object.entries(journey.inventory.groups)) {
      for (const host of hosts) story.say(`${group}: ${host.name} ${host.private_ip}`);
    }
    return made;
  });

  story.step(
    'the machines boot; terraform plan: no changes, nothing open to the world',
    async () => {
      const [booted, { changes }, rules] = await Promise.all([
        journey.bootNewHosts(),
        journey.terraform.plan(),
        assertClosedToTheWorld(journey),
        assertBucketsAreSafe(journey),
        assertInputIsTold(journey),
        assertHostsAreBounded(journey),
        journey.startStorage(),
      ]);
      assert.equal(changes, false);
      return `${booted.length} machines take SSH, ${rules} rules of security groups, 0 changes`;
    },
  );

  story.step('ansible-playbook site.yml: services with TLS and tokens', async () => {
    await journey.play('site.yml');
    assert.deepEqual(await taskManagers(journey), journey.names.taskManagers);
    await assertHardened(journey);
    const refused = await journey.control.sluice('jobs', '--token-file', '/dev/null');
    assert.notEqual(refused.code, 0, refused.stdout);
    return `${journey.names.taskManagers.length} task managers are registered`;
  });

  story.step('sluice submit: images arrive, results come', async () => {
    const { input_bucket, output_bucket, storage_bucket } = journey.inventory.vars;
    const folders = {
      input: `s3://${input_bucket}/images`,
      output: `s3://${output_bucket}/street`,
    };
    images = new ImageStream(journey.storage, folders);
    const submitted = await journey.control.sluice(
      ...['submit', PIPELINE, '--detached', '--json', '--set', `images=${folders.input}`],
      ...['--set', `model=s3://${storage_bucket}/models/model.yaml`],
      ...['--set', `output=${folders.output}`],
    );
    assert.equal(submitted.code, 0, submitted.stderr);
    job = JSON.parse(submitted.stdout).id;
    images.start();
    await images.untilMore(20);
    return `job ${job} has the first ${images.put.length} images`;
  });

  story.step('site.yml again, while the job runs: nothing changes', async () => {
    const earlier = await journey.processes();
    const recap = await journey.play('site.yml');
    assertUnchanged(recap);
    assert.deepEqual(await journey.processes(), earlier);
    return `changed=0 on ${recap.size} hosts, the same processes`;
  });

  story.step('Prometheus: every target is up', async () => {
    const targets = await eventually(() => targetsUp(journey, 4), {
      timeoutMs: WAIT_MS,
      message: 'some target is not up',
    });
    const { groups } = await journey.askPrometheus('/api/v1/rules');
    assert.ok(groups.length > 0);
    return `${targets} targets up, ${groups.length} groups of rules loaded`;
  });

  story.step('terraform apply: one task manager more', async () => {
    const made = await journey.apply(3);
    assert.match(made, /1 added, 0 changed, 0 destroyed/);
    [third = ''] = await journey.bootNewHosts();
    return `${third}: ${made}`;
  });

  story.step('site.yml for the new machine: it takes work of the running job', async () => {
    const earlier = await journey.processes();
    await journey.play('site.yml', '--limit', `${third},localhost`);
    const records = await eventually(() => recordsOn(journey, job, third), {
      timeoutMs: WAIT_MS,
      message: `${third} gets no work`,
    });
    const { [third]: process, ...others } = await journey.processes();
    const { [third]: _none, ...before } = earlier;
    assert.ok(Number(process) > 0);
    assert.deepEqual(others, before);
    const { rescales } = await client().job(job);
    return `${records} records went through ${third}; ${rescales} rescale, no other process restarted`;
  });

  story.step('a task manager is killed: systemd starts it again, the job goes on', async () => {
    const [victim = ''] = journey.names.taskManagers;
    const { [victim]: earlier } = await journey.processes();
    await journey.hosts
      .host(victim)
      .run('systemctl kill --kill-whom=main --signal=KILL sluice-taskmanager');
    await eventually(
      async () => {
        const { [victim]: now } = await journey.processes();
        const listed = await taskManagers(journey);
        return now !== '0' && now !== earlier && listed.length === 3;
      },
      { timeoutMs: WAIT_MS, message: 'the killed task manager is not back' },
    );
    await images.untilMore(10);
    return `${victim} is back with another process`;
  });

  story.step('restart.yml: every process starts anew, one by one', async () => {
    const earlier = await journey.processes();
    await journey.play('restart.yml');
    const now = await journey.processes();
    for (const [name, pid] of Object.entries(now)) assert.notEqual(pid, earlier[name], name);
    await images.untilMore(20);
    assert.equal((await client().job(job)).state, 'RUNNING');
    return `${Object.keys(now).length} new processes, ${images.put.length} images have arrived`;
  });

  story.step('Prometheus has found the new machine by its tags', async () => {
    const found = await eventually(() => targetsUp(journey, 5), {
      timeoutMs: WAIT_MS,
      message: `${third} is not scraped`,
    });
    return `${found} targets up`;
  });

  story.step('sluice audit: exact', async () => {
    await images.end();
    const output = await images.untilDone();
    const audit = await journey.control.sluice('audit', job, '--json');
    assert.equal(audit.code, 0, `${audit.stdout}${audit.stderr}`);
    const report = JSON.parse(audit.stdout) as AuditReport;
    const put = images.put.length;
    assert.equal(report.objects, put);
    assert.equal(output.results.length, images.images.length);
    assert.equal(output.thumbnails, images.images.length);
    assert.equal(output.deadLetters.length, put - images.images.length);
    const lights = output.results.filter(
      ({ label, score }) => label === 'traffic light' && score >= 0.5,
    );
    assert.deepEqual(sorted(output.alerts), sorted(lights));
    return (
      `${put} objects: ${output.results.length} results, ${output.thumbnails} thumbnails, ` +
      `${output.deadLetters.length} dead letters, ${output.alerts.length} traffic lights`
    );
  });

  story.step('terraform destroy: nothing is left', async () => {
    const earlier = await countResources(journey.aws);
    assert.deepEqual(
      kinds(earlier, (count) => count === 0),
      [],
    );
    await journey.destroy();
    const left = await countResources(journey.aws);
    assert.deepEqual(
      kinds(left, (count) => count > 0),
      [],
    );
    const count = earlier.reduce((sum, kind) => sum + kind.count, 0);
    return `${count} resources of ${earlier.length} kinds before, none left`;
  });
});

async function taskManagers(journey: Journey): Promise<readonly string[]> {
  return (await journey.control.client().taskManagers()).map(({ id }) => id).toSorted();
}

/** As a user without rights, in a read-only system, with jemalloc. */
async function assertHardened(journey: Journey): Promise<void> {
  const script =
    'pid=$(systemctl show --property=MainPID --value sluice-taskmanager); ' +
    'ps -o user= $pid; grep -c libjemalloc /proc/$pid/maps; grep NoNewPrivs /proc/$pid/status; ' +
    'grep CapEff /proc/$pid/status; tr "\\0" "\\n" < /proc/$pid/environ | grep UV_THREADPOOL_SIZE; ' +
    'nsenter --target $pid --mount touch /etc/x 2>&1; ls -ld /etc/sluice/tls/tls.key; ' +
    'systemctl show --property=TimeoutStopUSec --value sluice-taskmanager';
  const [name = ''] = journey.names.taskManagers;
  const { stdout } = await journey.hosts.host(name).run(script);
  const [user, jemalloc, privileges, capabilities, threads, write, key, stop] = stdout.split('\n');
  assert.equal(user, 'sluice');
  assert.ok(Number(jemalloc) > 0, stdout);
  assert.match(privileges ?? '', /1$/);
  assert.match(capabilities ?? '', /\t0+$/);
  assert.match(threads ?? '', /=\d+$/);
  assert.match(write ?? '', /Read-only file system/);
  assert.match(key ?? '', /^-rw-r----- 1 root sluice/);
  assert.equal(stop, '50s', 'drainTimeout and 30 s');
}

function kinds(
  all: readonly KindOfResource[],
  matches: (count: number) => boolean,
): readonly string[] {
  return all.filter(({ count }) => matches(count)).map(({ kind }) => kind);
}

function assertUnchanged(recap: ReadonlyMap<string, HostRecap>): void {
  const changed = [...recap].filter(([, { changed }]) => changed !== 0).map(([name]) => name);
  assert.deepEqual(changed, []);
}

/** How many targets there are when all are up. */
async function targetsUp(journey: Journey, wanted: number): Promise<number | null> {
  const { activeTargets } = await journey.askPrometheus('/api/v1/targets');
  const up = activeTargets.filter(({ health }: { health: string }) => health === 'up');
  if (up.length === wanted && activeTargets.length === wanted) return wanted;
  await delay(POLL_MS);
  return null;
}

/** What the job's tasks on a task manager have taken in; null: hardly anything yet. */
async function recordsOn(journey: Journey, job: string, name: string): Promise<number | null> {
  const { vertices } = await journey.control.client().job(job);
  const records = vertices
    .flatMap(({ subtasks }) => subtasks)
    .filter(({ taskManagerId }) => taskManagerId === name)
    .reduce((sum, { recordsIn, recordsOut }) => sum + Math.max(recordsIn, recordsOut), 0);
  if (records >= RECORDS_MIN) return records;
  await delay(POLL_MS);
  return null;
}

function sorted(rows: readonly { readonly uri: string }[]): readonly string[] {
  return rows.map(({ uri }) => uri).toSorted();
}
