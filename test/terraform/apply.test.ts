/** The whole life of a deployment against an emulator of AWS. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MotoServer } from '../support/moto-server.ts';
import { TerraformWorkspace } from '../support/terraform-workspace.ts';

const AMI = 'ami-12c6146b';
const KEY =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJm0kGkzsS0qDJ1m6vB7cDkIYV0m3Xk4u4tT7aZcO8bQ operators';
const VARIABLES = {
  operator_cidr: '203.0.113.7/32',
  ami_id: AMI,
  ssh_public_key: KEY,
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

interface SecurityGroup {
  readonly GroupId: string;
  readonly GroupName: string;
}

interface SecurityGroupRule {
  readonly GroupId: string;
  readonly IsEgress: boolean;
  readonly IpProtocol: string;
  readonly FromPort: number;
  readonly ToPort: number;
  readonly CidrIpv4?: string;
  readonly ReferencedGroupInfo?: { readonly GroupId: string };
}

interface Host {
  readonly MetadataOptions: { readonly HttpTokens: string };
  readonly PublicIpAddress?: string;
  readonly IamInstanceProfile: { readonly Arn: string };
  readonly Tags: readonly { readonly Key: string; readonly Value: string }[];
}

/** `task_manager`, as the module's table names it. */
function shortName({ GroupName }: SecurityGroup): string {
  return GroupName.replace(/^sluice-/u, '').replaceAll('-', '_');
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

  it('when it is planned, then nothing in the plan is open to the world', async (t) => {
    const { plan, text } = await workspace.plan();
    assert.doesNotMatch(text, WORLD);
    const types = (plan.resource_changes as ResourceChange[]).map(({ type }) => type);
    const rules = types.filter((type) => /security_group_(ingress|egress)_rule/u.test(type));
    assert.ok(rules.length > 20);
    t.diagnostic(`${types.length} resources, ${rules.length} rules`);
  });

  it('when it is applied, then a second plan changes nothing', async () => {
    await apply();
    assert.equal((await workspace.plan()).changes, false);
  });

  it('when it is applied, then buckets are private, encrypted, cleaned, and refuse plain HTTP', async () => {
    const buckets = Object.values<string>(
      await workspace.json(['output', '-json', 'bucket_names']),
    );
    assert.equal(buckets.length, 3);
    for (const Bucket of buckets) {
      const [access, encryption, lifecycle, versioning, policy] = await aws.call([
        ['s3', 'get_public_access_block', { Bucket }],
        ['s3', 'get_bucket_encryption', { Bucket }],
        ['s3', 'get_bucket_lifecycle_configuration', { Bucket }],
        ['s3', 'get_bucket_versioning', { Bucket }],
        ['s3', 'get_bucket_policy', { Bucket }],
      ]);
      assert.deepEqual(access.PublicAccessBlockConfiguration, {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      });
      const [rule] = encryption.ServerSideEncryptionConfiguration.Rules;
      assert.equal(rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm, 'AES256');
      const [abort, expire] = lifecycle.Rules;
      assert.equal(abort.AbortIncompleteMultipartUpload.DaysAfterInitiation, 7);
      const days = Bucket.endsWith('-storage') ? 1 : 30;
      assert.equal(expire.NoncurrentVersionExpiration.NoncurrentDays, days);
      assert.equal(versioning.Status, 'Enabled');
      const [statement] = JSON.parse(policy.Policy).Statement;
      assert.equal(statement.Effect, 'Deny');
      assert.deepEqual(statement.Condition, { Bool: { 'aws:SecureTransport': 'false' } });
    }
  });

  it('when it is applied, then new input is told to a queue that only its bucket reaches', async () => {
    const { vars } = await workspace.json(['output', '-json', 'inventory']);
    const [notices, queue] = await aws.call([
      ['s3', 'get_bucket_notification_configuration', { Bucket: vars.input_bucket }],
      ['sqs', 'get_queue_attributes', { QueueUrl: vars.input_queue_url, AttributeNames: ['All'] }],
    ]);
    const [{ QueueArn, Events, Filter }] = notices.QueueConfigurations;
    assert.equal(QueueArn, queue.Attributes.QueueArn);
    assert.deepEqual(Events, ['s3:ObjectCreated:*']);
    assert.equal(Filter.Key.FilterRules[0].Value, 'images/');
    const [allow, deny] = JSON.parse(queue.Attributes.Policy).Statement;
    assert.equal(deny.Effect, 'Deny');
    const source = `arn:aws:s3:::${vars.input_bucket}`;
    assert.deepEqual(allow.Condition.ArnEquals, { 'aws:SourceArn': source });
  });

  it('when it is applied, then security groups let in what the table says, and nobody else', async () => {
    const { ingress } = await workspace.json(['output', '-json', 'security']);
    const id: string = await workspace.json(['output', '-json', 'vpc_id']);
    const inVpc = { Filters: [{ Name: 'vpc-id', Values: [id] }] };
    const [groups, rules, routes] = await aws.call([
      ['ec2', 'describe_security_groups', inVpc],
      ['ec2', 'describe_security_group_rules', {}],
      ['ec2', 'describe_route_tables', inVpc],
    ]);
    const names = new Map<string, string>(
      groups.SecurityGroups.map((group: SecurityGroup) => [group.GroupId, shortName(group)]),
    );
    const own = (rules.SecurityGroupRules as SecurityGroupRule[]).filter(({ GroupId }) =>
      names.has(GroupId),
    );
    const found = own
      .filter(({ IsEgress }) => !IsEgress)
      .map((rule) => {
        const from = names.get(rule.ReferencedGroupInfo?.GroupId ?? '') ?? rule.CidrIpv4;
        assert.deepEqual([rule.IpProtocol, rule.FromPort], ['tcp', rule.ToPort]);
        return `${names.get(rule.GroupId)} ${rule.FromPort} ${from}`;
      });
    assert.deepEqual(found.toSorted(), ingress);
    const networks = own.flatMap(({ CidrIpv4 }) => CidrIpv4 ?? []);
    assert.deepEqual([...new Set(networks)], [VARIABLES.operator_cidr]);
    assert.ok(!own.some(({ GroupId }) => names.get(GroupId) === 'default'));
    assert.doesNotMatch(JSON.stringify([own, routes.RouteTables]), WORLD);
  });

  it('when it is applied, then hosts ask for metadata tokens, and are encrypted', async () => {
    const [instances, volumes] = await aws.call([
      ['ec2', 'describe_instances', {}],
      ['ec2', 'describe_volumes', {}],
    ]);
    const hosts = instances.Reservations.flatMap(
      ({ Instances }: { Instances: Host[] }) => Instances,
    );
    assert.equal(hosts.length, 4);
    for (const host of hosts) {
      assert.equal(host.MetadataOptions.HttpTokens, 'required');
      const role = host.Tags.find(({ Key }: { Key: string }) => Key === 'Role')?.Value;
      const isPrivate = role === 'task_manager_cpu';
      assert.equal(host.PublicIpAddress === undefined, isPrivate, role);
      const profile = isPrivate ? 'task-manager' : role?.replace('_', '-');
      assert.ok(host.IamInstanceProfile.Arn.endsWith(`-${profile}`), host.IamInstanceProfile.Arn);
    }
    for (const { Encrypted } of volumes.Volumes) assert.equal(Encrypted, true);
  });

  it('when it is applied, then no role may do anything with everything', async () => {
    const [{ Roles }] = await aws.call([['iam', 'list_roles', {}]]);
    assert.equal(Roles.length, 3);
    const answers = await aws.call(
      Roles.map(({ RoleName }: { RoleName: string }) => [
        'iam',
        'get_role_policy',
        { RoleName, PolicyName: 'sluice' },
      ]),
    );
    const [{ Users }] = await aws.call([['iam', 'list_users', {}]]);
    assert.deepEqual(Users, []);
    for (const { PolicyDocument, RoleName } of answers) {
      for (const { Sid, Action, Resource } of PolicyDocument.Statement) {
        assert.doesNotMatch(JSON.stringify(Action), /\*/u, `${RoleName} ${Sid}`);
        const everything = JSON.stringify(Resource) === '"*"';
        const isFree = ['DiscoverHosts', 'SystemsManager'].includes(Sid);
        assert.equal(everything, isFree, `${RoleName} ${Sid}`);
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
    const [instances, vpcs, groups, endpoints, addresses, keys, buckets, roles, profiles, queues] =
      await aws.call([
        ['ec2', 'describe_instances', {}],
        ['ec2', 'describe_vpcs', {}],
        ['ec2', 'describe_security_groups', {}],
        ['ec2', 'describe_vpc_endpoints', {}],
        ['ec2', 'describe_addresses', {}],
        ['ec2', 'describe_key_pairs', {}],
        ['s3', 'list_buckets', {}],
        ['iam', 'list_roles', {}],
        ['iam', 'list_instance_profiles', {}],
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
    const live = endpoints.VpcEndpoints.filter(
      ({ State }: { State: string }) => State.toLowerCase() !== 'deleted',
    );
    assert.deepEqual([own, live, addresses.Addresses, keys.KeyPairs], [[], [], [], []]);
    assert.deepEqual([buckets.Buckets, roles.Roles, profiles.InstanceProfiles], [[], [], []]);
    assert.deepEqual(queues.QueueUrls ?? [], []);
  });
});
