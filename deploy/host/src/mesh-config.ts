import { isIP } from 'node:net';
import { processEnvironment, type Environment } from '@sluice/config';
import { calledElsewhere, HOUSE_SERVICES, isCalledFromElsewhere, needing, SERVICE_NAMES, type Need, type ServiceName } from '@sluice/platform/services';
import { z } from 'zod';
import { isLoopback, list, parseAddress } from './address.ts';
import { hostShape } from './host-config.ts';
import { kafkaNeeds, kafkaShape } from './kafka-config.ts';

const REDIS_URL = /^rediss?:\/\/\S+$/;

/** Instances by their IP addresses, or one name that stands for all of them. */
function isTarget(addresses: readonly string[]): boolean {
  const hosts = addresses.map((address) => parseAddress(address)?.host);
  return hosts.every((host) => host !== undefined) && (hosts.length === 1 || new Set(hosts.map((host) => isIP(host!))).size === 1 && isIP(hosts[0]!) !== 0);
}

const listenAt = z.string().refine((text) => parseAddress(text) !== undefined, 'must be host:port, as 0.0.0.0:7443');
const target = list.refine(isTarget, 'must be host:port of one name, or of IP addresses of one family with commas between them');
const file = z.string();

/** The setting that says where a service is. */
export function addressSetting(service: ServiceName): string {
  return `SLUICE_${service.toUpperCase().replaceAll('-', '_')}_ADDRESS`;
}

const addressShape = Object.fromEntries(SERVICE_NAMES.filter((name) => HOUSE_SERVICES[name].rpc !== undefined).map((name) => [addressSetting(name), target.optional()]));

/** The settings of a process of a mesh beside those of its services, by their environment names. */
export const meshShape = {
  ...hostShape,
  ...addressShape,
  ...kafkaShape,
  /** Limits that several processes count together. */
  REDIS_URL: z.string().regex(REDIS_URL, 'must be an address such as redis://:password@host:6379').optional(),
  /** Where other processes call the services of this one. */
  SLUICE_RPC_LISTEN: listenAt.optional(),
  /** Where probes and scrapers ask this process. */
  SLUICE_HEALTH_LISTEN: listenAt.optional(),
  /** PEM of the authorities whose certificates are taken. */
  SLUICE_TLS_CA_FILE: file.optional(),
  SLUICE_TLS_CERTIFICATE_FILE: file.optional(),
  SLUICE_TLS_KEY_FILE: file.optional(),
  /** JSON with `apiKey` and `adminKey`: they open a house that is empty. */
  SLUICE_FIRST_KEYS_FILE: file.optional(),
};

const TLS = ['SLUICE_TLS_CA_FILE', 'SLUICE_TLS_CERTIFICATE_FILE', 'SLUICE_TLS_KEY_FILE'] as const;

/** The same, with what these services cannot do without as required: so that all that is missing is told at once with all that is wrong. */
export function meshShapeFor(hosted: readonly ServiceName[], environment: Environment = processEnvironment): typeof meshShape {
  const isGiven = (name: string): boolean => (environment[name] ?? '') !== '';
  const required = new Map<string, string>();
  const need = (name: string, why: string): void => void required.set(name, why);
  const having = (what: Need): string => needing(what, hosted).join(', ');
  if (having('ownsTables')) need('DATABASE_URL', `is missing: the PostgreSQL of the mesh, for the tables of ${having('ownsTables')}`);
  if (having('usesEvents')) need('KAFKA_BROKERS', 'is missing: the Kafka of the mesh, for the event log');
  for (const [name, why] of kafkaNeeds(environment)) need(name, why);
  if (having('wrapsSecrets')) need('SLUICE_ROOT_KEY_FILE', `is missing: the key with which ${having('wrapsSecrets')} wrap secrets, the same in every process`);
  if (having('shares')) need('REDIS_URL', 'is missing: the Redis of the mesh, in which gateways count limits together');
  if (isCalledFromElsewhere(hosted)) need('SLUICE_RPC_LISTEN', 'is missing: services of other processes call these');
  for (const name of calledElsewhere(hosted).needed) need(addressSetting(name), `is missing: ${name} is not hosted here, and called by ${hosted.filter((one) => HOUSE_SERVICES[one].calls.includes(name)).join(', ')}`);
  const isOpen = isGiven('SLUICE_RPC_LISTEN') && !isLoopback(environment['SLUICE_RPC_LISTEN']!);
  const tls = TLS.some(isGiven) ? 'is missing: the files of TLS belong together' : isOpen ? 'is missing: without certificates whoever reaches SLUICE_RPC_LISTEN could read every secret, so it may only be an address of this machine' : undefined;
  if (tls !== undefined) for (const name of TLS) need(name, tls);
  const shape = Object.entries(meshShape).map(([name, type]) => [name, required.has(name) && !isGiven(name) ? z.string(required.get(name)) : type]);
  return Object.fromEntries(shape) as typeof meshShape;
}

/** The addresses among the settings that were read. */
export function addressesIn(settings: Readonly<Record<string, unknown>>): Partial<Record<ServiceName, readonly string[]>> {
  return Object.fromEntries(SERVICE_NAMES.flatMap((name) => (settings[addressSetting(name)] === undefined ? [] : [[name, settings[addressSetting(name)]]])));
}
