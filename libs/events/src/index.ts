export type {
  EventLog, EventRecord, Follower, OpenEpoch, RecordHandler, SegmentEntry, SegmentHandler, StoredSegment, Subscription,
} from './event-log.ts';
