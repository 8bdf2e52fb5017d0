import type { DescMessage } from '@bufbuild/protobuf';
import type { Sql } from '@sluice/sql';
import { handleReplays } from '../postgres/dead-letters.ts';
import type { PassResult, Reader } from '../read-loop.ts';
import type { TopicConsumer } from './topic-consumer.ts';

/** Every look counts the letters; more than this is not another state. */
const LETTERS_COUNTED = 1_000;

/** Counts the dead letters of a consumer, and gives it again those that are to be tried again. */
export class LetterReader<M extends DescMessage> implements Reader<void> {
  readonly name: string;
  readonly #sql: Sql;
  readonly #consumer: TopicConsumer<M>;

  constructor(sql: Sql, consumer: TopicConsumer<M>) {
    this.#sql = sql;
    this.#consumer = consumer;
    this.name = `${consumer.consumer} < dead letters of ${consumer.topic}`;
  }

  lag(): number {
    return 0;
  }

  async target(): Promise<void> {
    // Whatever is marked by now.
  }

  async reached(): Promise<boolean> {
    return !(await this.#look()).replays;
  }

  async pass(): Promise<PassResult> {
    const { replays, letters } = await this.#look();
    this.#consumer.letters = letters;
    if (!replays) return 'none';
    await handleReplays(this.#sql, this.#consumer.consumer, this.#consumer.topic, (transaction, row) => this.#consumer.one(transaction, row));
    this.#consumer.letters = (await this.#look()).letters;
    return 'full';
  }

  async #look(): Promise<{ readonly replays: boolean; readonly letters: number }> {
    const [row] = await this.#sql.query<{ replays: boolean; letters: number }>(
      { name: 'events_letters', text: `SELECT count(*)::int AS letters, coalesce(bool_or(replay), false) AS replays
          FROM (SELECT replay FROM events.dead_letter WHERE consumer = $1 AND topic = $2 ORDER BY replay DESC LIMIT ${LETTERS_COUNTED}) counted` },
      [this.#consumer.consumer, this.#consumer.topic],
    );
    return row ?? { replays: false, letters: 0 };
  }
}
