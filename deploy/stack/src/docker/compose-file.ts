import { DATABASE, ROLE } from '@sluice/sql';
import { BROKERS, heapOptions, kafkaProperties, PERFORMANCE_OPTIONS } from '../engines/kafka-properties.ts';
import { postgresSettings } from '../engines/postgres.ts';
import { redisSettings } from '../engines/redis.ts';
import { tritonArguments } from '../engines/triton.ts';
import { IMAGES } from '../pins.ts';
import { portsAt, type Ports } from '../ports.ts';

type Yaml = string | readonly Yaml[] | { readonly [name: string]: Yaml };

const KAFKA_DATA = '/var/lib/kafka/data';
const POSTGRES_DATA = '/var/lib/postgresql';
const REDIS_DATA = '/data';
const REDIS_SETTINGS = '/usr/local/etc/redis/redis.conf';
const MODELS = '/models';

const TITLE = `# The stack in containers: the same versions, ports and settings as without Docker, because both are made of the same
# source (src/docker/compose-file.ts; a test compares). \`sluice stack up\` uses it where a Docker engine runs, and
# gives the variables. The containers share the network of the machine and listen on 127.0.0.1 alone.
`;

/** What is filled in when it is run: secrets, and a path of this machine. */
export const VARIABLES = { clusterId: 'KAFKA_CLUSTER_ID', postgres: 'POSTGRES_PASSWORD', redis: 'REDIS_PASSWORD', models: 'TRITON_MODELS' } as const;

const variable = (name: string): string => `\${${name}:?}`;

/** A Compose file for a stack with this many brokers and these ports. */
export function composeText({ small, portOffset }: { readonly small: boolean; readonly portOffset: number }): string {
  const ports = portsAt(portOffset);
  const brokers = small ? 1 : BROKERS;
  const names = Array.from({ length: brokers }, (_, index) => `kafka-${index + 1}`);
  const services = {
    ...Object.fromEntries(names.map((name, index) => [name, kafkaService(name, index + 1, brokers, ports)])),
    postgres: postgresService(ports),
    redis: redisService(),
    triton: tritonService(ports),
  };
  const volumes = Object.fromEntries([...names, 'postgres', 'redis'].map((name) => [name, {}]));
  return `${TITLE}${yaml({ services, configs: { redis: { content: redisText(ports) } }, volumes })}`;
}

function kafkaService(name: string, node: number, brokers: number, ports: Ports): Yaml {
  const properties = Object.entries(kafkaProperties(node, brokers, ports, KAFKA_DATA)).map(([property, value]) => [kafkaVariable(property), value]);
  return {
    image: IMAGES.kafka,
    network_mode: 'host',
    // Kafka's start script takes the second instead of its own, which name another collector.
    environment: { CLUSTER_ID: variable(VARIABLES.clusterId), KAFKA_HEAP_OPTS: heapOptions(brokers).join(' '), KAFKA_JVM_PERFORMANCE_OPTS: PERFORMANCE_OPTIONS.join(' '), ...Object.fromEntries(properties) },
    volumes: [`${name}:${KAFKA_DATA}`],
    stop_grace_period: '20s',
  };
}

/** The image's own rule: `log.dirs` is KAFKA_LOG_DIRS. */
export function kafkaVariable(property: string): string {
  return `KAFKA_${property.toUpperCase().replaceAll('.', '_')}`;
}

/** The image trusts whoever comes from this machine, unless initdb is told otherwise. */
function postgresService(ports: Ports): Yaml {
  return {
    image: IMAGES.postgres,
    network_mode: 'host',
    environment: { POSTGRES_USER: ROLE, POSTGRES_PASSWORD: variable(VARIABLES.postgres), POSTGRES_DB: DATABASE, POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C --auth-host=scram-sha-256' },
    command: ['postgres', ...Object.entries(postgresSettings(ports.postgres)).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    volumes: [`postgres:${POSTGRES_DATA}`],
    stop_grace_period: '60s',
  };
}

function redisService(): Yaml {
  return {
    image: IMAGES.redis,
    network_mode: 'host',
    command: ['redis-server', REDIS_SETTINGS],
    configs: [{ source: 'redis', target: REDIS_SETTINGS }],
    volumes: [`redis:${REDIS_DATA}`],
    stop_grace_period: '10s',
  };
}

function redisText(ports: Ports): string {
  const all = { ...redisSettings(ports.redis), dir: REDIS_DATA, requirepass: variable(VARIABLES.redis) };
  return Object.entries(all).map(([name, value]) => `${name} ${value}\n`).join('');
}

/** Python models pass tensors through shared memory; Docker's own 64 MB hold no image batch. */
function tritonService(ports: Ports): Yaml {
  return {
    image: IMAGES.triton,
    network_mode: 'host',
    shm_size: '1gb',
    environment: { OPENBLAS_NUM_THREADS: '1' },
    command: ['tritonserver', `--model-repository=${MODELS}`, ...tritonArguments(ports)],
    volumes: [`${variable(VARIABLES.models)}:${MODELS}:ro`],
    stop_grace_period: '8s',
  };
}

/** Block style, every scalar as a JSON string, which YAML reads as it is (YAML 1.2, section 7.3.1). */
function yaml(value: { readonly [name: string]: Yaml }, indent = ''): string {
  return Object.entries(value).map(([name, below]) => {
    if (typeof below === 'string') return `${indent}${name}: ${JSON.stringify(below)}\n`;
    if (!Array.isArray(below) && Object.keys(below).length > 0) return `${indent}${name}:\n${yaml(below as { readonly [name: string]: Yaml }, `${indent}  `)}`;
    return `${indent}${name}: ${JSON.stringify(below)}\n`;
  }).join('');
}
