import type { Timer } from '@sluice/clock';
import type { Sql } from '@sluice/sql';
import { endsOf } from './cursors.ts';
import type { KafkaHouse } from './group-reader.ts';
import type { ReadingProgress } from './reading-progress.ts';

const EVERY_MS = 5_000;
/** One question that fails is a broker that restarts. */
const UNKNOWN_AFTER_MS = 15_000;

/** A consumer of this process, whether or not it has anything of its topic to read now. */
export interface ProbedConsumer {
  readonly consumer: string;
  readonly topic: string;
  readonly progress: ReadingProgress;
}

/**
 * Asks every few seconds how far each consumer is behind: the end of its topic against its cursor. Readers know it only
 * while they read, and one that stands still must not look like one that has nothing to do.
 */
export class LagProbe {
  readonly #house: KafkaHouse;
  readonly #sql: Sql;
  readonly #consumers = new Set<ProbedConsumer>();
  readonly #timer: Timer;
  #asking: Promise<void> | undefined;
  #failingSinceMs: number | undefined;

  constructor(house: KafkaHouse, sql: Sql) {
    this.#house = house;
    this.#sql = sql;
    this.#timer = house.clock.every(EVERY_MS, () => {
      this.#asking ??= this.#ask().finally(() => { this.#asking = undefined; });
    });
  }

  add(consumer: ProbedConsumer): void {
    this.#consumers.add(consumer);
  }

  remove(consumer: ProbedConsumer): void {
    this.#consumers.delete(consumer);
  }

  get fault(): string | undefined {
    const isUnknown = this.#failingSinceMs !== undefined && this.#house.clock.monotonicMs() - this.#failingSinceMs >= UNKNOWN_AFTER_MS;
    return isUnknown ? 'How far consumers are behind cannot be asked: Kafka or the database does not answer.' : undefined;
  }

  stop(): void {
    this.#timer.cancel();
  }

  async #ask(): Promise<void> {
    const startedMs = this.#house.clock.monotonicMs();
    try {
      for (const topic of new Set([...this.#consumers].map((one) => one.topic))) await this.#askTopic(topic);
      this.#failingSinceMs = undefined;
    } catch {
      // Readers say what is away; what is known stays as it was.
      this.#failingSinceMs ??= startedMs;
    }
  }

  async #askTopic(topic: string): Promise<void> {
    const consumers = [...this.#consumers].filter((one) => one.topic === topic).map((one) => ({ ...one, reads: one.progress.reads }));
    const cursors = await this.#sql.query<{ consumer: string; part: number; next: bigint }>({ name: 'events_kafka_cursors', text: 'SELECT consumer, part, next_offset AS next FROM events.kafka_cursor WHERE topic = $1' }, [topic]);
    const ends = await endsOf(this.#house, topic);
    for (const { consumer, progress, reads } of consumers) {
      const next = new Map(cursors.filter((one) => one.consumer === consumer).map((one) => [one.part, one.next]));
      for (const [partition, { low, high }] of ends) progress.asked(partition, high, next.get(partition) ?? low, reads);
    }
  }
}
