/**
 * The configuration that finds hosts by their EC2 tags: against an emulator of AWS, and with a process
 * whose certificate, like that of a scaling group's image, does not name its address.
 */
import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { parse, stringify } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { MONITORING } from '../support/monitoring/monitored-cluster.ts';
import { PrometheusServer } from '../support/monitoring/prometheus-server.ts';
import { quickConfig } from '../support/monitoring/quick-rules.ts';
import { type AwsCall, MotoServer } from '../support/moto-server.ts';
import { TestAuthority, tlsArguments } from '../support/security/test-authority.ts';
import { SluiceProcess } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const TARGETS_TIMEOUT = { timeoutMs: 60_000 };
const REGION = 'us-east-1';

interface ScrapeConfig {
  readonly job_name: string;
  readonly tls_config: { readonly server_name?: string };
  readonly ec2_sd_configs: readonly object[];
}

interface Config {
  readonly global: object;
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly ScrapeConfig[];
}

function shipped(): Config {
  const text = readFileSync(join(MONITORING, 'prometheus-ec2.yml'), 'utf8');
  return parse(quickConfig(text)) as Config;
}

const image = { ImageId: 'ami-12c6146b', MinCount: 1, MaxCount: 1 };

function run(name: string, role: string, deployment = 'sluice'): AwsCall {
  const tags = { Name: name, Role: role, Deployment: deployment };
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const TagSpecifications = [{ ResourceType: 'instance', Tags }];
  return ['ec2', 'run_instances', { ...image, TagSpecifications }];
}

test('when hosts have the tags of a deployment, then its managers are targets, and nothing else is', async (t) => {
  const moto = await MotoServer.start();
  t.after(() => moto.close());
  const made = await moto.call([
    run('jm-1', 'job_manager'),
    run('tm-1', 'task_manager_cpu'),
    run('tm-scaled', 'task_manager_gpu'),
    run('metrics', 'metrics'),
    run('jm-1', 'job_manager', 'another'),
    run('tm-stopped', 'task_manager_cpu'),
  ]);
  const instances = made.map(({ Instances: [instance] }) => instance);
  await moto.call([['ec2', 'stop_instances', { InstanceIds: [instances.at(-1).InstanceId] }]]);

  const config = shipped();
  const folder = temporaryFolder(t);
  const scrapes = config.scrape_configs.map((scrape) => ({
    ...{ ...scrape, scheme: 'http', tls_config: undefined, authorization: undefined },
    ec2_sd_configs: scrape.ec2_sd_configs.map((discovery) => ({
      ...{ ...discovery, region: REGION, endpoint: moto.endpoint },
      ...{ access_key: 'testing', secret_key: 'testing' },
    })),
  }));
  const prometheus = await PrometheusServer.start({
    folder,
    config: stringify({ ...config, scrape_configs: scrapes }),
  });
  t.after(() => prometheus.close());
  const address = (index: number, port: number): string =>
    `${instances[index].PrivateIpAddress}:${port}`;
  await eventually(async () => (await prometheus.targets()).length >= 3, TARGETS_TIMEOUT);
  const targets = await prometheus.targets();
  assert.deepEqual(
    targets.map(({ job, instance, labels }) => `${job} ${instance} ${labels.host}`).toSorted(),
    [
      `sluice-job-manager ${address(0, 8081)} jm-1`,
      `sluice-task-manager ${address(1, 9249)} tm-1`,
      `sluice-task-manager ${address(2, 9249)} tm-scaled`,
    ].toSorted(),
  );
  assert.ok(targets.some(({ labels }) => labels.instance_id === instances[2].InstanceId));
});

test('when the certificate of a task manager does not name its address, then it is scraped all the same', async (t) => {
  const folder = temporaryFolder(t);
  const authority = await TestAuthority.create(join(folder, 'ca'));
  const { certificate: own } = await authority.issue('metrics', { roles: ['metrics'] });
  cpSync(dirname(own), join(folder, 'tls'), { recursive: true });
  const hosts = ['image', 'sluice-task-manager'];
  const files = await authority.issue('tm', { hosts });
  const [port] = await freePorts(1);
  const taskManager = new SluiceProcess([
    ...['taskmanager', '--metrics-port', `${port}`, '--job-manager', '127.0.0.1:1'],
    ...tlsArguments(files),
  ]);
  t.after(async () => {
    taskManager.child.kill('SIGKILL');
    await taskManager.ended;
  });
  await taskManager.until(/ready/);

  const { ec2_sd_configs: _, ...scrape } =
    shipped().scrape_configs.find(({ job_name: name }) => name === 'sluice-task-manager') ??
    assert.fail('it has no such job');
  const found = { ...scrape, static_configs: [{ targets: [`127.0.0.1:${port}`] }] };
  const { server_name: _name, ...withoutName } = scrape.tls_config;
  const { global } = shipped();
  const prometheus = await PrometheusServer.start({
    folder,
    config: stringify({
      global,
      scrape_configs: [found, { ...found, job_name: 'by-address', tls_config: withoutName }],
    }),
  });
  t.after(() => prometheus.close());
  const known = async () => (await prometheus.targets()).filter((one) => one.health !== 'unknown');
  await eventually(async () => (await known()).length === 2, TARGETS_TIMEOUT);
  const targets = new Map((await known()).map((target) => [target.job, target]));
  assert.equal(targets.get('sluice-task-manager')?.lastError, '');
  assert.match(targets.get('by-address')?.lastError ?? '', /certificate/);
});
