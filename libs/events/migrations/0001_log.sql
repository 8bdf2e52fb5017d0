-- One row per topic. Its lock, held until commit, makes positions dense and orders them by commit.
CREATE TABLE topic (
  name text PRIMARY KEY,
  head bigint NOT NULL,
  retention_days integer NOT NULL
);

CREATE TABLE record (
  topic text NOT NULL,
  position bigint NOT NULL,
  key text NOT NULL,
  payload bytea NOT NULL,
  published_at_ms bigint NOT NULL,
  PRIMARY KEY (topic, position)
);

-- `attempts` counts failures of the record behind `position`.
CREATE TABLE topic_cursor (
  consumer text NOT NULL,
  topic text NOT NULL,
  position bigint NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  PRIMARY KEY (consumer, topic)
);

CREATE TABLE dead_letter (
  consumer text NOT NULL,
  topic text NOT NULL,
  position bigint NOT NULL,
  key text NOT NULL,
  payload bytea NOT NULL,
  error_code text NOT NULL,
  attempts integer NOT NULL,
  failed_at_ms bigint NOT NULL,
  replay boolean NOT NULL DEFAULT false,
  PRIMARY KEY (consumer, topic, position)
);

-- The newest epoch of each producer. Rows are never removed: an epoch must not be given twice.
CREATE TABLE producer (
  name text PRIMARY KEY,
  epoch bigint NOT NULL,
  next_seq bigint NOT NULL,
  closed boolean NOT NULL,
  beat_at_ms bigint NOT NULL
) WITH (fillfactor = 50);

-- A close is a row without bytes, in the place behind the epoch's last segment.
CREATE TABLE segment (
  producer text NOT NULL,
  epoch bigint NOT NULL,
  seq bigint NOT NULL,
  size integer NOT NULL,
  bytes bytea,
  appended_at_ms bigint NOT NULL,
  PRIMARY KEY (producer, epoch, seq)
);
-- Sealed bytes do not compress; trying costs more than the append.
ALTER TABLE segment ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE INDEX segment_by_age ON segment USING brin (appended_at_ms);

-- The row is locked while a batch is handled, so that one process at a time works for a consumer.
CREATE TABLE segment_consumer (
  name text PRIMARY KEY
);

-- Where a consumer is in a producer's stream; without a row: at (1, 0), the beginning.
CREATE TABLE segment_cursor (
  consumer text NOT NULL,
  producer text NOT NULL,
  epoch bigint NOT NULL,
  next_seq bigint NOT NULL,
  PRIMARY KEY (consumer, producer)
) WITH (fillfactor = 50);
