import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes, type AclEntry } from 'kafkajs';
import type { KafkaRole, TopicRight } from '@sluice/events/kafka-rights';
import { plainKafka, until, type ClusterWorld } from './cluster-world.ts';

const OPERATIONS: Readonly<Record<TopicRight, AclOperationTypes>> = {
  Describe: AclOperationTypes.DESCRIBE, DescribeConfigs: AclOperationTypes.DESCRIBE_CONFIGS, Read: AclOperationTypes.READ, Write: AclOperationTypes.WRITE,
  Create: AclOperationTypes.CREATE, AlterConfigs: AclOperationTypes.ALTER_CONFIGS, Delete: AclOperationTypes.DELETE,
};

/** One right of one user: `Write calls`, `Read group sole_`. */
type Named = `${TopicRight} ${string}`;

/** Gives a user exactly the rights of these roles, on the topics and groups of a test; `without` some of them. Returns when the broker goes by them. */
export async function grant(world: ClusterWorld, user: string, roles: readonly KafkaRole[], without: readonly Named[] = []): Promise<void> {
  const named = roles.flatMap(({ topics, groups, cluster = [] }): [Named, AclEntry][] => [
    ...topics.flatMap((one) => one.topics.flatMap((topic) => one.rights.map((right): [Named, AclEntry] => [`${right} ${topic}`, entryOf(user, OPERATIONS[right], AclResourceTypes.TOPIC, world.prefix + topic)]))),
    ...groups.map((group): [Named, AclEntry] => [`Read group ${group}`, entryOf(user, AclOperationTypes.READ, AclResourceTypes.GROUP, world.prefix + group, ResourcePatternTypes.PREFIXED)]),
    ...cluster.map((right): [Named, AclEntry] => [`${right} cluster`, entryOf(user, OPERATIONS[right], AclResourceTypes.CLUSTER, 'kafka-cluster')]),
  ]);
  const unknown = without.filter((one) => !named.some(([name]) => name === one));
  if (unknown.length > 0) throw new Error(`no such right: ${unknown.join(', ')}`);
  const given = new Map(named.filter(([name]) => !without.includes(name)));
  const admin = plainKafka(world).admin();
  await admin.connect();
  try {
    await admin.createAcls({ acl: [...given.values()] });
    const ofUser = { principal: `User:${user}`, host: '*', operation: AclOperationTypes.ANY, permissionType: AclPermissionTypes.ANY, resourceType: AclResourceTypes.ANY, resourcePatternType: ResourcePatternTypes.ANY };
    await until(async () => (await admin.describeAcls(ofUser)).resources.reduce((sum, { acls }) => sum + acls.length, 0) >= new Set(given.keys()).size);
  } finally {
    await admin.disconnect();
  }
}

function entryOf(user: string, operation: AclOperationTypes, resourceType: AclResourceTypes, resourceName: string, resourcePatternType = ResourcePatternTypes.LITERAL): AclEntry {
  return { principal: `User:${user}`, host: '*', operation, permissionType: AclPermissionTypes.ALLOW, resourceType, resourceName, resourcePatternType };
}
