import { fromBinary, toJson, type JsonValue } from '@bufbuild/protobuf';
import type { Sql } from '@sluice/sql';
import { publishedMessage } from '../kafka/declared-topics.ts';
import { CHANNEL, PUBLISHED_PREFIX } from '../postgres/notice.ts';

/** Of a list that is longer, the rest is shown when the first are gone. */
export const LETTERS_LISTED = 1_000;

/** Which letters are meant: all, those of a topic, of a consumer, or of one consumer of a topic. */
export interface LetterFilter {
  readonly topic?: string | undefined;
  readonly consumer?: string | undefined;
}

/** The name of a dead letter: which record could not be handled by whom. */
export interface LetterPlace {
  readonly topic: string;
  readonly consumer: string;
  readonly position: bigint;
}

export interface Letter extends LetterPlace {
  readonly key: string;
  /** Code of libs/errors of the last failure. */
  readonly code: string;
  readonly attempts: number;
  readonly failedAtMs: number;
  /** It is to be tried again, and was not yet. */
  readonly isWaiting: boolean;
}

/** A letter with what stands in it. */
export interface OpenedLetter extends Letter {
  /** Full name of the message; undefined where this version knows no such topic. */
  readonly type: string | undefined;
  /** The message; undefined where it cannot be read. */
  readonly message: JsonValue | undefined;
  readonly payload: Uint8Array;
}

const COLUMNS = 'topic, consumer, position, key, error_code AS code, attempts, failed_at_ms::float8 AS "failedAtMs", replay AS "isWaiting"';
const MEANT = '($1::text IS NULL OR topic = $1) AND ($2::text IS NULL OR consumer = $2)';

/** The oldest failure first. */
export function listLetters(sql: Sql, { topic, consumer }: LetterFilter): Promise<Letter[]> {
  return sql.query<Letter>(`SELECT ${COLUMNS} FROM events.dead_letter WHERE ${MEANT} ORDER BY failed_at_ms, topic, consumer, position LIMIT ${LETTERS_LISTED}`, [topic ?? null, consumer ?? null]);
}

export async function openLetter(sql: Sql, { topic, consumer, position }: LetterPlace): Promise<OpenedLetter | undefined> {
  const [row] = await sql.query<Letter & { readonly payload: Buffer }>(`SELECT ${COLUMNS}, payload FROM events.dead_letter WHERE topic = $1 AND consumer = $2 AND position = $3`, [topic, consumer, position]);
  return row && { ...row, ...read(topic, row.payload) };
}

function read(topic: string, payload: Uint8Array): Pick<OpenedLetter, 'type' | 'message'> {
  const schema = publishedMessage(topic);
  if (!schema) return { type: undefined, message: undefined };
  try {
    return { type: schema.typeName, message: toJson(schema, fromBinary(schema, payload)) };
  } catch {
    // That nobody can read it may be why it lies here.
    return { type: schema.typeName, message: undefined };
  }
}

/** Marks them for their consumers, who try each once more; those that run do so at once. */
export function tryLettersAgain(sql: Sql, { topic, consumer }: LetterFilter): Promise<LetterPlace[]> {
  return sql.query<LetterPlace>(
    `WITH marked AS (UPDATE events.dead_letter SET replay = true WHERE ${MEANT} RETURNING topic, consumer, position),
       told AS (SELECT topic, pg_notify('${CHANNEL}', '${PUBLISHED_PREFIX}' || topic) FROM (SELECT DISTINCT topic FROM marked) topics)
     SELECT m.topic, m.consumer, m.position FROM marked m JOIN told USING (topic) ORDER BY m.topic, m.consumer, m.position`,
    [topic ?? null, consumer ?? null],
  );
}

/** Those of them that are letters still; the others were handled. */
export function lettersAt(sql: Sql, places: readonly LetterPlace[]): Promise<Letter[]> {
  return sql.query<Letter>(
    `SELECT ${COLUMNS} FROM events.dead_letter WHERE (topic, consumer, position) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])) ORDER BY topic, consumer, position`,
    [places.map(({ topic }) => topic), places.map(({ consumer }) => consumer), places.map(({ position }) => position)],
  );
}
