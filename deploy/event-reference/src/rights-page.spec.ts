import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getOption, type DescMessage } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { KAFKA_ROLES, type KafkaRole } from '@sluice/events/kafka-rights';
import * as calls from '@sluice/proto/events/v1/calls';
import * as changes from '@sluice/proto/events/v1/changes';
import { topic as topicOption } from '@sluice/proto/events/v1/topic';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What a source asks of Kafka, by what stands in it: a right on a topic, or a group. */
const ASKED: readonly (readonly [RegExp, (name: string) => readonly string[]])[] = [
  [/new Replica\(\{[^}]*?schema: (\w+)/g, (schema) => [`Read ${topicOf(schema)}`, 'Read topic.beat', 'group follow_']],
  [/\.subscribe\((\w+Schema), /g, (schema) => [`Read ${topicOf(schema)}`]],
  [/events\.(subscribeSegments)\(/g, () => ['Read calls']],
  [/events\.(?:beat|publish)\(\w+, (\w+Schema)/g, (schema) => [`Write ${topicOf(schema)}`]],
  [/new SignOfLife\(\S+ (\w+)\)/g, () => ['Write topic.beat']],
  [/(isSole: true)/g, () => ['group sole_']],
  [/events\.(witness)\b/g, () => ['Read right.claim', 'Write right.claim', 'group claim_']],
  [/new (SegmentWriter)\(/g, () => ['Write calls', 'Write producer.beat', 'Read producer.beat', 'group beats_']],
  [/events\.(openEpochs)\(/g, () => ['Read producer.beat', 'Write producer.beat', 'group beats_']],
  [/events\.(closeEpoch)\(/g, () => ['Write calls']],
  [/events\.(prune)\(/g, () => ['Delete calls', 'Delete admin.acted']],
];

function topicOf(schema: string): string {
  return getOption(({ ...calls, ...changes } as unknown as Readonly<Record<string, DescMessage>>)[schema]!, topicOption).name;
}

/** By the service that a source belongs to. */
function asked(): Map<string, Set<string>> {
  const services = new Map<string, Set<string>>();
  for (const path of globSync(['gateway/src/**/*.ts', 'services/*/src/**/*.ts'], { cwd: root }).filter((one) => !/\.(spec|contract)\.ts$|\/testing\//.test(one))) {
    const folder = path.split('/')[path.startsWith('gateway') ? 0 : 1]!;
    // Of the two that share a folder, the one that owns the rules has the tables.
    const isOwner = folder === 'content-filter' && (basename(path) === 'content-filter-rules.module.ts' || path.endsWith('-sql.ts'));
    const service = isOwner ? 'content-filter-rules' : folder;
    const source = readFileSync(root + path, 'utf8');
    for (const [pattern, rights] of ASKED) for (const [, name] of source.matchAll(pattern)) services.set(service, new Set([...(services.get(service) ?? []), ...rights(name!)]));
  }
  return services;
}

const WITH_TABLES = ['access', 'model-registry', 'content-filter-rules', 'audit', 'billing'];

function given(service: string): Set<string> {
  const named = (role: KafkaRole): boolean => new RegExp(`(^|[ (])${service}(?![\\w-])`).test(role.who);
  const roles: KafkaRole[] = [...Object.values(KAFKA_ROLES).filter(named), ...(WITH_TABLES.includes(service) ? [KAFKA_ROLES.tables] : [])];
  return new Set(roles.flatMap(({ topics, groups }) => [...topics.flatMap((grant) => grant.topics.flatMap((topic) => grant.rights.map((right) => `${right} ${topic}`))), ...groups.map((group) => `group ${group}`)]));
}

describe('the rights on Kafka', () => {
  it('are listed for every service that asks for them', () => {
    const services = asked();
    expect([...services.keys()].toSorted()).toEqual(['audit', 'billing', 'content-filter', 'content-filter-rules', 'gateway', 'inference-router', 'access', 'model-registry'].toSorted());
    expect(services.get('gateway')).toEqual(new Set(['Read access.changed', 'Read registry.changed', 'Read topic.beat', 'group follow_', 'Write calls', 'Write producer.beat', 'Read producer.beat', 'group beats_']));
    expect(services.get('billing')).toEqual(new Set(['Read calls', 'Read call.abandoned', 'group sole_', 'Read right.claim', 'Write right.claim', 'group claim_']));
    const missing = [...services].flatMap(([service, rights]) => [...rights].filter((right) => !given(service).has(right)).map((right) => `${service}: ${right}`));
    expect(missing).toEqual([]);
  });
});
