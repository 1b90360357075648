import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import type { HostRecap } from '../support/hosts/ansible.ts';
import { Deployment, requireTestHosts } from '../support/hosts/deployment.ts';
import { IMAGE_BUCKETS, WatchImages } from '../support/hosts/watch-images.ts';

const WAIT_MS = 90_000;
describe('the playbooks', { concurrency: 1 }, () => {
  let deployment: Deployment;
  let folder = '';
  let job: WatchImages;

  const host = (name: string) => deployment.hosts.host(name);
  const taskManagers = async () =>
    (await deployment.client().taskManagers()).map(({ id }) => id).toSorted();

  before(async () => {
    requireTestHosts();
    folder = await mkdtemp(join(tmpdir(), 'sluice-ansible-'));
    deployment = await Deployment.create({
      folder,
      groups: { jobManagers: ['jm1'], taskManagers: ['tm1', 'tm2'], metrics: ['mon1'] },
      buckets: ['sluice', ...IMAGE_BUCKETS],
    });
  });
  after(async () => {
    await deployment?.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  it('when site.yml runs on bare machines, then a cluster with TLS and tokens answers', async () => {
    const recap = await deployment.play('site.yml');
    assert.deepEqual([...recap.keys()].toSorted(), ['jm1', 'localhost', 'mon1', 'tm1', 'tm2']);
    assert.deepEqual(await taskManagers(), ['tm1', 'tm2']);
    const refused = await deployment.sluice('jobs', '--token-file', '/dev/null');
    assert.notEqual(refused.code, 0, refused.stdout);
  });

  it('when services run, then as a user without rights, in a read-only system, with jemalloc', async () => {
    const script =
      'pid=$(systemctl show --property=MainPID --value sluice-taskmanager); ' +
      'ps -o user= $pid; grep -c libjemalloc /proc/$pid/maps; grep NoNewPrivs /proc/$pid/status; ' +
      'grep CapEff /proc/$pid/status; tr "\\0" "\\n" < /proc/$pid/environ | grep UV_THREADPOOL_SIZE; ' +
      'nsenter --target $pid --mount touch /etc/x 2>&1; ls -ld /etc/sluice/tls/tls.key';
    const { stdout } = await host('tm1').run(script);
    const [user, jemalloc, privileges, capabilities, threads, write, key] = stdout.split('\n');
    assert.equal(user, 'sluice');
    assert.ok(Number(jemalloc) > 0, stdout);
    assert.match(privileges ?? '', /1$/);
    assert.match(capabilities ?? '', /\t0+$/);
    assert.match(threads ?? '', /=\d+$/);
    assert.match(write ?? '', /Read-only file system/);
    assert.match(key ?? '', /^-rw-r----- 1 root sluice/);
  });

  it('when Prometheus scrapes, then every target lets it in', async () => {
    const query =
      'python3 -c "import urllib.request as r; print(r.urlopen(\'http://127.0.0.1:9090/api/v1/targets\').read().decode())"';
    await eventually(
      async () => {
        const { stdout } = await host('mon1').run(query);
        const targets: readonly { health: string }[] = JSON.parse(stdout).data.activeTargets;
        return targets.length === 4 && targets.every(({ health }) => health === 'up');
      },
      { timeoutMs: WAIT_MS, message: 'some target is not up' },
    );
  });

  it('when site.yml runs again, then nothing changes', async () => {
    const earlier = await deployment.processes();
    assertUnchanged(await deployment.play('site.yml'));
    assert.deepEqual(await deployment.processes(), earlier);
  });

  it('when a job is submitted from the control machine, then the cluster runs it', async () => {
    job = await WatchImages.submit(deployment, folder);
    job.put('camera-1');
    await job.untilDone();
  });

  it('when a process is killed, then systemd starts it again', async () => {
    const earlier = await deployment.processes();
    await host('tm2').run('systemctl kill --kill-whom=main --signal=KILL sluice-taskmanager');
    await eventually(
      async () => {
        const [now, listed] = [await deployment.processes(), await taskManagers()];
        return now['tm2'] !== '0' && now['tm2'] !== earlier['tm2'] && listed.length === 2;
      },
      { timeoutMs: WAIT_MS, message: 'the killed task manager is not back' },
    );
  });

  it('when a host joins the inventory, then it joins the cluster and disturbs nobody', async () => {
    const earlier = await deployment.processes();
    await deployment.addTaskManager('tm3');
    const recap = await deployment.play('site.yml');
    for (const name of ['jm1', 'tm1', 'tm2']) assert.equal(recap.get(name)?.changed, 0, name);
    assert.deepEqual(await taskManagers(), ['tm1', 'tm2', 'tm3']);
    const { tm3, ...others } = await deployment.processes();
    assert.ok(Number(tm3) > 0);
    assert.deepEqual(others, earlier);
  });

  it('when restart.yml runs, then every process is new, and the job has lost and doubled nothing', async () => {
    const earlier = await deployment.processes();
    job.put('camera-2');
    await deployment.play('restart.yml');
    job.put('camera-3');
    const now = await deployment.processes();
    for (const [name, pid] of Object.entries(now)) assert.notEqual(pid, earlier[name], name);
    await job.untilDone();
    await job.mustBeExact();
  });
});

function assertUnchanged(recap: ReadonlyMap<string, HostRecap>): void {
  const changed = [...recap].filter(([, { changed }]) => changed > 0).map(([name]) => name);
  assert.deepEqual(changed, []);
}
