-- Where the log lies on Kafka `record` is the outbox: a row goes when Kafka has it on every replica in sync.

-- Headers of a record that has others than those of its topic.
ALTER TABLE record ADD COLUMN headers jsonb;

-- The row is locked while records are sent, so that one process at a time sends those of a topic.
CREATE TABLE relay (
  topic text PRIMARY KEY,
  position bigint NOT NULL
);

-- Behind each batch: up to `position` everything lies in front of `next_offset`. The log is only cut at such places.
CREATE TABLE relay_mark (
  topic text NOT NULL,
  position bigint NOT NULL,
  next_offset bigint NOT NULL,
  sent_at_ms bigint NOT NULL,
  PRIMARY KEY (topic, position)
);

-- Where a consumer is in a partition. `owner` counts assignments: whoever holds an older one is refused.
-- `position` is null where the first record will tell; `attempts` counts failures of the record behind it.
CREATE TABLE kafka_cursor (
  consumer text NOT NULL,
  topic text NOT NULL,
  part integer NOT NULL,
  next_offset bigint NOT NULL,
  -- Where it began: behind the first offset only when what was in front of it had been removed.
  first_offset bigint NOT NULL,
  position bigint,
  owner bigint NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  PRIMARY KEY (consumer, topic, part)
) WITH (fillfactor = 50);

-- What a consumer has seen of an epoch. `preceding` is the producer's epoch before it, 0 for none; `taker` and `take` tell
-- an attempt to take an epoch from the one that followed it.
CREATE TABLE kafka_epoch (
  consumer text NOT NULL,
  producer text NOT NULL,
  epoch bigint NOT NULL,
  next_seq bigint NOT NULL,
  closed boolean NOT NULL,
  preceding bigint NOT NULL,
  taker text NOT NULL,
  take bigint NOT NULL,
  seen_at_ms bigint NOT NULL,
  PRIMARY KEY (consumer, producer, epoch)
) WITH (fillfactor = 50);
