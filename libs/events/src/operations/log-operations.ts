import { ServiceError } from '@sluice/errors';
import { createSql, SqlError, type Sql } from '@sluice/sql';
import { publishedMessage } from '../kafka/declared-topics.ts';
import { lettersAt, listLetters, openLetter, tryLettersAgain, type Letter, type LetterFilter, type LetterPlace, type OpenedLetter } from './letters.ts';
import { positionOf, rewind, type Rewound } from './rewind.ts';

/**
 * What an operator does to the log: where consumers are and what they could not handle lies in the database, on Kafka too.
 * Fails with `not_found` where the database holds no log, with `audit_log_unavailable` when it does not answer.
 */
export interface LogOperations {
  listLetters(filter: LetterFilter): Promise<Letter[]>;
  openLetter(place: LetterPlace): Promise<OpenedLetter | undefined>;
  /** Gives letters to their consumers once more; which. */
  tryLettersAgain(filter: LetterFilter): Promise<LetterPlace[]>;
  /** Those of them that are letters still. */
  lettersAt(places: readonly LetterPlace[]): Promise<Letter[]>;
  /** Lets a consumer handle again what was published since a moment; its effects must bear that. */
  rewind(topic: string, consumer: string, sinceMs: number): Promise<Rewound>;
  /** Position of the last record that the consumer has handled. */
  positionOf(topic: string, consumer: string): Promise<bigint | undefined>;
  end(): Promise<void>;
}

/** An undefined schema or table (PostgreSQL, appendix A): no log, or one of an older version. */
const ABSENT = new Set(['3F000', '42P01', '42703']);
const CONNECTIONS = 1;

/** Opens the log of the platform that has this database. Makes nothing and brings nothing to a newer version. */
export function openLogOperations(url: string): LogOperations {
  const sql = createSql({ url, schema: 'events', connections: CONNECTIONS });
  const told = async <T>(work: (sql: Sql) => Promise<T>): Promise<T> => {
    try {
      return await work(sql);
    } catch (thrown) {
      throw explained(thrown);
    }
  };
  return {
    listLetters: (filter) => told((one) => listLetters(one, filter)),
    openLetter: (place) => told((one) => openLetter(one, place)),
    tryLettersAgain: (filter) => told((one) => tryLettersAgain(one, filter)),
    lettersAt: (places) => told((one) => lettersAt(one, places)),
    rewind: (topic, consumer, sinceMs) => told(async (one) => rewind(one, published(topic), consumer, sinceMs)),
    positionOf: (topic, consumer) => told(async (one) => positionOf(one, published(topic), consumer)),
    end: () => sql.end(),
  };
}

function published(topic: string): NonNullable<ReturnType<typeof publishedMessage>> {
  const schema = publishedMessage(topic);
  if (!schema) throw new ServiceError('not_found', `There is no published topic ${topic}.`);
  return schema;
}

function explained(thrown: unknown): unknown {
  if (!(thrown instanceof SqlError)) return thrown;
  if (ABSENT.has(thrown.sqlState ?? '')) return new ServiceError('not_found', 'The database holds no event log of this version: no platform of this version has run on it.', { cause: thrown });
  if (thrown.kind === 'unavailable' || thrown.kind === 'timeout') return new ServiceError('audit_log_unavailable', `The database of the event log does not answer (${thrown.message}).`, { cause: thrown });
  return thrown;
}
