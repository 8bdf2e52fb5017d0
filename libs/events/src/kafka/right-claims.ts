import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Ids } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { RightClaimSchema } from '@sluice/proto/events/v1/topic';
import type { Witness } from '../event-log.ts';
import type { AckedProducer } from './acked-producer.ts';
import { headersOf, textHeader } from './cloud-event.ts';
import { endsOf } from './cursors.ts';
import { RIGHT_CLAIM_TOPIC } from './declared-topics.ts';
import { GroupReader, type KafkaHouse } from './group-reader.ts';
import { OWN_GROUPS } from './rights.ts';

/** A claim is back in milliseconds; the first one waits until the reader has joined. */
const READ_BACK_LIMIT_MS = 4_000;
/** Terms rise by one, and some are taken without a word, where nobody had the right. What lies further above is no term that anybody was given. */
const MAX_STEP = 1_000n;

/**
 * Claims to one right, written to a topic and read back from it: with one's own claim everything in front of it was read,
 * so a higher term that was said before is known. A claim that cannot be read back proves nothing.
 */
export class RightClaims implements Witness {
  readonly #house: KafkaHouse;
  readonly #producer: AckedProducer;
  readonly #right: string;
  readonly #self: string;
  readonly #waiting = new Map<string, () => void>();
  #reading: Promise<GroupReader> | undefined;
  #reader: GroupReader | undefined;
  #isStopped = false;
  #claims = 0;
  #nextOffset = 0n;
  #highest = 0n;
  /** The highest that this process has said. */
  #said = 0n;

  constructor(house: KafkaHouse, producer: AckedProducer, ids: Pick<Ids, 'next'>, right: string) {
    this.#house = house;
    this.#producer = producer;
    this.#right = right;
    this.#self = ids.next(OWN_GROUPS.claim);
  }

  async holds(term: bigint): Promise<boolean> {
    const id = `${this.#self}/${this.#claims++}`;
    if (term > this.#said) this.#said = term;
    const [late, read] = [Promise.withResolvers<never>(), Promise.withResolvers<void>()];
    const timer = this.#house.clock.after(READ_BACK_LIMIT_MS, () => late.reject(this.#reader?.refusal ?? new ServiceError('audit_log_unavailable', 'The event log does not answer.')));
    this.#waiting.set(id, read.resolve);
    try {
      await Promise.race([this.#say(id, term).then(() => read.promise), late.promise]);
      return this.#highest <= term;
    } finally {
      timer.cancel();
      this.#waiting.delete(id);
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#reader?.stop();
  }

  async #say(id: string, term: bigint): Promise<void> {
    await (this.#reading ??= this.#read().catch((thrown: unknown) => {
      this.#reading = undefined;
      throw thrown;
    }));
    const timeMs = this.#house.clock.wallMs();
    const value = Buffer.from(toBinary(RightClaimSchema, create(RightClaimSchema, { right: this.#right, term })));
    const headers = headersOf({ id, source: `/rights/${encodeURIComponent(this.#right)}`, type: RightClaimSchema.typeName, timeMs, partitionKey: this.#right, sequence: undefined });
    await this.#producer.send(this.#topic, [{ key: this.#right, value, headers }]);
  }

  /** From the end that the topic has now; whatever becomes of the connection, nothing behind it is left out. */
  async #read(): Promise<GroupReader> {
    this.#nextOffset = (await endsOf(this.#house, RIGHT_CLAIM_TOPIC.name)).get(0)?.high ?? 0n;
    if (this.#isStopped) throw new ServiceError('cancelled', 'The claims were stopped.');
    const reader = new GroupReader(this.#house, {
      name: `claims of ${this.#right}`, groupId: `${this.#house.prefix}${this.#self}`, topics: [{ topic: this.#topic, fromBeginning: true }],
      onAssigned: () => reader.seek(this.#topic, 0, this.#nextOffset),
      onBatch: (payload) => this.#batch(payload),
    });
    this.#reader = reader;
    return reader;
  }

  get #topic(): string {
    return this.#house.prefix + RIGHT_CLAIM_TOPIC.name;
  }

  async #batch({ batch, resolveOffset }: EachBatchPayload): Promise<void> {
    for (const message of batch.messages) this.#hear(message);
    this.#nextOffset = BigInt(batch.lastOffset()) + 1n;
    resolveOffset(batch.lastOffset());
  }

  #hear({ value, headers }: KafkaMessage): void {
    if (textHeader(headers, 'ce_partitionkey') !== this.#right || !value) return;
    try {
      const { term } = fromBinary(RightClaimSchema, value);
      this.#count(term);
      this.#waiting.get(textHeader(headers, 'ce_id') ?? '')?.();
    } catch {
      this.#house.logger.error({ topic: RIGHT_CLAIM_TOPIC.name }, 'a claim that Sluice did not write is passed over');
    }
  }

  #count(term: bigint): void {
    if (term <= this.#highest) return;
    const known = this.#said > this.#highest ? this.#said : this.#highest;
    if (term <= known + MAX_STEP) this.#highest = term;
    else this.#house.logger.error({ topic: RIGHT_CLAIM_TOPIC.name, right: this.#right, term: term.toString(), known: known.toString() }, 'a claim whose term nobody can have is passed over');
  }
}
