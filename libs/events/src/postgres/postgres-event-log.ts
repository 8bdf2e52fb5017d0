import type { Clock } from '@sluice/clock';
import { createSql, Listener, migrate, readMigrations, type SqlPool } from '@sluice/sql';
import type { HealthState } from '@sluice/lifecycle';
import type { Logger } from '@sluice/telemetry';
import type { DeadLetters, EventLog, Subscription } from '../event-log.ts';
import { ReadLoop, type Reader } from '../read-loop.ts';
import { listDeadLetters, replayDeadLetters } from './dead-letters.ts';
import { Epochs } from './epochs.ts';
import { FollowReader } from './follow-reader.ts';
import { LetterWatch } from './letter-watch.ts';
import { CHANNEL, parseNotice, type Notice } from './notice.ts';
import { prune } from './prune.ts';
import { RecentSegments } from './recent-segments.ts';
import { SEGMENT_PACE_MS, SegmentReader } from './segment-reader.ts';
import { SegmentWriter } from './segment-writer.ts';
import { TopicReader } from './topic-reader.ts';
import { beat, position, publish } from './topic-writer.ts';

export interface PostgresEventLogOptions {
  /** The database whose transactions `publish` takes part in. */
  readonly url: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * False when the disk of a server on this machine is about to be full: segments are refused with `disk_full` while
   * there is still room for what they have started. A server without room for its own log does not refuse, it crashes.
   */
  readonly hasRoom?: () => boolean;
}

/** The log with an end, and with its dead letters. */
export interface PostgresEventLog extends EventLog, DeadLetters {
  /** Degraded while a consumer of this process has records that it could not handle. */
  health(): HealthState;
  /** Stops every subscription and closes the connections. */
  stop(): Promise<void>;
}

const SCHEMA = 'events';
const WRITER_CONNECTIONS = 4;
const READER_CONNECTIONS = 8;
/** Who appends has waiting clients: an append that takes longer has an unknown fate and is tried again. */
const WRITE_TIMEOUT_MS = 5_000;

interface Running {
  readonly loop: Subscription & { wake(): void };
  readonly onNotice: (notice: Notice) => void;
}

/** The event log in PostgreSQL. Owns the schema `events` and brings it to its newest version. */
export async function createPostgresEventLog({ url, clock, logger, hasRoom = () => true }: PostgresEventLogOptions): Promise<PostgresEventLog> {
  const writers = createSql({ url, schema: SCHEMA, connections: WRITER_CONNECTIONS, statementTimeoutMs: WRITE_TIMEOUT_MS });
  const readers = createSql({ url, schema: SCHEMA, connections: READER_CONNECTIONS });
  try {
    await migrate(readers, await readMigrations(new URL('../../migrations/', import.meta.url)), logger);
  } catch (thrown) {
    await Promise.all([writers.end(), readers.end()]);
    throw thrown;
  }
  const running = new Set<Running>();
  const listener = new Listener({
    url, clock, channel: CHANNEL,
    onNotification: (payload) => {
      const notice = parseNotice(payload);
      if (notice) for (const { onNotice } of running) onNotice(notice);
    },
    onListening: () => { for (const { loop } of running) loop.wake(); },
    onLost: (error) => logger.warn({ error }, 'the event log is not heard'),
  });

  const letters = new LetterWatch();
  const start: Start = (reader, paceMs, onNotice, onStop) => {
    const entry: Running = {
      loop: new ReadLoop(reader, { clock, logger, paceMs, onStop: () => { running.delete(entry); onStop?.(); } }),
      onNotice: (notice) => onNotice(notice, () => entry.loop.wake()),
    };
    running.add(entry);
    return entry.loop;
  };
  const recent = new RecentSegments();
  return assemble({ segments: new SegmentWriter(writers, recent, clock, hasRoom), recent, epochs: new Epochs(writers, clock), hasRoom, writers, readers, logger, letters, start }, async () => {
    await Promise.all([...running].map(({ loop }) => loop.stop()));
    letters.stop();
    await Promise.all([listener.stop(), writers.end(), readers.end()]);
  });
}

type Start = <Target>(reader: Reader<Target>, paceMs: number, onNotice: (notice: Notice, wake: () => void) => void, onStop?: () => void) => Subscription;

interface Parts {
  readonly segments: SegmentWriter;
  readonly recent: RecentSegments;
  readonly epochs: Epochs;
  readonly hasRoom: () => boolean;
  readonly writers: SqlPool;
  readonly readers: SqlPool;
  readonly logger: Logger;
  readonly letters: LetterWatch;
  readonly start: Start;
}

function assemble({ segments, recent, epochs, hasRoom, writers, readers, logger, letters, start }: Parts, stop: () => Promise<void>): PostgresEventLog {
  return {
    publish: async (transaction, schema, key, message) => void (await publish(transaction, schema, key, message)),
    position,
    beat: (schema) => beat(writers, schema),
    hasRoom,
    // Whoever has lost an epoch is refused, so a name may be used again; the epoch before is closed at once.
    producerName: (name) => name,
    takeEpoch: (producer) => epochs.take(producer),
    renewEpoch: (producer, epoch) => epochs.renew(producer, epoch),
    closeEpoch: (producer, epoch) => epochs.close(producer, epoch),
    openEpochs: () => epochs.open(),
    appendSegment: (segment) => segments.append(segment),
    subscribe: (schema, consumer, handle, options) => {
      const reader = new TopicReader({ sql: readers, logger }, schema, consumer, handle, options);
      letters.add(reader);
      return start(reader, 0, (notice, wake) => { if ((notice.kind === 'published' || notice.kind === 'rewound') && notice.topic === reader.topic) wake(); }, () => letters.remove(reader));
    },
    follow: (schema, afterPosition, follower) => {
      const reader = new FollowReader(readers, schema, afterPosition, follower);
      return start(reader, 0, (notice, wake) => {
        if (notice.kind === 'segment' || notice.kind === 'rewound' || notice.topic !== reader.topic) return;
        if (notice.kind === 'published' || !reader.onBeat(notice.head)) wake();
      });
    },
    subscribeSegments: (consumer, handle) => start(new SegmentReader(readers, recent, consumer, handle), SEGMENT_PACE_MS, (notice, wake) => { if (notice.kind === 'segment') wake(); }),
    prune: (nowMs) => prune(readers, nowMs),
    deadLetters: (schema, consumer) => listDeadLetters(readers, schema, consumer),
    replayDeadLetters: (schema, consumer) => replayDeadLetters(readers, schema, consumer),
    health: () => letters.health(),
    stop,
  };
}
