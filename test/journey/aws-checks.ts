import assert from 'node:assert/strict';
import type { AwsAnswer, AwsCall, MotoServer } from '../support/moto-server.ts';
import type { Journey } from './journey.ts';

const WORLD = /0\.0\.0\.0\/0|::\/0/u;

interface SecurityGroupRule {
  readonly GroupId: string;
}

/** Of the deployment's network: groups and routes as AWS has them. Gives the number of rules. */
export async function assertClosedToTheWorld({ aws, terraform }: Journey): Promise<number> {
  const id: string = await terraform.json(['output', '-json', 'vpc_id']);
  const inVpc = { Filters: [{ Name: 'vpc-id', Values: [id] }] };
  const [groups, rules, routes] = await aws.call([
    ['ec2', 'describe_security_groups', inVpc],
    ['ec2', 'describe_security_group_rules', {}],
    ['ec2', 'describe_route_tables', inVpc],
  ]);
  const ids = groups.SecurityGroups.map(({ GroupId }: SecurityGroupRule) => GroupId);
  const own = rules.SecurityGroupRules.filter(({ GroupId }: SecurityGroupRule) =>
    ids.includes(GroupId),
  );
  assert.ok(own.length > 20);
  assert.doesNotMatch(JSON.stringify([own, routes.RouteTables]), WORLD);
  return own.length;
}

/** Every kind of resource that the module makes, and what of an answer is still there. */
const KINDS: readonly (readonly [AwsCall, (answer: AwsAnswer) => readonly unknown[]])[] = [
  [
    ['ec2', 'describe_instances', {}],
    ({ Reservations }) =>
      Reservations.flatMap(({ Instances }: AwsAnswer) => Instances).filter(
        ({ State }: AwsAnswer) => State.Name !== 'terminated',
      ),
  ],
  [['ec2', 'describe_volumes', {}], ({ Volumes }) => Volumes],
  [['ec2', 'describe_network_interfaces', {}], ({ NetworkInterfaces }) => NetworkInterfaces],
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
  [['ec2', 'describe_addresses', {}], ({ Addresses }) => Addresses],
  [['ec2', 'describe_key_pairs', {}], ({ KeyPairs }) => KeyPairs],
  [['s3', 'list_buckets', {}], ({ Buckets }) => Buckets],
  [['iam', 'list_roles', {}], ({ Roles }) => Roles],
  [['iam', 'list_instance_profiles', {}], ({ InstanceProfiles }) => InstanceProfiles],
  [['sqs', 'list_queues', {}], ({ QueueUrls }) => QueueUrls ?? []],
];

export interface Remains {
  /** `ec2 describe_vpcs`. */
  readonly kind: string;
  readonly count: number;
}

/** What AWS has of each kind that a deployment is made of. */
export async function resources(aws: MotoServer): Promise<readonly Remains[]> {
  const answers = await aws.call(KINDS.map(([call]) => call));
  return KINDS.map(([[service, operation], present], index) => ({
    kind: `${service} ${operation}`,
    count: present(answers[index]).length,
  }));
}
