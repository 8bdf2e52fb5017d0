import { fromBinary, type DescMessage } from '@bufbuild/protobuf';
import type { Sql } from '@sluice/sql';
import type { Follower } from '../event-log.ts';
import type { PassResult, Reader } from '../read-loop.ts';
import { topicOf } from '../topic.ts';
import type { RecordRow } from './topic-reader.ts';

const BATCH_RECORDS = 500;
const AFTER = { name: 'events_after', text: `SELECT position, key, payload FROM events.record WHERE topic = $1 AND position > $2 ORDER BY position LIMIT ${BATCH_RECORDS}` } as const;

/** Reads one topic into memory. A beat is handed on behind the records that it speaks of. */
export class FollowReader<M extends DescMessage> implements Reader<bigint> {
  readonly name: string;
  readonly topic: string;
  readonly #sql: Sql;
  readonly #schema: M;
  readonly #follower: Follower<M>;
  #position: bigint;
  #lag = 0;
  #beat: bigint | undefined;

  constructor(sql: Sql, schema: M, afterPosition: bigint, follower: Follower<M>) {
    this.#sql = sql;
    this.#schema = schema;
    this.#position = afterPosition;
    this.#follower = follower;
    this.topic = topicOf(schema).name;
    this.name = `replica < ${this.topic}`;
  }

  /** Takes a beat: handed on at once when nothing is missing (then true), else by the next pass. */
  onBeat(head: bigint): boolean {
    if (head > this.#position) {
      this.#beat = head;
      return false;
    }
    this.#beat = undefined;
    this.#follower.onBeat(head);
    return true;
  }

  lag(): number {
    return this.#lag;
  }

  async target(): Promise<bigint> {
    const [row] = await this.#sql.query<{ head: bigint }>('SELECT head FROM events.topic WHERE name = $1', [this.topic]);
    return row?.head ?? 0n;
  }

  async reached(target: bigint): Promise<boolean> {
    return this.#position >= target;
  }

  async pass(): Promise<PassResult> {
    const rows = await this.#sql.query<RecordRow>(AFTER, [this.topic, this.#position]);
    this.#lag = rows.length;
    for (const { position, key, payload } of rows) {
      this.#follower.onRecord({ position, key, message: fromBinary(this.#schema, payload) });
      this.#position = position;
      this.#lag--;
    }
    if (this.#beat !== undefined && this.#beat <= this.#position) this.onBeat(this.#beat);
    if (rows.length === BATCH_RECORDS) return 'full';
    return rows.length > 0 ? 'some' : 'none';
  }
}
