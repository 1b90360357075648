import assert from 'node:assert/strict';
import type { AwsAnswer, AwsCall, MotoServer } from '../support/moto-server.ts';
import type { Journey } from './journey.ts';

const WORLD = /0\.0\.0\.0\/0|::\/0/u;

/** Every kind of resource that the module makes, and what of an answer is still there. */
const KINDS: readonly (readonly [AwsCall, (answer: AwsAnswer) => readonly unknown[]])[] = [
  [
    ['ec2', 'describe_instances', {}],
    (answer) => instancesOf(answer).filter(({ State }) => State.Name !== 'terminated'),
  ],
  [['ec2', 'describe_volumes', {}], ({ Volumes }) => Volumes],
  [
    ['ec2', 'describe_vpcs', {}],
    ({ Vpcs }) => Vpcs.filter(({ IsDefault }: AwsAnswer) => !IsDefault),
  ],
  [
    ['ec2', 'describe_subnets', {}],
    ({ Subnets }) => Subnets.filter(({ DefaultForAz }: AwsAnswer) => !DefaultForAz),
  ],
  [
    ['ec2', 'describe_security_groups', {}],
    ({ SecurityGroups }) =>
      SecurityGroups.filter(({ GroupName }: AwsAnswer) => GroupName !== 'default'),
  ],
  [['ec2', 'describe_internet_gateways', {}], ({ InternetGateways }) => InternetGateways],
  [
    ['ec2', 'describe_vpc_endpoints', {}],
    ({ VpcEndpoints }) =>
      VpcEndpoints.filter(({ State }: AwsAnswer) => State.toLowerCase() !== 'deleted'),
  ],
  [['ec2', 'describe_key_pairs', {}], ({ KeyPairs }) => KeyPairs],
  [['s3', 'list_buckets', {}], ({ Buckets }) => Buckets],
  [['iam', 'list_roles', {}], ({ Roles }) => Roles],
  [['iam', 'list_instance_profiles', {}], ({ InstanceProfiles }) => InstanceProfiles],
  [['sqs', 'list_queues', {}], ({ QueueUrls }) => QueueUrls ?? []],
];

export interface KindOfResource {
  /** `ec2 describe_vpcs`. */
  readonly kind: string;
  readonly count: number;
}

/** How much AWS has of each kind that a deployment is made of. */
export async function countResources(aws: MotoServer): Promise<readonly KindOfResource[]> {
  const answers = await aws.call(KINDS.map(([call]) => call));
  return KINDS.map(([[service, operation], present], index) => ({
    kind: `${service} ${operation}`,
    count: present(answers[index]).length,
  }));
}

/**
 * Security groups let in what the module's table says, from the operators' network and from each other;
 * neither a rule nor a route is open to the world. Gives the number of rules.
 */
export async function assertClosedToTheWorld({
  aws,
  terraform,
  operators,
}: Journey): Promise<number> {
  const { ingress } = await terraform.json(['output', '-json', 'security']);
  const id: string = await terraform.json(['output', '-json', 'vpc_id']);
  const inVpc = { Filters: [{ Name: 'vpc-id', Values: [id] }] };
  const [groups, rules, routes] = await aws.call([
    ['ec2', 'describe_security_groups', inVpc],
    ['ec2', 'describe_security_group_rules', {}],
    ['ec2', 'describe_route_tables', inVpc],
  ]);
  const names = new Map<string, string>(
    groups.SecurityGroups.map(({ GroupId, GroupName }: AwsAnswer) => [
      GroupId,
      GroupName.replace(/^sluice-/u, '').replaceAll('-', '_'),
    ]),
  );
  const own: readonly AwsAnswer[] = rules.SecurityGroupRules.filter(({ GroupId }: AwsAnswer) =>
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
  assert.deepEqual([...new Set(networks)], [operators]);
  assert.ok(!own.some(({ GroupId }) => names.get(GroupId) === 'default'));
  assert.doesNotMatch(JSON.stringify([own, routes.RouteTables]), WORLD);
  return own.length;
}

/** Buckets are private, encrypted, versioned, cleaned, and refuse plain HTTP. */
export async function assertBucketsAreSafe({ aws, terraform }: Journey): Promise<void> {
  const buckets = Object.values<string>(await terraform.json(['output', '-json', 'bucket_names']));
  assert.equal(buckets.length, 3);
  const operations = [
    'get_public_access_block',
    'get_bucket_encryption',
    'get_bucket_lifecycle_configuration',
    'get_bucket_versioning',
    'get_bucket_policy',
  ];
  const answers = await aws.call(
    buckets.flatMap((Bucket) =>
      operations.map((operation) => ['s3', operation, { Bucket }] as const),
    ),
  );
  for (const [index, bucket] of buckets.entries()) {
    const [access, encryption, lifecycle, versioning, policy] = answers.slice(
      index * operations.length,
    );
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
    const days = bucket.endsWith('-storage') ? 1 : 30;
    assert.equal(expire.NoncurrentVersionExpiration.NoncurrentDays, days);
    assert.equal(versioning.Status, 'Enabled');
    const [statement] = JSON.parse(policy.Policy).Statement;
    assert.equal(statement.Effect, 'Deny');
    assert.deepEqual(statement.Condition, { Bool: { 'aws:SecureTransport': 'false' } });
  }
}

/** New input is told to a queue that only its bucket reaches. */
export async function assertInputIsTold({ aws, inventory }: Journey): Promise<void> {
  const { input_bucket, input_queue_url } = inventory.vars;
  const attributes = { QueueUrl: input_queue_url, AttributeNames: ['All'] };
  const [notices, queue] = await aws.call([
    ['s3', 'get_bucket_notification_configuration', { Bucket: input_bucket }],
    ['sqs', 'get_queue_attributes', attributes],
  ]);
  const [{ QueueArn, Events, Filter }] = notices.QueueConfigurations;
  assert.equal(QueueArn, queue.Attributes.QueueArn);
  assert.deepEqual(Events, ['s3:ObjectCreated:*']);
  assert.equal(Filter.Key.FilterRules[0].Value, 'images/');
  const [allow, deny] = JSON.parse(queue.Attributes.Policy).Statement;
  assert.equal(deny.Effect, 'Deny');
  assert.deepEqual(allow.Condition.ArnEquals, { 'aws:SourceArn': `arn:aws:s3:::${input_bucket}` });
}

/** Hosts ask for metadata tokens and are encrypted; no role may do anything with everything. */
export async function assertHostsAreBounded({ aws }: Journey): Promise<void> {
  const [instances, volumes, { Roles }, { Users }] = await aws.call([
    ['ec2', 'describe_instances', {}],
    ['ec2', 'describe_volumes', {}],
    ['iam', 'list_roles', {}],
    ['iam', 'list_users', {}],
  ]);
  assert.deepEqual(Users, []);
  for (const host of instancesOf(instances)) {
    assert.equal(host.MetadataOptions.HttpTokens, 'required');
    const role = host.Tags.find(({ Key }: AwsAnswer) => Key === 'Role').Value;
    const isPrivate = role === 'task_manager_cpu';
    assert.equal(host.PublicIpAddress === undefined, isPrivate, role);
    const profile = isPrivate ? 'task-manager' : role.replace('_', '-');
    assert.ok(host.IamInstanceProfile.Arn.endsWith(`-${profile}`), host.IamInstanceProfile.Arn);
  }
  for (const { Encrypted } of volumes.Volumes) assert.equal(Encrypted, true);
  assert.equal(Roles.length, 3);
  const policies = await aws.call(
    Roles.map(({ RoleName }: AwsAnswer) => [
      ...['iam', 'get_role_policy'],
      { RoleName, PolicyName: 'sluice' },
    ]),
  );
  for (const { PolicyDocument, RoleName } of policies) {
    for (const { Sid, Action, Resource } of PolicyDocument.Statement) {
      assert.doesNotMatch(JSON.stringify(Action), /\*/u, `${RoleName} ${Sid}`);
      const isEverything = JSON.stringify(Resource) === '"*"';
      const isFree = ['DiscoverHosts', 'SystemsManager'].includes(Sid);
      assert.equal(isEverything, isFree, `${RoleName} ${Sid}`);
    }
  }
}

function instancesOf({ Reservations }: AwsAnswer): readonly AwsAnswer[] {
  return Reservations.flatMap(({ Instances }: AwsAnswer) => Instances);
}
