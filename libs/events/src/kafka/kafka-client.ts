import { setTimeout as pause } from 'node:timers/promises';
import kafkajs, { Kafka, logLevel, type Admin, type logCreator } from 'kafkajs';
import { ServiceError } from '@sluice/errors';
import type { Logger } from '@sluice/telemetry';
import { letIdleConnectionsRest } from './idle-request-queue.ts';

// Node finds no more names in this package, which is CommonJS, than those that are imported as such.
const { KafkaJSError, KafkaJSProtocolError } = kafkajs;

/** Who appends has waiting clients: what takes longer has an unknown fate. */
const REQUEST_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 2_000;
const AWAY_RETRY_SECONDS = 1;
const ADMIN_ATTEMPTS = 5;
const ADMIN_RETRY_MS = 100;

export interface KafkaAddress {
  /** `host:port` of brokers to begin with; the others are learned from them. */
  readonly brokers: readonly string[];
  /** Names this process in the brokers' logs. */
  readonly clientId: string;
}

/** The driver, quiet: it calls errors what it mends by itself, and what it does not mend is said by who asked for it. */
export function createKafka({ brokers, clientId }: KafkaAddress, logger: Logger): Kafka {
  const quiet: logCreator = () => ({ log: { message, error, groupId }, namespace }) =>
    logger.debug({ kafka: namespace, groupId: asText(groupId), reason: asText(error) }, message);
  letIdleConnectionsRest();
  return new Kafka({
    brokers: [...brokers], clientId, requestTimeout: REQUEST_TIMEOUT_MS, connectionTimeout: CONNECT_TIMEOUT_MS, logLevel: logLevel.WARN, logCreator: quiet,
  });
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/**
 * Does something as an administrator of the cluster, on connections of its own; again when a leader is being elected or
 * its topic has just been made, so it must bear being done twice.
 */
export async function administer<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin({ retry: { retries: 3 } });
  try {
    await admin.connect();
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(admin);
      } catch (thrown) {
        if (attempt === ADMIN_ATTEMPTS || !isPassing(thrown)) throw thrown;
        await pause(ADMIN_RETRY_MS * attempt);
      }
    }
  } catch (thrown) {
    throw toKafkaLogError(thrown);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

function isPassing(thrown: unknown): boolean {
  if (!(thrown instanceof KafkaJSError)) return false;
  const cause = rootOf(thrown);
  return cause instanceof KafkaJSError && cause.retriable;
}

/** What a failure of Kafka means to someone who uses the log. */
export function toKafkaLogError(thrown: unknown): ServiceError {
  if (!(thrown instanceof KafkaJSError)) return ServiceError.from(thrown);
  const cause = rootOf(thrown);
  if (cause instanceof KafkaJSProtocolError && cause.type === 'MESSAGE_TOO_LARGE') return new ServiceError('internal', 'A record is larger than its topic allows.', { cause });
  return new ServiceError('audit_log_unavailable', 'The event log does not answer.', { cause, retryAfterSeconds: AWAY_RETRY_SECONDS });
}

function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}
