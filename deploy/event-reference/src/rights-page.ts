import { KAFKA_ROLES, type KafkaRole } from '@sluice/events/kafka-rights';

/** The page of rights on Kafka, from the list that the platform's own names of groups and topics come from. */
export function rightsPage(): string {
  const roles: readonly KafkaRole[] = Object.values(KAFKA_ROLES);
  return `# Rights on Kafka

What each kind of process asks of a cluster whose brokers check rights (\`authorizer.class.name\`), and nothing more. A process that is of
several kinds needs what each of them does: billing has tables too, and so on. This page is written from the list in \`libs/events\`
(\`src/kafka/rights.ts\`), and a test runs every kind of process on a broker that gives exactly these.

Names of topics are whole; those of groups are beginnings (\`--resource-pattern-type prefixed\`), because each start makes new ones behind
them. What a process is not let do it says in \`/readyz\` and in its log, with the right that is missing.

| who | topics | groups: Read |
|---|---|---|
${roles.map(rowOf).join('\n')}

"all" are all topics of the platform, "all published" those that an owner publishes on: ${named(PUBLISHED)}.

As commands, for one user of each kind (\`kafka-acls --bootstrap-server HOST:PORT --add --allow-principal User:NAME\` in front of each line):

\`\`\`text
${roles.map(commandsOf).join('\n\n')}
\`\`\`
`;
}

const ALL = KAFKA_ROLES.every.topics[0].topics;
const PUBLISHED = KAFKA_ROLES.tables.topics[0].topics;

function rowOf({ who, topics, groups, cluster = [] }: KafkaRole): string {
  const grants = [...topics.map((grant) => `${grant.rights.join(', ')} of ${topicsOf(grant.topics)}`), ...cluster.map((right) => `${right} of the cluster`)];
  return `| ${who} | ${grants.join('; ')} | ${named(groups)} |`;
}

function topicsOf(topics: readonly string[]): string {
  if (topics === ALL) return 'all';
  return topics === PUBLISHED ? 'all published' : named(topics);
}

function named(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

function commandsOf({ who, topics, groups, cluster = [] }: KafkaRole): string {
  return [
    `# ${who.replaceAll('`', '')}`,
    ...topics.map(({ rights, topics: names }) => [...rights.map((right) => `--operation ${right}`), ...names.map((name) => `--topic ${name}`)].join(' ')),
    ...(groups.length > 0 ? [['--operation Read', ...groups.map((group) => `--group ${group}`), '--resource-pattern-type prefixed'].join(' ')] : []),
    ...cluster.map((right) => `--operation ${right} --cluster`),
  ].join('\n');
}
