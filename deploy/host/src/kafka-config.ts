import { processEnvironment, readConfig, type Environment } from '@sluice/config';
import type { KafkaServers } from '@sluice/events/kafka';
import { z } from 'zod';
import { isLoopback, list, parseAddress } from './address.ts';

/** How a process reaches Kafka, by environment names. */
export const kafkaShape = {
  /** The event log. */
  KAFKA_BROKERS: list.refine((addresses) => addresses.every((address) => parseAddress(address) !== undefined), 'must be host:port of one broker or more, with commas between them').optional(),
  /** On how many of them every record is to be. */
  KAFKA_REPLICAS: z.enum(['1', '3']).default('3').transform((count): 1 | 3 => (count === '1' ? 1 : 3)),
  /** PEM of the authorities whose certificates are taken; with it the brokers are spoken to over TLS. */
  KAFKA_TLS_CA_FILE: z.string().optional(),
  KAFKA_TLS_CERTIFICATE_FILE: z.string().optional(),
  KAFKA_TLS_KEY_FILE: z.string().optional(),
  /** For SASL, SCRAM-SHA-512. */
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_PASSWORD: z.string().optional(),
  /** Insists on plain text beyond this machine. */
  KAFKA_PLAINTEXT: z.enum(['true', 'false']).default('false').transform((text) => text === 'true'),
};

/** What is required beside the brokers, by name, and why. */
export function kafkaNeeds(environment: Environment): ReadonlyMap<string, string> {
  const given = (name: string): string => environment[name] ?? '';
  const needs = new Map<string, string>();
  const certificate = ['KAFKA_TLS_CERTIFICATE_FILE', 'KAFKA_TLS_KEY_FILE'];
  if (certificate.some((name) => given(name) !== '')) for (const name of ['KAFKA_TLS_CA_FILE', ...certificate]) needs.set(name, 'is missing: a certificate for Kafka is shown over TLS, with its key and to an authority');
  const sasl = ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'];
  if (sasl.some((name) => given(name) !== '')) for (const name of sasl) needs.set(name, 'is missing: the two belong together');
  const isOpen = given('KAFKA_BROKERS').split(',').some((address) => !isLoopback(address.trim()));
  if (isOpen && given('KAFKA_PLAINTEXT') !== 'true') {
    needs.set('KAFKA_TLS_CA_FILE', 'is missing: without TLS whoever is on the way to the brokers could read and write the event log, so they may only be on this machine; KAFKA_PLAINTEXT=true says that nobody else is on that network');
  }
  return needs;
}

/** The cluster that the settings name, for who is no process of the mesh. Throws one ConfigError that names all that is wrong or missing. */
export function readKafkaServers(environment: Environment = processEnvironment): KafkaServers | undefined {
  const needs = kafkaNeeds(environment);
  const shape = Object.entries(kafkaShape).map(([name, type]) => [name, needs.has(name) && (environment[name] ?? '') === '' ? z.string(needs.get(name)) : type]);
  return kafkaServersIn(readConfig(Object.fromEntries(shape) as typeof kafkaShape, environment));
}

/** The cluster among the settings that were read; undefined where there is none. */
export function kafkaServersIn(settings: z.output<z.ZodObject<typeof kafkaShape>>): KafkaServers | undefined {
  const { KAFKA_BROKERS: brokers, KAFKA_REPLICAS: replicas, KAFKA_TLS_CA_FILE: caFile, KAFKA_TLS_CERTIFICATE_FILE: certificateFile, KAFKA_TLS_KEY_FILE: keyFile, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = settings;
  const own = certificateFile === undefined || keyFile === undefined ? {} : { certificateFile, keyFile };
  return brokers && {
    brokers, replicas,
    ...(caFile !== undefined && { tls: { caFile, ...own } }),
    ...(username !== undefined && password !== undefined && { sasl: { username, password } }),
  };
}
