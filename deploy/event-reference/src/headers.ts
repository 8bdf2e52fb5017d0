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
  { name: 'ce_source', always: true, says: '`/topics/NAME`, or `/producers/NAME` on the topic `calls`' },
  { name: 'ce_type', always: true, says: 'full name of the protobuf message in the value' },
  { name: 'ce_time', always: true, says: 'when it was published (RFC 3339)' },
  { name: 'ce_partitionkey', always: true, says: 'the same as the key of the record' },
  { name: 'ce_sequence', always: false, says: 'place of the record in its topic, dense from 1 and padded to 20 digits; on `calls` the place of the segment in its epoch, dense from 0' },
  { name: 'ce_epoch', always: false, says: 'on `calls`: the epoch of the producer that the record belongs to' },
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
