export type {
  DeadLetter, DeadLetters, EventLog, EventRecord, Follower, OpenEpoch, RecordHandler, SegmentEntry, SegmentHandler, StoredSegment, SubscribeOptions, Subscription,
} from './event-log.ts';
export { createPostgresEventLog, type PostgresEventLog, type PostgresEventLogOptions } from './postgres/postgres-event-log.ts';
export { actorOf, publishAct, type ActOutlet, type Actor, type AdminAct } from './admin-act.ts';
export { openLogOperations, type LogOperations } from './operations/log-operations.ts';
export { LETTERS_LISTED, type Letter, type LetterFilter, type LetterPlace, type OpenedLetter } from './operations/letters.ts';
export type { Rewound } from './operations/rewind.ts';
