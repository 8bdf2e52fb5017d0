/** A header of a record, as a reader outside meets it. */
export interface Header {
  readonly name: string;
  readonly always: boolean;
  readonly says: string;
}

/** CloudEvents 1.0 in binary mode (Kafka protocol binding 1.0.2), and what Sluice adds as extension attributes. */
export const HEADERS: readonly Header[] = [
  { name: 'content-type', always: true, says: '`application/protobuf`' },
  { name: 'ce_specversion', always: true, says: '`1.0`' },
  { name: 'ce_id', always: true, says: 'with `ce_source` the name of the event: a record that comes again has the same two' },
  { name: 'ce_source', always: true, says: '`/topics/NAME` of what an owner says of its topic, `/producers/NAME` of what a data plane writes, `/rights/NAME` of claims to a right, `/readers/NAME` of probes; names are encoded as in an address (RFC 3986)' },
  { name: 'ce_type', always: true, says: 'full name of the protobuf message in the value, or of a record without one (below)' },
  { name: 'ce_time', always: true, says: 'when it was published (RFC 3339)' },
  { name: 'ce_partitionkey', always: true, says: 'the same as the key of the record' },
  { name: 'ce_sequence', always: false, says: 'place of the record in its topic, dense from 1 and padded to 20 digits; on `calls` the place of the segment in its epoch, dense from 0' },
  { name: 'ce_epoch', always: false, says: 'on `calls`: the epoch of the producer that the record belongs to' },
  { name: 'ce_segments', always: false, says: 'on `calls`, where an epoch ends: how many segments it has, as far as who ended it knew' },
  { name: 'ce_taker', always: false, says: 'on `calls`, where an epoch begins: the run of the process that took it' },
  { name: 'ce_take', always: false, says: 'on `calls`, where an epoch begins: which of the attempts of that run it is; a later one takes the place of an earlier' },
  { name: 'traceparent', always: false, says: 'W3C Trace Context of whoever published it' },
];

/** On a topic of dead letters, beside the headers that the record had. */
export const DEAD_LETTER_HEADERS: readonly Header[] = [
  { name: 'x-error', always: true, says: 'code of the last failure (docs/errors.md)' },
  { name: 'x-attempts', always: true, says: 'how often it was tried' },
  { name: 'x-consumer', always: true, says: 'who could not handle it' },
  { name: 'x-origin-topic', always: true, says: 'where it was' },
  { name: 'x-origin-partition', always: true, says: 'its partition there' },
  { name: 'x-origin-offset', always: true, says: 'its offset there' },
];

/** A record without a value. */
export interface BareRecord {
  readonly type: string;
  readonly topic: string;
  readonly says: string;
}

export const BARE_RECORDS: readonly BareRecord[] = [
  { type: 'events.v1.EpochOpened', topic: 'calls', says: "begins an epoch of its producer, whose number is the record's offset and one; the one before it ends there at the latest" },
  { type: 'events.v1.EpochClosed', topic: 'calls', says: 'ends the epoch that `ce_epoch` names' },
  { type: 'events.v1.BeatProbe', topic: 'producer.beat', says: 'is how a reader knows that it has read everything in front of it: it says nothing, and its key is the reader' },
];
