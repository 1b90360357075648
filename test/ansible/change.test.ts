import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import packageJson from '../../package.json' with { type: 'json' };
import { Deployment, requireTestHosts } from '../support/hosts/deployment.ts';
import { IMAGE_BUCKETS, WatchImages } from '../support/hosts/watch-images.ts';
import { mustRun } from '../support/run-command.ts';

const NEXT_VERSION = '0.1.1-test';
const REST_PORT = 8081;

const WITHOUT_CHECKPOINTS = `
name: numbers
checkpoints: off
nodes:
  numbers: { source: datagen, rateMax: 1 }
  nowhere: { sink: blackhole, from: numbers }
`;

describe('changes to a cluster with a standby job manager', { concurrency: 1 }, () => {
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
      groups: { jobManagers: ['jm1', 'jm2'], taskManagers: ['tm1', 'tm2'], metrics: ['mon1'] },
      buckets: ['sluice', ...IMAGE_BUCKETS],
    });
    await deployment.play('site.yml');
    job = await WatchImages.submit(deployment, folder);
    job.put('camera-1');
    await job.untilDone();
  });
  after(async () => {
    await deployment?.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  it('when certificates are rotated, then the same processes show new ones, and the job goes on', async () => {
    const [processes, shown] = [await deployment.processes(), await certificateOf(host('jm1'))];
    await deployment.play('certificates.yml', { certificates_rotate: true });
    const installed = await mustRun('openssl', [
      ...['x509', '-noout', '-fingerprint', '-sha256', '-in'],
      join(deployment.secrets, 'hosts/jm1/tls.crt'),
    ]);
    let now = shown;
    for (let tries = 0; tries < 60 && now === shown; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      now = await certificateOf(host('jm1'));
    }
    assert.notEqual(now, shown);
    assert.ok(installed.includes(now));
    assert.deepEqual(await deployment.processes(), processes);
    const ofPrometheus = await host('mon1').run('cat /etc/prometheus/tls/tls.crt');
    const issued = readFileSync(join(deployment.secrets, 'hosts/mon1/tls.crt'), 'utf8');
    assert.equal(ofPrometheus.stdout, issued);
    job.put('camera-2');
    await job.untilDone();
  });

  it('when a setting of task managers changes, then only they start again, one by one', async () => {
    const { jm1, jm2, ...earlier } = await deployment.processes();
    const setting = { sluice_task_manager_memory_max: '3G' };
    await deployment.play('site.yml', setting);
    const now = await deployment.processes();
    assert.deepEqual([now['jm1'], now['jm2']], [jm1, jm2]);
    for (const [name, pid] of Object.entries(earlier)) assert.notEqual(now[name], pid, name);
    const show = 'systemctl show --property=MemoryMax --value sluice-taskmanager';
    assert.equal((await host('tm1').run(show)).stdout.trim(), String(3 * 1024 ** 3));
    const recap = await deployment.play('site.yml', setting);
    assert.deepEqual(
      [...recap.values()].map(({ changed }) => changed),
      [...recap.values()].map(() => 0),
    );
  });

  it('when a job takes no checkpoints, then upgrade.yml refuses to stop it', async () => {
    const pipeline = join(folder, 'numbers.yaml');
    writeFileSync(pipeline, WITHOUT_CHECKPOINTS);
    const submitted = await deployment.sluice('submit', pipeline, '--detached', '--json');
    assert.equal(submitted.code, 0, submitted.stderr);
    const { id } = JSON.parse(submitted.stdout);
    const earlier = await deployment.processes();
    const { code, output } = await deployment.tryPlay('upgrade.yml');
    assert.notEqual(code, 0);
    assert.match(output, new RegExp(`job ${id} takes no checkpoints`));
    assert.deepEqual(await deployment.processes(), earlier);
    assert.equal((await deployment.sluice('cancel', id)).code, 0);
  });

  it('when a new version is rolled out, then all run it, and no image is lost or doubled', async () => {
    const earlier = await deployment.processes();
    const bundle = await nextVersion(deployment.bundle, join(folder, 'next'));
    job.put('camera-3');
    await deployment.play('upgrade.yml', {
      sluice_bundle: bundle,
      sluice_version: NEXT_VERSION,
    });
    const now = await deployment.processes();
    for (const [name, pid] of Object.entries(now)) assert.notEqual(pid, earlier[name], name);
    for (const name of Object.keys(now)) {
      const { stdout } = await host(name).run('sluice --version');
      assert.equal(stdout.split('\n')[0], NEXT_VERSION, name);
    }
    assert.equal((await deployment.client().cluster()).version, NEXT_VERSION);
    assert.deepEqual(await taskManagers(), ['tm1', 'tm2']);
    job.put('camera-4');
    await job.untilDone();
    await job.mustBeExact();
  });

  it('when a task manager is taken out, then it stays out and the job goes on', async () => {
    await deployment.play('scale_in.yml', { sluice_remove: 'tm2' });
    assert.deepEqual(await taskManagers(), ['tm1']);
    const state = await host('tm2').run(
      'systemctl is-active sluice-taskmanager; systemctl is-enabled sluice-taskmanager',
    );
    assert.deepEqual(state.stdout.split('\n').slice(0, 2), ['inactive', 'disabled']);
    await job.mustBeExact();
    assert.equal((await deployment.client().job(job.id)).state, 'RUNNING');
  });
});

/** SHA-256 of the certificate that the REST API shows. */
function certificateOf({ address }: { readonly address: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: address, port: REST_PORT, rejectUnauthorized: false, servername: 'localhost' },
      () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.end();
      },
    );
    socket.once('error', reject);
  });
}

/** The same program under another version's name: processes of the two refuse each other. */
async function nextVersion(bundle: string, folder: string): Promise<string> {
  const name = `sluice-${NEXT_VERSION}`;
  mkdirSync(join(folder, name), { recursive: true });
  const unpack = ['--extract', '--file', bundle, '--strip-components=1'];
  await mustRun('tar', [...unpack, '--directory', join(folder, name)]);
  for (const file of ['package.json', 'dist/package.json']) {
    const path = join(folder, name, file);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(`"${packageJson.version}"`, `"${NEXT_VERSION}"`));
  }
  const archive = join(folder, `${name}-linux-x64.tar.gz`);
  await mustRun('tar', ['--create', '--gzip', '--file', archive, '--directory', folder, name]);
  return archive;
}
