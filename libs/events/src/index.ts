export type {
  ConsumerOptions, DeadLetter, DeadLetters, EventLog, EventRecord, Follower, OpenEpoch, RecordHandler, SegmentEntry, SegmentHandler, StoredSegment, SubscribeOptions, Subscription, Witness,
} from './event-log.ts';
export { createPostgresEventLog, type PostgresEventLog, type PostgresEventLogOptions } from './postgres/postgres-event-log.ts';
export { actorOf, publishAct, type ActOutlet, type Actor, type AdminAct } from './admin-act.ts';
