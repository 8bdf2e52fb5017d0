import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import kafkajs, { Kafka, logLevel, type Admin, type KafkaConfig, type logCreator, type RequestTimeoutEvent } from 'kafkajs';
import { ServiceError } from '@sluice/errors';
import type { Logger } from '@sluice/telemetry';
import { Connections } from './connections.ts';
import { letIdleConnectionsRest } from './idle-request-queue.ts';

// Node finds no more names in this package, which is CommonJS, than those that are imported as such.
const { KafkaJSAggregateError, KafkaJSDeleteTopicRecordsError, KafkaJSError, KafkaJSGroupCoordinatorNotFound, KafkaJSProtocolError, KafkaJSSASLAuthenticationError } = kafkajs;

/** One, where losing it is no loss, or three. */
export type Replicas = 1 | 3;
export const DECLARED_REPLICAS: Replicas = 3;

/** Who appends has waiting clients: what takes longer has an unknown fate. */
const REQUEST_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** A fetch under way is answered after half a second, all else sooner. */
const LEAVE_LIMIT_MS = 2_000;
const AWAY_RETRY_SECONDS = 1;
const ADMIN_ATTEMPTS = 5;
const ADMIN_RETRY_MS = 100;

/** The cluster, as an operator describes it. */
export interface KafkaServers {
  /** `host:port` of brokers to begin with; the others are learned from them. */
  readonly brokers: readonly string[];
  /** On how many of them every record is to be; 3 unless a cluster of one is enough. */
  readonly replicas?: Replicas;
  /** Files in PEM, read once. Without them the brokers are spoken to in plain text. */
  readonly tls?: { readonly caFile: string; readonly certificateFile?: string; readonly keyFile?: string };
  /** SCRAM-SHA-512 (RFC 5802): the password itself never travels. */
  readonly sasl?: { readonly username: string; readonly password: string };
}

/** The way to a cluster, for whoever opens a part of it. */
export interface KafkaClient {
  /** How often Kafka has denied it the right to a group. */
  readonly groupRefusals: number;
  readonly isClosed: boolean;
  open(): OpenedKafka;
  /** Ends the connections of all parts, and lets none make others: what somebody still waits for fails. */
  close(): void;
}

/** The driver, with connections that nobody else has. */
export interface OpenedKafka {
  readonly driver: Kafka;
  /**
   * Waits until the driver has taken its leave, for as long as an answer takes where anybody answers; then ends all of its connections, and lets it
   * make no more. Of itself the driver forgets some, goes on to make others for a part that was stopped, where a broker died, and asks one that is silent for many seconds.
   */
  end(leave: Promise<unknown>): Promise<void>;
  /**
   * Ends its connections to the broker that did not answer, as the driver's REQUEST_TIMEOUT names it; it makes others when it next needs
   * them. The driver itself asks for ever on one whose other end is gone without a word.
   */
  renew(timeout: RequestTimeoutEvent): void;
}

/**
 * The driver, quiet: it calls errors what it mends by itself, and what it does not mend is said by who asked for it.
 * Fails with `failed_precondition` when a file of TLS cannot be read.
 */
export async function createKafka({ brokers, tls, sasl }: KafkaServers, clientId: string, logger: Logger, retry?: { readonly retries: number }): Promise<KafkaClient> {
  const opened = new Set<Connections>();
  let [groupRefusals, isClosed] = [0, false];
  const quiet: logCreator = () => ({ log: { message, error, groupId }, namespace }) => {
    if (asText(error) === NO_RIGHT_TO_GROUP) groupRefusals++;
    logger.debug({ kafka: namespace, groupId: asText(groupId), reason: asText(error) }, message);
  };
  letIdleConnectionsRest();
  const config: KafkaConfig = {
    brokers: [...brokers], clientId, requestTimeout: REQUEST_TIMEOUT_MS, connectionTimeout: CONNECT_TIMEOUT_MS, logLevel: logLevel.WARN, logCreator: quiet,
    ...(tls && { ssl: await readTls(tls) }),
    ...(retry && { retry }),
    ...(sasl && { sasl: { mechanism: 'scram-sha-512' as const, ...sasl } }),
  };
  return {
    get groupRefusals() {
      return groupRefusals;
    },
    get isClosed() {
      return isClosed;
    },
    open() {
      const connections = new Connections();
      opened.add(connections);
      if (isClosed) connections.cut();
      return {
        driver: new Kafka({ ...config, socketFactory: connections.make }),
        async end(leave) {
          await answered(leave);
          connections.cut();
          opened.delete(connections);
        },
        renew: ({ payload }) => connections.renew(payload.broker),
      };
    },
    close() {
      isClosed = true;
      for (const connections of opened) connections.cut();
    },
  };
}

/** Resolves with the work, however that ends, and no later than Kafka answers at the end of a part. */
export async function answered(work: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  await Promise.race([work, pause(LEAVE_LIMIT_MS, undefined, { signal: late.signal })]).catch(() => undefined);
  late.abort();
}

/** What the driver logs of an answer in which Kafka denies the right to a group; of the coordinator of a group it tells its caller only that it found none. */
const NO_RIGHT_TO_GROUP = 'Not authorized to access group: Group authorization failed';

/** Why a consumer ended: `refused` says that Kafka denied it a group meanwhile. */
export function toConsumerError(reason: Error, refused: boolean): ServiceError {
  const isRefused = refused && rootOf(reason) instanceof KafkaJSGroupCoordinatorNotFound;
  return isRefused ? refusal('GROUP_AUTHORIZATION_FAILED', reason) : toKafkaLogError(reason);
}

function refusal(type: string, cause: Error): ServiceError {
  return new ServiceError('failed_precondition', `Kafka does not let this process do what it must (${type}): docs/kafka-rights.md lists the rights.`, { cause });
}

/** Who the brokers are is checked by the names in their certificates. */
async function readTls({ caFile, certificateFile, keyFile }: NonNullable<KafkaServers['tls']>): Promise<ConnectionOptions> {
  const read = async (file: string | undefined): Promise<string | undefined> => (file === undefined ? undefined : readFile(file, 'utf8'));
  try {
    const [ca, cert, key] = await Promise.all([readFile(caFile, 'utf8'), read(certificateFile), read(keyFile)]);
    return { ca: [ca], minVersion: 'TLSv1.2', ...(cert !== undefined && key !== undefined && { cert, key }) };
  } catch (cause) {
    throw new ServiceError('failed_precondition', `The certificates for Kafka cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/**
 * Does something as an administrator of the cluster, on connections of its own; again when a leader is being elected or
 * its topic has just been made, so it must bear being done twice.
 */
export async function administer<T>(kafka: KafkaClient, work: (admin: Admin) => Promise<T>): Promise<T> {
  const { driver, end, renew } = kafka.open();
  const admin = driver.admin({ retry: { retries: 3 } });
  admin.on(admin.events.REQUEST_TIMEOUT, renew);
  try {
    await admin.connect();
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(admin);
      } catch (thrown) {
        if (attempt === ADMIN_ATTEMPTS || kafka.isClosed || !isPassing(thrown)) throw thrown;
        await pause(ADMIN_RETRY_MS * attempt);
      }
    }
  } catch (thrown) {
    throw toKafkaLogError(thrown);
  } finally {
    await end(admin.disconnect());
  }
}

function isPassing(thrown: unknown): boolean {
  if (!(thrown instanceof KafkaJSError)) return false;
  const cause = rootOf(thrown);
  return cause instanceof KafkaJSError && cause.retriable;
}

/** What a failure of Kafka means to someone who uses the log. */
export function toKafkaLogError(thrown: unknown): ServiceError {
  const first = firstOf(thrown);
  if (!(first instanceof KafkaJSError)) return ServiceError.from(first);
  const cause = rootOf(first);
  if (cause instanceof KafkaJSProtocolError && cause.type === 'MESSAGE_TOO_LARGE') return new ServiceError('internal', 'A record is larger than its topic allows.', { cause });
  if (cause instanceof KafkaJSSASLAuthenticationError) return new ServiceError('failed_precondition', 'Kafka does not take the name and the password of this process (KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD).', { cause });
  if (cause instanceof KafkaJSProtocolError && /_AUTHORIZATION_FAILED$/.test(cause.type)) return refusal(cause.type, cause);
  return new ServiceError('audit_log_unavailable', 'The event log does not answer.', { cause, retryAfterSeconds: AWAY_RETRY_SECONDS });
}

/** Of what failed for several topics or partitions at once, the first. */
function firstOf(thrown: unknown): unknown {
  if (thrown instanceof KafkaJSAggregateError) return thrown.errors[0] ?? thrown;
  if (!(thrown instanceof KafkaJSDeleteTopicRecordsError)) return thrown;
  // Its types leave out what is in it.
  const { partitions } = thrown as unknown as { readonly partitions: readonly { readonly error?: unknown }[] };
  return partitions.find(({ error }) => error instanceof Error)?.error ?? thrown;
}

/** What is behind all that the driver wrapped around it. */
export function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}
