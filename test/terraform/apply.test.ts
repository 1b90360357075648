/** The whole life of a deployment against an emulator of AWS. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MotoServer } from '../support/moto-server.ts';
import { TerraformWorkspace } from '../support/terraform-workspace.ts';

const AMI = 'ami-12c6146b';
const VARIABLES = {
  operator_cidr: '203.0.113.7/32',
  ami_id: AMI,
  ssm_enabled: true,
  task_manager_cpu_count: 2,
  bucket_force_destroy: true,
};
const WORLD = /0\.0\.0\.0\/0|::\/0/u;

interface ResourceChange {
  readonly address: string;
  readonly type: string;
  readonly change: { readonly actions: readonly string[]; readonly after: unknown };
}

describe('a deployment', () => {
  let aws: MotoServer;
  let workspace: TerraformWorkspace;
  before(async () => {
    aws = await MotoServer.start();
    workspace = await TerraformWorkspace.create({ endpoint: aws.endpoint, variables: VARIABLES });
  });
  after(async () => {
    await workspace.remove();
    await aws.close();
  });

  const apply = () => workspace.run(['apply', '-auto-approve', '-input=false']);
  const changesOf = async (): Promise<ResourceChange[]> => {
    const { plan } = await workspace.plan();
    return (plan.resource_changes as ResourceChange[]).filter(
      ({ change }) => change.actions.join() !== 'no-op' && change.actions.join() !== 'read',
    );
  };

  it('when it is planned, then no security group is open to the world', async (t) => {
    const changes = await changesOf();
    const rules = changes.filter(({ type }) => /security_group/u.test(type));
    assert.ok(rules.length > 10);
    for (const { address, change } of rules) {
      assert.doesNotMatch(JSON.stringify(change.after), WORLD, address);
    }
    const open = changes.filter(({ change }) => WORLD.test(JSON.stringify(change.after)));
    // The way back to the operator: a route, not a permission.
    for (const { address } of open) assert.match(address, /aws_route\b/u, address);
    t.diagnostic(`${changes.length} resources, ${rules.length} groups and rules`);
  });

  it('when it is applied, then the buckets are closed, and a second plan changes nothing', async () => {
    await apply();
    const { changes } = await workspace.plan();
    assert.equal(changes, false);
    const buckets = Object.values<string>(
      await workspace.json(['output', '-json', 'bucket_names']),
    );
    assert.equal(buckets.length, 3);
    const answers = await aws.call(
      buckets.flatMap((Bucket) => [
        ['s3', 'get_public_access_block', { Bucket }],
        ['s3', 'get_bucket_encryption', { Bucket }],
        ['s3', 'get_bucket_lifecycle_configuration', { Bucket }],
      ]),
    );
    for (const [index, answer] of answers.entries()) {
      assert.equal(answer.error, undefined, `call ${index}`);
      const block = answer.PublicAccessBlockConfiguration;
      if (block !== undefined) assert.deepEqual(new Set(Object.values(block)), new Set([true]));
      const [rule] = answer.ServerSideEncryptionConfiguration?.Rules ?? [];
      if (rule !== undefined) {
        assert.equal(rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm, 'AES256');
      }
    }
  });

  it('when a task manager is added, then nothing else changes', async () => {
    await workspace.set({ ...VARIABLES, task_manager_cpu_count: 3 });
    const changes = await changesOf();
    assert.deepEqual(
      changes.map(({ type, change }) => [type, change.actions.join()]),
      [['aws_instance', 'create']],
    );
    await apply();
    const { groups } = await workspace.json(['output', '-json', 'inventory']);
    assert.equal(groups.task_manager_cpu.length, 3);
    assert.equal(groups.job_manager.length, 1);
  });

  it('when it is destroyed, then nothing is left', async () => {
    await workspace.run(['destroy', '-auto-approve', '-input=false']);
    const [instances, vpcs, groups, buckets, roles, queues] = await aws.call([
      ['ec2', 'describe_instances', {}],
      ['ec2', 'describe_vpcs', {}],
      ['ec2', 'describe_security_groups', {}],
      ['s3', 'list_buckets', {}],
      ['iam', 'list_roles', {}],
      ['sqs', 'list_queues', {}],
    ]);
    const states = instances.Reservations.flatMap(
      ({ Instances }: { Instances: { State: { Name: string } }[] }) =>
        Instances.map(({ State }) => State.Name),
    );
    assert.deepEqual([...new Set(states)], ['terminated']);
    assert.deepEqual(
      vpcs.Vpcs.filter((vpc: { IsDefault: boolean }) => !vpc.IsDefault),
      [],
    );
    const own = groups.SecurityGroups.filter(
      ({ GroupName }: { GroupName: string }) => GroupName !== 'default',
    );
    assert.deepEqual([own, buckets.Buckets, roles.Roles], [[], [], []]);
    assert.deepEqual(queues.QueueUrls ?? [], []);
  });
});
