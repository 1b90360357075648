/** Scaling groups, a standby, a key and buckets of one's own, against an emulator of AWS. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { MotoServer } from '../support/moto-server.ts';
import { TerraformWorkspace } from '../support/terraform-workspace.ts';

const KEY = 'arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555';
const VARIABLES = {
  operator_cidr: '203.0.113.7/32',
  ami_id: 'ami-12c6146b',
  ssm_enabled: true,
  autoscaling_enabled: true,
  autoscaling_cpu_target_percent: 70,
  task_manager_cpu_count: 1,
  task_manager_cpu_max: 8,
  task_manager_gpu_max: 4,
  job_manager_count: 2,
  egress_cidrs: ['151.101.0.0/16'],
  nat_gateway_enabled: true,
  kms_key_arn: KEY,
  existing_storage_bucket: 'team-storage',
  existing_input_bucket: 'team-input',
  existing_output_bucket: 'team-output',
};
const BUCKETS = ['team-storage', 'team-input', 'team-output'];

describe('a deployment with scaling groups', () => {
  let aws: MotoServer;
  let workspace: TerraformWorkspace;
  before(async () => {
    aws = await MotoServer.start();
    await aws.call(BUCKETS.map((Bucket) => ['s3', 'create_bucket', { Bucket }]));
    workspace = await TerraformWorkspace.create({ endpoint: aws.endpoint });
  });
  after(async () => {
    await workspace.remove();
    await aws.close();
  });

  it('when an example is planned, then it is right, and closed to the world', async () => {
    const examples = await readdir(join(workspace.directory, 'examples'));
    assert.ok(examples.length >= 3);
    for (const example of examples) {
      await workspace.run([
        ...['plan', '-input=false', '-out=example.tfplan', `-var-file=examples/${example}`],
        ...['-var', 'ami_id=ami-12c6146b'],
        ...(example === 'autoscaling.tfvars'
          ? ['-var', 'task_manager_cpu_ami_id=ami-12c6146b']
          : []),
      ]);
      const { output } = await workspace.run(['show', '-json', 'example.tfplan']);
      assert.doesNotMatch(output, /0\.0\.0\.0\/0|::\/0/u, example);
    }
  });

  it('when it is applied, then groups have their hosts, and hold those that end', async () => {
    await workspace.set(VARIABLES);
    await workspace.run(['apply', '-auto-approve', '-input=false']);
    const AutoScalingGroupName = 'sluice-task-manager-cpu';
    const [groups, hooks, policies, templates] = await aws.call([
      ['autoscaling', 'describe_auto_scaling_groups', {}],
      ['autoscaling', 'describe_lifecycle_hooks', { AutoScalingGroupName }],
      ['autoscaling', 'describe_policies', { AutoScalingGroupName }],
      [
        'ec2',
        'describe_launch_template_versions',
        { LaunchTemplateName: AutoScalingGroupName, Versions: ['$Latest'] },
      ],
    ]);
    const sizes = groups.AutoScalingGroups.map(
      (group: Record<string, unknown>) => `${group['MinSize']}-${group['MaxSize']}`,
    );
    assert.deepEqual(sizes.toSorted(), ['0-4', '1-8']);
    const [hook] = hooks.LifecycleHooks;
    assert.equal(hook.LifecycleTransition, 'autoscaling:EC2_INSTANCE_TERMINATING');
    assert.equal(hook.HeartbeatTimeout, 300);
    assert.equal(hook.DefaultResult, 'CONTINUE');
    const [policy] = policies.ScalingPolicies;
    assert.equal(policy.TargetTrackingConfiguration.TargetValue, 70);
    const [{ LaunchTemplateData: data }] = templates.LaunchTemplateVersions;
    assert.equal(data.MetadataOptions.HttpTokens, 'required');
    const userData = Buffer.from(data.UserData, 'base64').toString();
    assert.match(userData, /^#cloud-config\n/u);
    assert.match(userData, /EnvironmentFile=-\/etc\/sluice\/instance\.env/u);
    const scripts = [...userData.matchAll(/content: (\w\S+)/gu)].map(([, content = '']) =>
      Buffer.from(content, 'base64').toString(),
    );
    assert.match(scripts[0] ?? '', /^#!\/bin\/sh\n/u);
    assert.match(scripts[2] ?? '', /^SCALING_GROUP=sluice-task-manager-cpu$/mu);
  });

  it('when it is applied, then a standby is in another zone, and Ansible is told of the groups', async () => {
    const { groups, vars } = await workspace.json(['output', '-json', 'inventory']);
    const zones = groups.job_manager.map(
      (host: { availability_zone: string }) => host.availability_zone,
    );
    assert.deepEqual(zones, ['us-east-1a', 'us-east-1b']);
    assert.deepEqual([groups.task_manager_cpu, groups.task_manager_gpu], [[], []]);
    assert.deepEqual(vars.autoscaling_groups, {
      task_manager_cpu: 'sluice-task-manager-cpu',
      task_manager_gpu: 'sluice-task-manager-gpu',
    });
    assert.deepEqual([vars.encryption, vars.kms_key_id], ['aws:kms', KEY]);
    assert.equal(vars.input_queue_url, null);
  });

  it('when it is destroyed, then buckets that were there before are there, and else nothing', async () => {
    await workspace.run(['destroy', '-auto-approve', '-input=false']);
    const [buckets, groups, templates, addresses, nats] = await aws.call([
      ['s3', 'list_buckets', {}],
      ['autoscaling', 'describe_auto_scaling_groups', {}],
      ['ec2', 'describe_launch_templates', {}],
      ['ec2', 'describe_addresses', {}],
      ['ec2', 'describe_nat_gateways', {}],
    ]);
    const names = buckets.Buckets.map(({ Name }: { Name: string }) => Name);
    assert.deepEqual(names.toSorted(), BUCKETS.toSorted());
    assert.deepEqual(groups.AutoScalingGroups, []);
    assert.deepEqual(templates.LaunchTemplates, []);
    assert.deepEqual(addresses.Addresses, []);
    const live = nats.NatGateways.filter(({ State }: { State: string }) => State !== 'deleted');
    assert.deepEqual(live, []);
  });
});
